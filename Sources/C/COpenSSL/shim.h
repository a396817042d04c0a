#pragma once
// OpenSSL exposes these as function-like macros, which Swift does not import.
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline void gatehouse_bio_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void gatehouse_bio_clear_retry_flags(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline long gatehouse_ctx_set_mode(SSL_CTX *context, long mode) { return SSL_CTX_set_mode(context, mode); }
static inline long gatehouse_ctx_clear_mode(SSL_CTX *context, long mode) { return SSL_CTX_clear_mode(context, mode); }
static inline int gatehouse_ctx_set_min_protocol(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}
static inline void gatehouse_ctx_set_read_ahead(SSL_CTX *context, int on) { SSL_CTX_set_read_ahead(context, on); }
static inline long gatehouse_ctx_set_session_cache_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_session_cache_mode(context, mode);
}
static inline int gatehouse_set_server_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}
typedef int (*gatehouse_servername_callback)(SSL *ssl, int *alert, void *context);
static inline void gatehouse_ctx_set_servername_callback(
    SSL_CTX *context, gatehouse_servername_callback callback, void *argument) {
    SSL_CTX_set_tlsext_servername_callback(context, callback);
    SSL_CTX_set_tlsext_servername_arg(context, argument);
}
// Writes the DNS name at `index` of the certificate's subjectAltName: its length, 0 for one that is no DNS name or does
// not fit, -1 when there are no more.
static inline int gatehouse_certificate_dns_name(const X509 *certificate, int index, char *name, int size) {
    GENERAL_NAMES *names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int length = -1;
    if (names != NULL && index < sk_GENERAL_NAME_num(names)) {
        const GENERAL_NAME *entry = sk_GENERAL_NAME_value(names, index);
        length = 0;
        if (entry->type == GEN_DNS && ASN1_STRING_length(entry->d.dNSName) < size) {
            length = ASN1_STRING_length(entry->d.dNSName);
            for (int at = 0; at < length; at++) name[at] = (char)ASN1_STRING_get0_data(entry->d.dNSName)[at];
        }
    }
    GENERAL_NAMES_free(names);
    return length;
}
static inline int gatehouse_mac_use_sha256(EVP_MAC_CTX *mac, const unsigned char *key, size_t count) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key, count),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0), OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, parameters);
}
