# shellcheck shell=bash
# Long-running programs and the files that remember them.
#
# run/NAME.pid holds "PID START BOOT": the process id, its start time (proc(5), field 22 of stat) and the boot id.
# A process is ours only when all three agree, so a reused process id is never signalled.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# start_time_of PID: prints the start time in clock ticks since boot; fails for a process that is gone or a zombie.
start_time_of() {
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The program's name, in parentheses, may hold blanks: count fields behind it (the first there is field 3).
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    [[ $1 != Z && $1 != X ]] || return 1
    printf '%s' "${20}"
}

boot_id() { cat /proc/sys/kernel/random/boot_id; }

# remember_process NAME PID
remember_process() {
    printf '%s %s %s\n' "$2" "$(start_time_of "$2" || echo gone)" "$(boot_id)" >"$run_directory/$1.pid"
}

# process_of NAME: prints the process id of a part that runs; fails when it does not run.
process_of() {
    local pid start boot
    { read -r pid start boot <"$run_directory/$1.pid"; } 2>/dev/null || return 1
    [[ $boot == "$(boot_id)" && $start == "$(start_time_of "$pid")" ]] || return 1
    printf '%s' "$pid"
}

# start_process NAME COMMAND…: starts COMMAND in a session of its own (it outlives the terminal, and Ctrl-C does not
# reach it), its output in logs/NAME.log. The log of the run before is kept as logs/NAME.log.1.
start_process() {
    local name=$1 log=$log_directory/$1.log
    shift
    [[ ! -s $log ]] || mv -f "$log" "$log.1"
    # Descriptor 9 is the lock of `with_system_lock`: a child must not keep it.
    (umask 077 && exec setsid "$@" </dev/null >"$log" 2>&1 9>&-) &
    remember_process "$name" "$!"
    # The shell would report its end on its own, in its own words.
    disown
}

# stop_process NAME SECONDS: asks with SIGTERM, insists with SIGKILL after SECONDS. Not running is fine.
stop_process() {
    local name=$1 pid turn
    if ! pid=$(process_of "$name"); then
        rm -f "$run_directory/$name.pid"
        return 0
    fi
    progress "stopping $name"
    # The process may end between the look and the signal: that is what was wanted.
    kill -TERM "$pid" 2>/dev/null || true
    for ((turn = 0; turn < $2 * 10; turn++)); do
        process_of "$name" >/dev/null || break
        sleep 0.1
    done
    if process_of "$name" >/dev/null; then
        warn "$name did not stop within $2 s and is killed; its log: $log_directory/$name.log"
        kill -KILL "$pid" 2>/dev/null || true
        for ((turn = 0; turn < 50; turn++)); do
            process_of "$name" >/dev/null || break
            sleep 0.1
        done
    fi
    rm -f "$run_directory/$name.pid"
}

# port_is_taken ADDRESS PORT: whether something accepts connections there.
port_is_taken() {
    local address=$1
    case $address in
        0.0.0.0) address=127.0.0.1 ;;
        ::) address=::1 ;;
    esac
    (exec 3<>"/dev/tcp/$address/$2") 2>/dev/null
}

# port_holder PORT: who listens there, as far as this user may know.
port_holder() {
    has ss || return 0
    ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1, process \2/p' | head -n 1
}

# fetch URL: prints what a loopback address answers; fails on any status but 2xx.
fetch() { curl --silent --show-error --fail --noproxy '*' --max-time 2 "$1" 2>/dev/null; }

# wait_until_ready NAME URL SECONDS: waits for a 2xx answer; gives up early when the process ends.
wait_until_ready() {
    local name=$1 url=$2 log=$log_directory/$1.log deadline=$((SECONDS + $3))
    until fetch "$url" >/dev/null; do
        if ! process_of "$name" >/dev/null; then
            complain "$name ended while it started" "Its log: $log"
            show_log_end "$log"
            return 1
        fi
        if ((SECONDS >= deadline)); then
            complain "$name is not ready after $3 s ($url)" "Its log: $log"
            show_log_end "$log"
            return 1
        fi
        sleep 0.2
    done
}

# with_system_lock: one start or stop at a time for this state; released by `release_system_lock` or at exit.
with_system_lock() {
    exec 9>"$run_directory/lock"
    flock --wait 120 9 \
        || fail "another scripts/up or scripts/down has been at work on $state for two minutes" "Wait for it, or end it."
}

release_system_lock() { exec 9>&-; }
