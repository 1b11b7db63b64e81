#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace decom {

struct HeaderField {
  std::string_view name;
  std::string_view value;
};

/// What two readers of one message could understand differently is refused (RFC 9112, 11.2): a Transfer-Encoding that
/// is not exactly `chunked`, or beside a Content-Length, or in HTTP/1.0; more than one Content-Length, equal or not; no
/// Host, or two. Returns the fields by lower-case name; repeated ones are joined, except where that would be a choice
/// (authorization, idempotency-key, last-event-id …). `version` is 10 or 11. Throws `usage`.
std::map<std::string, std::string> check_head(unsigned version, const std::vector<HeaderField>& fields);

struct Target {
  std::string path;
  std::multimap<std::string, std::string> query;
};

/// Origin form only: "/v1/vms?q=web%20prod". Throws `usage` for anything else, a bad escape, NUL, or bytes that are no
/// UTF-8.
Target parse_target(std::string_view target);

}  // namespace decom
