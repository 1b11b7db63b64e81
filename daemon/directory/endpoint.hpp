#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace decom::directory {

/// One domain controller, as configured.
struct Endpoint {
  std::string url;  ///< as it was written, for people
  std::string host;
  std::uint16_t port = 636;
  bool starttls = false;  ///< else TLS from the first byte
  std::string address;    ///< connect here; empty: to `host`
  std::filesystem::path ca_file;

  /// "ldaps://host[:port]", or "ldap://host[:port]" with StartTLS. Throws `invalid`: a password never goes in the
  /// clear.
  static Endpoint parse(const std::string& url, bool starttls);
};

}  // namespace decom::directory
