#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace decom::http {

struct Url {
  std::string scheme;  ///< "https" or "http"
  std::string host;    ///< without the brackets of an IPv6 address
  std::string origin;  ///< scheme, host and port, spelled alike for equal ones
  std::string path;
  bool loopback = false;     ///< of this very host, by what the URL says
  bool plain_shape = false;  ///< nothing but scheme, host, port and path: no user, password, query or fragment
};

/// An absolute URL; nothing where it is none.
std::optional<Url> parse_url(const std::string& text);

/// Where a link of an answer leads, as an absolute URL; nothing where it leads to another origin than `base`: no
/// credential goes there.
std::optional<std::string> follow(const std::string& base, const std::string& link);

}  // namespace decom::http
