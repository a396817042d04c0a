#!/usr/bin/env bash
set -euo pipefail
directory=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=system.sh
source "$directory/system.sh"

usage() {
    cat <<'USAGE'
Usage: scripts/bench system [OPTION…]

Measures the running local system (scripts/up, release programs) end to end with h2load: TLS 1.3 and HTTP/2 in front,
token check, HTTP/1.1 to warehouse, one statement to Postgres. Two requests: GET of one item, and a list of 50. Prints
requests per second, latency, and the CPU time per request of the gateway, the service and Postgres, of every round.

The load generator runs on the same machine and takes its share of it. Figures of two machines do not compare.

  --rounds N          rounds of each request (default 3)
  --duration S        seconds of one round, after one second of warming up (default 10)
  --connections N     client connections (default 16)
  --streams N         concurrent requests of a connection (default 4)
  --state DIRECTORY   the state directory given to scripts/up (default .local, or $GATEHOUSE_STATE)
  --help

Needs h2load (Debian package nghttp2-client). The token is seen by ps while it runs; it reads warehouse only and is good
for the time that the rounds take, and ten minutes.
USAGE
}

rounds=3 duration=10 connections=16 streams=4
state_option=$default_state
split_options "$@"
set -- "${arguments[@]}"
while (($# > 0)); do
    case $1 in
        --help | -h) usage && exit 0 ;;
        --rounds) require_value "$1" $# && require_number "$1" "$2" 1 100 && rounds=$2 && shift ;;
        --duration) require_value "$1" $# && require_number "$1" "$2" 1 600 && duration=$2 && shift ;;
        --connections) require_value "$1" $# && require_number "$1" "$2" 1 10000 && connections=$2 && shift ;;
        --streams) require_value "$1" $# && require_number "$1" "$2" 1 128 && streams=$2 && shift ;;
        --state) require_value "$1" $# && state_option=$2 && shift ;;
        *) refuse "unknown argument $1" ;;
    esac
    shift
done
use_state "$state_option"
has h2load || fail "h2load is not on the PATH" "Install the Debian package nghttp2-client."
if ! load_system || ! process_of gateway >/dev/null || ! process_of warehouse >/dev/null; then
    fail "there is no running local system in $state" "Bring it up with scripts/up --detach."
fi
locate_postgres
[[ ${system[programs]} == */release ]] || warn "the programs in ${system[programs]} may not be release programs"

# Good for all rounds of both requests, and ten minutes.
ttl=$((2 * rounds * (duration + 3) + 600))s
authorization="Authorization: Bearer $(development_token --subject bench --scope warehouse:read --ttl "$ttl")"
items=()

# call METHOD PATH [BODY]: one request with every right; the token travels in a file.
call() {
    curl --silent --show-error --fail --noproxy '*' --cacert "$tls_directory/ca.pem" --config "$working/curl" \
        --request "$1" "$(base_url)$2" ${3:+--header "content-type: application/json" --data "$3"}
}

remove_items() {
    local id
    for id in "${items[@]}"; do call DELETE "/warehouse/items/$id" >/dev/null || true; done
    rm -rf "$working"
}

working=$(mktemp -d)
trap remove_items EXIT
printf 'header = "Authorization: Bearer %s"\n' "$(development_token --subject bench --ttl "$ttl")" \
    | write_private "$working/curl"
run=$(openssl rand -hex 4)
for ((i = 0; i < 50; i++)); do
    items+=("$(call POST /warehouse/items "{\"name\": \"Bench $run $i\", \"description\": \"To be listed\", \"price\": 12.30}" \
        | sed 's/.*"id" *: *\([0-9]*\).*/\1/')")
done

# cpu_ticks PID…: user and system time of processes, ended children included, in clock ticks.
cpu_ticks() {
    local pid stat sum=0
    for pid in "$@"; do
        { read -r stat <"/proc/$pid/stat"; } 2>/dev/null || continue
        # shellcheck disable=SC2086
        set -- ${stat##*) }
        sum=$((sum + ${12} + ${13} + ${14} + ${15}))
    done
    printf '%s' "$sum"
}

postgres_processes() {
    local postmaster
    postmaster=$(postgres_process)
    printf '%s\n' "$postmaster"
    pgrep --parent "$postmaster" || true
}

# cpu_of_parts: gateway, warehouse and Postgres, one per line. Postgres has a process for each connection, and the pool
# may open more of them while it is measured: the list is made anew each time.
cpu_of_parts() {
    local processes
    mapfile -t processes < <(postgres_processes)
    printf '%s\n' "$(cpu_ticks "$(process_of gateway)")" "$(cpu_ticks "$(process_of warehouse)")" \
        "$(cpu_ticks "${processes[@]}")"
}

# measure NAME PATH: one round.
measure() {
    local before after output requests
    load "$2" 1 >/dev/null
    mapfile -t before < <(cpu_of_parts)
    output=$(load "$2" "$duration")
    mapfile -t after < <(cpu_of_parts)
    requests=$(sed -n 's/^status codes: \([0-9]*\) 2xx.*/\1/p' <<<"$output")
    if ((${requests:-0} == 0)) || ! grep -q ' 0 3xx, 0 4xx, 0 5xx' <<<"$output"; then
        fail "not every request was answered with 200" "$(grep -E '^(requests|status codes):' <<<"$output")"
    fi
    awk -v name="$1" -v requests="$requests" -v seconds="$duration" -v tick="$(getconf CLK_TCK)" \
        -v gateway=$((after[0] - before[0])) -v service=$((after[1] - before[1])) -v postgres=$((after[2] - before[2])) \
        -v mean="$(awk '/^time for request:/ { print $6 }' <<<"$output")" \
        'BEGIN { cpu = 1e6 / tick / requests
            printf "%-12s %10.0f %10s %10.1f %10.1f %10.1f\n", name, requests / seconds, mean, gateway * cpu, service * cpu, postgres * cpu }'
}

load() {
    h2load --clients "$connections" --max-concurrent-streams "$streams" --threads 1 --duration "$2" \
        --header "$authorization" "$(base_url)$1"
}

progress "$rounds rounds of $duration s, $connections connections with $streams streams"
printf '%-12s %10s %10s %10s %10s %10s\n' '' requests/s 'mean time' gateway service postgres
printf '%-12s %10s %10s %10s %10s %10s\n' '' '' '' µs µs µs
for ((round = 0; round < rounds; round++)); do
    measure "one item" "/warehouse/items/${items[0]}"
    measure "list of 50" "/warehouse/items?limit=50"
done
