# shellcheck shell=bash
# A development certificate authority and the certificate the gateway shows. P-256 throughout.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# openssl_quietly ARGUMENT…: openssl without its progress; its complaint on failure.
openssl_quietly() {
    local complaint
    complaint=$(openssl "$@" 2>&1) || fail "openssl $1 failed" "$complaint"
}

# create_certificate_authority: ten years, good for this machine's own names and nothing else: whoever steals its key
# cannot pretend to be any other site to a browser that trusts it (RFC 5280 §4.2.1.10).
create_certificate_authority() {
    progress "creating a development certificate authority"
    rm -f "$tls_directory/server.pem" "$tls_directory/server-key.pem"
    cat >"$tls_directory/ca.cnf" <<'CONFIGURATION'
[req]
distinguished_name = name
x509_extensions = authority
prompt = no
[name]
CN = Gatehouse development CA
[authority]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
nameConstraints = critical, permitted;DNS:localhost, permitted;DNS:gatehouse.local, permitted;IP:127.0.0.0/255.0.0.0, permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
CONFIGURATION
    openssl_quietly req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -sha256 -days 3650 \
        -config "$tls_directory/ca.cnf" -keyout "$tls_directory/ca-key.pem" -out "$tls_directory/ca.pem"
}

create_server_certificate() {
    progress "creating the gateway's certificate (90 days)"
    cat >"$tls_directory/server.cnf" <<'CONFIGURATION'
[req]
distinguished_name = name
prompt = no
[name]
CN = localhost
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, DNS:gatehouse.local, IP:127.0.0.1, IP:::1
CONFIGURATION
    openssl_quietly req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -sha256 \
        -config "$tls_directory/server.cnf" -keyout "$tls_directory/server-key.pem" -out "$tls_directory/server.csr"
    openssl_quietly x509 -req -in "$tls_directory/server.csr" -sha256 -days 90 -set_serial "0x$(openssl rand -hex 16)" \
        -CA "$tls_directory/ca.pem" -CAkey "$tls_directory/ca-key.pem" \
        -extfile "$tls_directory/server.cnf" -extensions server -out "$tls_directory/server.pem"
    rm -f "$tls_directory/server.csr"
}

# is_current CERTIFICATE SECONDS: whether a certificate exists and is still good in SECONDS from now.
is_current() { [[ -s $1 ]] && openssl x509 -in "$1" -noout -checkend "$2" >/dev/null 2>&1; }

# ensure_certificates: what is missing, near its end or not signed by our authority is made anew.
ensure_certificates() {
    local day=86400
    (
        umask 077
        if ! is_current "$tls_directory/ca.pem" $((180 * day)) || [[ ! -s $tls_directory/ca-key.pem ]]; then
            create_certificate_authority
        fi
        if ! is_current "$tls_directory/server.pem" $((30 * day)) || [[ ! -s $tls_directory/server-key.pem ]] \
            || ! openssl verify -CAfile "$tls_directory/ca.pem" "$tls_directory/server.pem" >/dev/null 2>&1; then
            create_server_certificate
        fi
    )
}
