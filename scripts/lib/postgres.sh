# shellcheck shell=bash
# A private Postgres cluster: its own data directory, reached through a Unix socket only. It never touches a cluster
# of the system.
#
# For an ordinary user everything is in <state>/postgres. Postgres refuses to run as root, and the user it then runs as
# may not be able to enter the clone (for example under /root): for root the cluster is therefore in
# /var/lib/gatehouse-dev-<hash of the state's path>, and <state>/postgres is a link to it.

# shellcheck source=process.sh
source "$(dirname "${BASH_SOURCE[0]}")/process.sh"

# as_postgres COMMAND…: runs COMMAND as the user the server runs as, in a directory that user can enter.
as_postgres() {
    if ((EUID == 0)); then
        (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups --inh-caps=-all -- "$@")
    else
        (cd / && exec "$@")
    fi
}

# locate_postgres: sets postgres_home (all of the cluster), postgres_data, postgres_socket and postgres_log.
# Nothing is created.
locate_postgres() {
    local digest
    digest=$(printf '%s' "$state" | sha256sum | cut -c 1-12)
    if ((EUID == 0)); then
        postgres_home=/var/lib/gatehouse-dev-$digest
        # A clone that was moved keeps its databases: the link moved along and names a cluster that nobody else claims.
        if [[ -L $postgres_link ]]; then
            local linked owner=
            linked=$(readlink "$postgres_link")
            [[ $linked != /var/lib/gatehouse-dev-* || ! -f $linked/owner ]] || owner=$(<"$linked/owner")
            if [[ -n $owner && ($owner == "$state" || ! -e $owner) ]]; then postgres_home=$linked; fi
        fi
    else
        postgres_home=$postgres_link
    fi
    postgres_data=$postgres_home/data
    postgres_log=$postgres_home/postgres.log
    postgres_socket=$postgres_home/socket
    # sockaddr_un.sun_path holds 107 bytes and a terminator (unix(7)); the server adds its own file name.
    if ((${#postgres_socket} + 14 > 107)); then postgres_socket=/tmp/gatehouse-$EUID-$digest; fi
}

# find_postgres_programs: sets postgres_programs to the directory of initdb and pg_ctl: the version that made the
# cluster, or else the newest one.
find_postgres_programs() {
    local version='' candidate
    if [[ -L $postgres_link || -d $postgres_data ]]; then
        version=$(as_postgres cat "$postgres_data/PG_VERSION" 2>/dev/null || true)
    fi
    postgres_programs=
    while IFS= read -r candidate; do
        if [[ -x $candidate/initdb && -x $candidate/pg_ctl && -x $candidate/psql ]]; then postgres_programs=$candidate; fi
    done < <(compgen -G "/usr/lib/postgresql/${version:-*}/bin" | sort -V)
    if [[ -z $postgres_programs && -z $version ]] && has initdb && has pg_ctl && has psql; then
        postgres_programs=$(dirname "$(command -v initdb)")
    fi
    [[ -n $postgres_programs ]] || fail "the programs of PostgreSQL ${version:-(any version)} were not found" \
        "Install them with scripts/bootstrap${version:+, or start over without the old databases: scripts/down --purge}."
}

# postgres_process: prints the process id of our server; fails when it does not run. The server's working directory is
# its data directory, so a stale postmaster.pid whose number was reused does not deceive.
postgres_process() {
    local pid
    pid=$(as_postgres head -n 1 "$postgres_data/postmaster.pid" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ ]] || return 1
    start_time_of "$pid" >/dev/null || return 1
    [[ $(as_postgres readlink "/proc/$pid/cwd" 2>/dev/null) == "$(as_postgres realpath "$postgres_data")" ]] || return 1
    printf '%s' "$pid"
}

create_postgres_directories() {
    if ((EUID == 0)); then
        getent passwd postgres >/dev/null || fail "there is no user 'postgres' to run the database as" \
            "scripts/bootstrap installs PostgreSQL, which creates that user."
        install -d -o postgres -g postgres -m 0700 "$postgres_home"
        [[ -L $postgres_link || ! -e $postgres_link ]] || fail "$postgres_link is not the link that root's cluster needs" \
            "Was it made by another user? Remove it with that user's scripts/down --purge."
        ln -sfn "$postgres_home" "$postgres_link"
        printf '%s\n' "$state" >"$postgres_home/owner"
        install -d -o postgres -g postgres -m 0700 "$postgres_socket"
    else
        (umask 077 && mkdir -p "$postgres_home" "$postgres_socket")
        # In /tmp somebody else could have made the directory first, to answer in our name.
        [[ -O $postgres_socket && ! -L $postgres_socket ]] || fail "$postgres_socket belongs to somebody else"
    fi
    ln -sfn "$postgres_log" "$log_directory/postgres.log"
}

# create_cluster: initdb with SCRAM for everybody and a random password for the superuser, kept beside the data.
create_cluster() {
    progress "creating a private Postgres cluster in $postgres_home"
    local password_file=$postgres_home/superuser.password
    (umask 077 && openssl rand -hex 24 | as_postgres tee "$password_file" >/dev/null)
    if ! as_postgres "$postgres_programs/initdb" --pgdata="$postgres_data" --username=postgres \
        --pwfile="$password_file" --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --data-checksums \
        >"$log_directory/initdb.log" 2>&1; then
        show_log_end "$log_directory/initdb.log"
        as_postgres rm -rf "$postgres_data"
        fail "Postgres could not create its cluster" "Its log: $log_directory/initdb.log"
    fi
    # A role reaches the database of its own name and no other, whatever is granted inside.
    as_postgres tee "$postgres_data/pg_hba.conf" >/dev/null <<'RULES'
# TYPE  DATABASE  USER      METHOD
local   all       postgres  scram-sha-256
local   sameuser  all       scram-sha-256
RULES
}

# remove_stale_process_file: Postgres clears a leftover postmaster.pid itself, except when its number has meanwhile been
# given to another process. Only called when `postgres_process` finds no server of ours.
remove_stale_process_file() {
    local pid
    pid=$(as_postgres head -n 1 "$postgres_data/postmaster.pid" 2>/dev/null) || return 0
    ! start_time_of "$pid" >/dev/null || as_postgres rm -f "$postgres_data/postmaster.pid"
}

# start_postgres: creates the cluster if there is none, and starts it if it does not run.
start_postgres() {
    create_postgres_directories
    as_postgres test -f "$postgres_data/PG_VERSION" || create_cluster
    ! postgres_process >/dev/null || return 0
    progress "starting Postgres"
    remove_stale_process_file
    ! as_postgres test -s "$postgres_log" || as_postgres mv -f "$postgres_log" "$postgres_log.1"
    if ! as_postgres "$postgres_programs/pg_ctl" start --pgdata="$postgres_data" --log="$postgres_log" --silent --wait \
        --timeout=60 --options="-c listen_addresses= -c unix_socket_directories='$postgres_socket' \
            -c unix_socket_permissions=0700 -c port=5432 -c password_encryption=scram-sha-256" 9>&-; then
        complain "Postgres did not start" "Its log: $postgres_log"
        as_postgres tail -n 15 "$postgres_log" >&2 || true
        return 1
    fi
}

# stop_postgres: a fast shutdown; an immediate one (crash recovery at the next start) when that takes too long.
stop_postgres() {
    postgres_process >/dev/null || return 0
    progress "stopping postgres"
    as_postgres "$postgres_programs/pg_ctl" stop --pgdata="$postgres_data" --mode=fast --silent --wait --timeout=30 \
        || as_postgres "$postgres_programs/pg_ctl" stop --pgdata="$postgres_data" --mode=immediate --silent --wait \
            --timeout=10
}

# create_databases NAME…: one role and one database of the same name for each service, with the password in
# secrets/NAME.password. Existing ones are kept; a lost password file is made anew.
create_databases() {
    local name sql=''
    for name in "$@"; do
        local password_file=$secret_directory/$name.password
        [[ -s $password_file ]] || openssl rand -hex 24 | write_private "$password_file"
        sql+="
SELECT 'CREATE ROLE $name' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$name') \\gexec
ALTER ROLE $name LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '$(<"$password_file")';
SELECT 'CREATE DATABASE $name OWNER $name' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$name') \\gexec
REVOKE ALL ON DATABASE $name FROM PUBLIC;"
    done
    # Passwords travel on standard input, and no failing statement is copied into the server's log.
    superuser_psql >/dev/null <<<"SET log_min_error_statement = panic; $sql" \
        || fail "the databases could not be created" "The server's log: $postgres_log"
}

# superuser_psql: psql as the cluster's superuser; SQL on standard input.
superuser_psql() {
    local password_file=$secret_directory/pgpass
    printf '*:*:*:postgres:%s\n' "$(as_postgres cat "$postgres_home/superuser.password")" | write_private "$password_file"
    PGPASSFILE=$password_file "$postgres_programs/psql" --no-psqlrc --quiet --no-password --set=ON_ERROR_STOP=1 \
        --host="$postgres_socket" --port=5432 --username=postgres --dbname=postgres
}

# purge_postgres: removes the stopped cluster with all its data.
purge_postgres() {
    rm -rf "$postgres_home" "$postgres_socket"
    rm -f "$postgres_link"
}
