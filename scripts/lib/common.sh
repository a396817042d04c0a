# shellcheck shell=bash
# What every script shares: where things are, how progress is told and how a script fails.
# Results go to stdout, everything else to stderr.
# shellcheck disable=SC2034 # the variables are read by the scripts that source this file

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

# A developer's own libpq settings (PGHOST, PGSERVICE, …) must not redirect what these scripts do.
unset "${!PG@}"

if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' red=$'\e[31m' yellow=$'\e[33m' plain=$'\e[0m'
else
    bold='' red='' yellow='' plain=''
fi

# progress TEXT: one line for each thing a script does.
progress() { printf '%s==>%s %s\n' "$bold" "$plain" "$*" >&2; }

# note TEXT: detail below a progress line.
note() { printf '    %s\n' "$*" >&2; }

# warn TEXT: something is wrong, the script goes on.
warn() { printf '%swarning:%s %s\n' "$yellow" "$plain" "$*" >&2; }

# complain TEXT [HINT…]: says what failed, then what to do about it, one hint per line.
complain() {
    printf '%serror:%s %s\n' "$red" "$plain" "$1" >&2
    shift
    local hint
    for hint in "$@"; do printf '       %s\n' "$hint" >&2; done
}

# fail TEXT [HINT…]: complain, and leave with status 1.
fail() {
    complain "$@"
    exit 1
}

# refuse TEXT: the command line is wrong (status 2, as for getopt's callers).
refuse() {
    complain "$1" "See: $0 --help"
    exit 2
}

# split_options ARGUMENT…: fills the array `arguments`, with --name=value split in two.
split_options() {
    arguments=()
    local argument
    for argument in "$@"; do
        if [[ $argument == --*=* ]]; then
            arguments+=("${argument%%=*}" "${argument#*=}")
        else
            arguments+=("$argument")
        fi
    done
}

# require_value OPTION REMAINING: refuses an option whose value is missing.
require_value() { (($2 >= 2)) || refuse "$1 needs a value"; }

# require_number OPTION VALUE LOW HIGH: refuses a value that is not a whole number from LOW to HIGH.
require_number() {
    if [[ ! $2 =~ ^(0|[1-9][0-9]{0,8})$ ]] || (($2 < $3 || $2 > $4)); then
        refuse "$1 must be a number from $3 to $4, not '$2'"
    fi
}

# has COMMAND: whether a program is on the PATH.
has() { command -v "$1" >/dev/null 2>&1; }

# show_log_end FILE: the last lines of a log, indented, for a failure report.
show_log_end() {
    [[ -s $1 ]] || return 0
    printf '    last lines of %s:\n' "$1" >&2
    tail -n 15 "$1" | cut -c 1-400 | sed 's/^/    | /' >&2
}

# use_state DIRECTORY: names everything that belongs to one local system. Nothing is created.
use_state() {
    [[ -n $1 ]] || refuse "--state needs a directory"
    # One spelling: the databases of root are found by a hash of it.
    state=$(realpath --canonicalize-missing -- "$1")
    run_directory=$state/run
    log_directory=$state/logs
    secret_directory=$state/secrets
    demonstration_password=$secret_directory/demonstration.password
    messages_file=$secret_directory/messages.jsonl
    tls_directory=$state/tls
    token_directory=$state/token
    gateway_directory=$state/gateway
    postgres_link=$state/postgres
    system_file=$run_directory/system
}

# Where the local system lives unless --state says otherwise.
default_state=${GATEHOUSE_STATE:-$repository/.local}

# create_state: makes the directories of `use_state`, readable by the owner only.
create_state() {
    (
        umask 077
        mkdir -p "$run_directory" "$log_directory" "$secret_directory" "$tls_directory" "$token_directory" \
            "$gateway_directory"
    ) || fail "cannot create $state" "Is it writable for $(id -un)?"
    [[ -O $run_directory && -w $run_directory ]] \
        || fail "$state belongs to another user" "Run as that user, or choose another place with --state DIRECTORY."
}

# write_private FILE: stdin becomes FILE, mode 0600, whole or not at all.
write_private() {
    local temporary=$1.new.$$
    (umask 077 && cat >"$temporary") && mv -f "$temporary" "$1"
}
