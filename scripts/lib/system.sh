# shellcheck shell=bash
# The local system: its parts, their ports, how each is started and stopped.

# shellcheck source=postgres.sh
source "$(dirname "${BASH_SOURCE[0]}")/postgres.sh"

# identity first: the others are ready only when they have its keys.
services=(identity warehouse accounting sales)
parts=(postgres "${services[@]}" gateway)

declare -A default_port=(
    [https]=8443 [http]=8080 [admin]=9901
    [warehouse]=8081 [accounting]=8082 [sales]=8083 [identity]=8084
    [warehouse-management]=9081 [accounting-management]=9082 [sales-management]=9083 [identity-management]=9084
)

# The account that scripts/up makes for trying things out: every scope of the services, and no role.
demonstration_email=demo@gatehouse.example
demonstration_scope="warehouse:read warehouse:write accounting:read accounting:write sales:read sales:write"

# What scripts/up was asked for, remembered in run/system so that scripts/token, scripts/postman, scripts/down and a
# later scripts/up for one part agree: address, programs, workers and every port.
declare -A system=()

# load_system: reads run/system; fails when there is none.
load_system() {
    local key value
    [[ -r $system_file ]] || return 1
    while IFS='=' read -r key value; do system[$key]=$value; done <"$system_file"
}

save_system() {
    local key
    for key in "${!system[@]}"; do printf '%s=%s\n' "$key" "${system[$key]}"; done | sort | write_private "$system_file"
}

# free_port_offset FIRST: prints the first offset, in steps of 97, at which every port of the defaults is free.
free_port_offset() {
    local offset name
    for ((offset = $1; offset < $1 + 97 * 50; offset += 97)); do
        for name in "${!default_port[@]}"; do
            ! port_is_taken 127.0.0.1 $((${default_port[$name]} + offset)) || continue 2
        done
        printf '%s' "$offset"
        return 0
    done
    return 1
}

is_part() {
    local part
    for part in "${parts[@]}"; do [[ $part != "$1" ]] || return 0; done
    return 1
}

# part_runs PART
part_runs() {
    if [[ $1 == postgres ]]; then postgres_process >/dev/null; else process_of "$1" >/dev/null; fi
}

# running_parts: prints those that run, one per line.
running_parts() {
    local part
    for part in "${parts[@]}"; do
        ! part_runs "$part" || printf '%s\n' "$part"
    done
}

# ports_of PART: prints the names of the ports a part listens on.
ports_of() {
    case $1 in
        postgres) ;;
        gateway) printf '%s\n' https http admin ;;
        *) printf '%s\n' "$1" "$1-management" ;;
    esac
}

# settings_of PART: prints the names of what a part is told when it starts: its own ports, and those of others it calls.
settings_of() {
    ports_of "$1"
    case $1 in
        gateway) printf '%s\n' address workers "${services[@]}" ;;
        identity) printf 'https\n' ;;
        warehouse | accounting) printf 'identity\n' ;;
        sales) printf '%s\n' identity warehouse ;;
    esac
}

# address_of PORT-NAME: only the gateway's two public ports listen on the address of --address.
address_of() {
    case $1 in
        https | http) printf '%s' "${system[address]}" ;;
        *) printf '127.0.0.1' ;;
    esac
}

# program_of PART
program_of() {
    if [[ $1 == gateway ]]; then printf '%s' "${system[programs]}/gatehouse"; else printf '%s' "${system[programs]}/$1-service"; fi
}

# is_outdated PART: whether a part that runs was started from a program that has been rebuilt since.
is_outdated() {
    local pid
    [[ $1 != postgres ]] || return 1
    pid=$(process_of "$1") || return 1
    [[ $(stat -L -c %d:%i "/proc/$pid/exe" 2>/dev/null) != "$(stat -L -c %d:%i "$(program_of "$1")")" ]]
}

# require_free_ports PART: a clear refusal before anything of the part is started.
require_free_ports() {
    local name address port holder
    while read -r name; do
        port=${system[$name]}
        address=$(address_of "$name")
        if port_is_taken "$address" "$port"; then
            holder=$(port_holder "$port")
            complain "port $port ($name) of $address is in use${holder:+ by $holder}" \
                "Choose another one with --$name-port, or shift all of them with --port-offset."
            return 1
        fi
    done < <(ports_of "$1")
}

# service_environment NAME: fills the array `environment` for env(1). No secret is in it, only the paths of secrets.
service_environment() {
    local name=$1
    environment=(
        --unset=POSTGRES_PASSWORD --unset=TOKEN_KEY_SET_FILE --unset=TOKEN_KEY_SET_URI
        HTTP_ADDRESS=127.0.0.1 "HTTP_PORT=${system[$name]}"
        MANAGEMENT_ADDRESS=127.0.0.1 "MANAGEMENT_PORT=${system[$name-management]}"
        "POSTGRES_HOST=$postgres_socket" POSTGRES_PORT=5432 "POSTGRES_DATABASE=$name" "POSTGRES_USER=$name"
        "POSTGRES_PASSWORD_FILE=$secret_directory/$name.password" POSTGRES_SSLMODE=disable
        TOKEN_ISSUER=https://identity.gatehouse.local TOKEN_AUDIENCE=gatehouse
        "LOG_LEVEL=${LOG_LEVEL:-info}"
    )
    case $name in
        identity)
            environment+=(
                "SIGNING_SEAL_KEY_FILE=$secret_directory/identity.seal-key"
                "SIGNING_KEY_FILE=$token_directory/token-key.pem"
                "MESSAGES_FILE=$messages_file" "PUBLIC_URL=$(base_url)"
            )
            ;;
        *) environment+=("TOKEN_KEY_SET_URI=http://127.0.0.1:${system[identity]}/identity/.well-known/jwks.json") ;;
    esac
    [[ $name != sales ]] || environment+=("WAREHOUSE_URL=http://127.0.0.1:${system[warehouse]}")
}

# run_service NAME ARGUMENT…: runs a subcommand of a service to its end (migrate, seed).
run_service() {
    local environment name=$1
    shift
    service_environment "$name"
    env "${environment[@]}" "$(program_of "$name")" "$@"
}

# ensure_identity_keys: the key that seals signing keys in identity's database, and the first signing key. That one is a
# file only here, so that gatehouse-dev can make tokens that identity never would: expired, long-lived, of any subject.
# Existing ones are kept.
ensure_identity_keys() {
    local seal_key=$secret_directory/identity.seal-key
    if [[ ! -s $seal_key && ! -s $secret_directory/warehouse.password ]] && as_postgres test -e "$postgres_data/PG_VERSION"; then
        fail "the databases of $state are there, but $secret_directory is not: identity could not open its keys" \
            "scripts/down --purge removes both; or put the secrets back."
    fi
    [[ -s $seal_key ]] || openssl rand -base64 32 | write_private "$seal_key"
    [[ ! -s $token_directory/token-key.pem ]] || return 0
    progress "creating the first signing key"
    (umask 077 && "${system[programs]}/gatehouse-dev" keys --directory "$token_directory" >&2) \
        || fail "the signing key could not be created in $token_directory"
}

# ensure_demonstration_account: an account with a random password, which stays in the secrets. An existing one is kept.
ensure_demonstration_account() {
    local log=$log_directory/identity-account.log
    [[ -s $demonstration_password ]] || openssl rand -base64 24 | write_private "$demonstration_password"
    run_service identity accounts create --email "$demonstration_email" --first-name Demo --last-name Account \
        --company Gatehouse --scope "$demonstration_scope" --password-file "$demonstration_password" --if-missing \
        >"$log" 2>&1 || {
        complain "the demonstration account could not be made" "The log: $log"
        show_log_end "$log"
        return 1
    }
}

# development_token ARGUMENT…: prints a token that gatehouse-dev signs with the first signing key; good as long as identity
# publishes that key.
development_token() { "${system[programs]}/gatehouse-dev" token --key "$token_directory/token-key.pem" "$@"; }

# write_gateway_documents: what the documents of k8s/base/gateway refer to and a cluster would hold as objects: the
# certificate. Returns 1 when nothing has changed.
write_gateway_documents() {
    local file=$gateway_directory/local.yaml
    {
        printf 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: gatehouse-tls\ntype: kubernetes.io/tls\ndata:\n'
        printf '  tls.crt: %s\n' "$(base64 -w 0 "$tls_directory/server.pem")"
        printf '  tls.key: %s\n' "$(base64 -w 0 "$tls_directory/server-key.pem")"
    } | write_private "$file.next"
    if cmp -s "$file.next" "$file"; then
        rm -f "$file.next"
        return 1
    fi
    mv -f "$file.next" "$file"
}

# gateway_command: fills the array `command`.
gateway_command() {
    local name host=${system[address]}
    [[ $host != *:* ]] || host="[$host]"
    command=(
        "$(program_of gateway)" run
        --config "$repository/k8s/base/gateway" --config "$gateway_directory"
        --listen "https=$host:${system[https]}" --listen "http=$host:${system[http]}"
        --admin "127.0.0.1:${system[admin]}" --access-log "$log_directory/access.log"
        --log-level "${LOG_LEVEL:-info}" --drain-seconds 20
    )
    for name in "${services[@]}"; do command+=(--backend "$name=127.0.0.1:${system[$name]}"); done
    [[ -z ${system[workers]:-} ]] || command+=(--workers "${system[workers]}")
}

# start_part PART: starts a part that does not run and waits until it is ready (120 s for a service: its migrations).
start_part() {
    local part=$1 environment command
    require_free_ports "$part" || return 1
    case $part in
        postgres)
            start_postgres || return 1
            create_databases "${services[@]}"
            ;;
        gateway)
            progress "starting the gateway"
            gateway_command
            [[ ! -s $log_directory/access.log ]] || mv -f "$log_directory/access.log" "$log_directory/access.log.1"
            start_process gateway "${command[@]}"
            wait_until_ready gateway "http://127.0.0.1:${system[admin]}/readyz" 60
            ;;
        *)
            progress "starting $part"
            part_runs postgres || {
                complain "$part needs Postgres, which does not run" "Start it, too: scripts/up postgres $part"
                return 1
            }
            [[ $part == identity ]] || part_runs identity || {
                complain "$part needs identity, which does not run" "Start it, too: scripts/up identity $part"
                return 1
            }
            service_environment "$part"
            start_process "$part" env "${environment[@]}" "$(program_of "$part")" serve
            wait_until_ready "$part" "http://127.0.0.1:${system[$part-management]}/readyz" 120
            ;;
    esac
}

# stop_part PART: the gateway may take 20 s to finish what is in flight, see --drain-seconds.
stop_part() {
    case $1 in
        postgres) stop_postgres ;;
        gateway) stop_process gateway 30 ;;
        # 20 s for what is in flight, and 5 s to cancel the rest (SHUTDOWN_TIMEOUT).
        *) stop_process "$1" 30 ;;
    esac
}

# reversed ITEM…: prints the items, last one first. Parts stop in the opposite order of their start.
reversed() { printf '%s\n' "$@" | tac; }

# base_url, plain_url: where the gateway answers, by a name that its certificate holds.
base_url() { printf 'https://localhost:%s' "${system[https]}"; }
plain_url() { printf 'http://localhost:%s' "${system[http]}"; }
