// OpenSSL 3 for Swift, with functions in place of the macros that Swift does not import.
#ifndef DISTLOG_COPENSSL_H
#define DISTLOG_COPENSSL_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/// TLS 1.2 (0x0303) or 1.3 (0x0304) and up; nothing older.
static inline int cossl_set_min_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_min_proto_version(context, version);
}

/// Idle connections give their buffers back; a retried write may come from another address.
static inline void cossl_set_modes(SSL_CTX *context) {
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

/// No renegotiation, no compression, and no way to resume a session: a peer shows its certificate
/// in every handshake.
static inline void cossl_set_options(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
}

/// Server name indication.
static inline int cossl_set_server_name(SSL *session, const char *name) {
  return (int)SSL_set_tlsext_host_name(session, name);
}

static inline int cossl_error_reason(unsigned long code) { return ERR_GET_REASON(code); }
static inline int cossl_error_library(unsigned long code) { return ERR_GET_LIB(code); }

/// The RFC 2253 form of a distinguished name.
static const unsigned long cossl_name_rfc2253 = XN_FLAG_RFC2253;

/// A new P-256 key; NULL where it cannot be made.
static inline EVP_PKEY *cossl_new_p256_key(void) { return EVP_EC_gen("P-256"); }

/// Frees what X509_get_ext_d2i gave for subject alternative names.
static inline void cossl_general_names_free(void *names) {
  GENERAL_NAMES_free((GENERAL_NAMES *)names);
}

#endif
