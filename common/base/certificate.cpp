#include "common/base/certificate.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "common/base/crypto.hpp"
#include "common/base/secret.hpp"
#include "common/base/text.hpp"

namespace decom {

std::string normal_thumbprint(std::string_view text) {
  if (text.size() > 7 && equals_folded(text.substr(0, 7), "SHA256:")) text.remove_prefix(7);
  std::string hex;
  for (const char c : text)
    if (c != ':') hex += c;
  hex = folded(hex);
  return hex.size() == 64 && hex.find_first_not_of("0123456789abcdef") == std::string::npos ? hex : std::string{};
}

int is_pinned(X509_STORE_CTX* context, void* thumbprint) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  X509* const leaf = X509_STORE_CTX_get0_cert(context);
  const bool same = leaf != nullptr && X509_digest(leaf, EVP_sha256(), digest, &size) == 1 &&
                    equal_in_constant_time(to_hex({reinterpret_cast<const char*>(digest), size}),
                                           *static_cast<const std::string*>(thumbprint));
  X509_STORE_CTX_set_error(context, same ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
  return same ? 1 : 0;
}

bool require_name(X509_VERIFY_PARAM* param, const std::string& host) {
  // A common name is none (RFC 9525, section 2), although libraries fall back to it.
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str()) == 1 ||
         X509_VERIFY_PARAM_set1_host(param, host.c_str(), host.size()) == 1;
}

}  // namespace decom
