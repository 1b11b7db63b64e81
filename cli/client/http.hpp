#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace decom::cli {

struct HttpCall {
  std::string method = "GET";
  std::string target = "/";  ///< with its query, percent-encoded
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// The bytes of a request. Throws `usage` for what cannot stand in a request line or a header.
std::string to_bytes(const HttpCall& call);

/// Takes an answer apart as it comes, whatever its framing.
class ReplyParser {
 public:
  ReplyParser();
  ReplyParser(ReplyParser&&) noexcept;
  ReplyParser& operator=(ReplyParser&&) noexcept;
  ~ReplyParser();

  /// Throws `protocol` for what is not HTTP.
  void feed(std::string_view bytes);
  /// The server closed. True when the answer was complete by then.
  bool feed_end();

  [[nodiscard]] bool has_header() const;
  [[nodiscard]] bool is_done() const;
  [[nodiscard]] int status() const;
  [[nodiscard]] std::string header(std::string_view name) const;
  /// What came of the body since the last time.
  std::string take_body();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// RFC 3986: everything but unreserved characters as %XX.
std::string percent_encoded(std::string_view text);
/// "?a=b&c=d", or nothing. Pairs with an empty value are left out.
std::string query_string(const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace decom::cli
