#include "daemon/server/request_head.hpp"

#include <algorithm>
#include <array>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom {
namespace {

constexpr std::array<std::string_view, 9> kOnlyOnce{"host",          "content-length", "transfer-encoding",
                                                    "content-type",  "authorization",  "idempotency-key",
                                                    "last-event-id", "expect",         "connection"};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) throw Error{ErrorCode::usage, "the address has a '%' that no two hex digits follow"};
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') throw Error{ErrorCode::usage, "the address has a NUL character"};
    decoded.push_back(c);
  }
  if (!is_valid_utf8(decoded)) throw Error{ErrorCode::usage, "the address is not UTF-8"};
  return decoded;
}

}  // namespace

std::map<std::string, std::string> check_head(unsigned version, const std::vector<HeaderField>& fields) {
  std::map<std::string, std::string> head;
  for (const HeaderField& field : fields) {
    const std::string name = folded(field.name);
    const auto [at, is_new] = head.try_emplace(name, field.value);
    if (is_new) continue;
    if (std::ranges::find(kOnlyOnce, name) != kOnlyOnce.end())
      throw Error{ErrorCode::usage, "the header field {} is there more than once", name};
    at->second += ", ";
    at->second += field.value;
  }
  const auto coding = head.find("transfer-encoding");
  const auto length = head.find("content-length");
  if (coding != head.end()) {
    if (version < 11) throw Error{ErrorCode::usage, "HTTP/1.0 knows no Transfer-Encoding"};
    if (!equals_folded(coding->second, "chunked"))
      throw Error{ErrorCode::usage, "the only Transfer-Encoding that is taken is 'chunked'"};
    if (length != head.end()) throw Error{ErrorCode::usage, "Transfer-Encoding and Content-Length exclude each other"};
  }
  if (length != head.end() &&
      (length->second.empty() || !std::ranges::all_of(length->second, [](char c) { return c >= '0' && c <= '9'; })))
    throw Error{ErrorCode::usage, "Content-Length is not a number"};
  if (version >= 11 && !head.contains("host")) throw Error{ErrorCode::usage, "the header field Host is missing"};
  return head;
}

Target parse_target(std::string_view target) {
  if (target.empty() || target.front() != '/') throw Error{ErrorCode::usage, "the address does not begin with '/'"};
  if (target.find('#') != std::string_view::npos) throw Error{ErrorCode::usage, "the address has a '#'"};
  const std::size_t mark = target.find('?');
  Target parsed{decode(target.substr(0, mark), false), {}};
  if (mark == std::string_view::npos) return parsed;
  for (const std::string& pair : split(target.substr(mark + 1), '&')) {
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view value =
        equals == std::string::npos ? std::string_view{} : std::string_view(pair).substr(equals + 1);
    parsed.query.emplace(decode(std::string_view(pair).substr(0, equals), true), decode(value, true));
  }
  return parsed;
}

}  // namespace decom
