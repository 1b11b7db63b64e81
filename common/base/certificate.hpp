#pragma once

#include <string>
#include <string_view>

#include <openssl/types.h>

namespace decom {

/// What a TLS client holds the certificate of the other side against, for every library that lets OpenSSL decide. What
/// they are given must outlive the SSL_CTX.

/// Lower-case hex of a SHA-256 thumbprint as people write it, with or without "SHA256:" and colons; empty: it is none.
std::string normal_thumbprint(std::string_view text);

/// For SSL_CTX_set_cert_verify_callback(3), with `normal_thumbprint` as a `const std::string*`: the leaf must be that
/// very certificate, and nothing else of its chain counts. A resumed session shows no certificate: have none.
int is_pinned(X509_STORE_CTX* context, void* thumbprint);

/// The certificate must name that host, or address, among its alternative names. False where OpenSSL refuses the name.
bool require_name(X509_VERIFY_PARAM* param, const std::string& host);

}  // namespace decom
