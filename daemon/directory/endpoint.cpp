#include "daemon/directory/endpoint.hpp"

#include <charconv>
#include <string_view>

#include "common/base/error.hpp"

namespace decom::directory {

Endpoint Endpoint::parse(const std::string& url, bool starttls) {
  const auto invalid = [&](std::string_view why) {
    return Error{ErrorCode::invalid, "the directory's URL {} is not acceptable: {}", url, why};
  };
  Endpoint endpoint{.url = url, .starttls = starttls};
  std::string_view rest{url};
  if (rest.starts_with("ldaps://")) {
    if (starttls) throw invalid("ldaps is under TLS from its first byte; starttls belongs to ldap");
    rest.remove_prefix(8);
  } else if (rest.starts_with("ldap://")) {
    if (!starttls) throw invalid("without starttls = true the password would go over the wire in the clear");
    endpoint.port = 389;
    rest.remove_prefix(7);
  } else {
    throw invalid("it is neither ldaps:// nor ldap://");
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) throw invalid("its [ has no ]");
    endpoint.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
  } else {
    endpoint.host = rest.substr(0, rest.find(':'));
    rest.remove_prefix(endpoint.host.size());
  }
  if (rest.starts_with(':')) {
    const auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), endpoint.port);
    if (error != std::errc{} || end != rest.data() + rest.size() || endpoint.port == 0)
      throw invalid("its port is wrong");
  } else if (!rest.empty()) {
    throw invalid("something follows the host");
  }
  if (endpoint.host.empty() || endpoint.host.find_first_of("/?#@ \t") != std::string::npos ||
      endpoint.host.find('\0') != std::string::npos)
    throw invalid("its host is wrong");
  return endpoint;
}

}  // namespace decom::directory
