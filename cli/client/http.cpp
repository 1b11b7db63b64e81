#include "cli/client/http.hpp"

#include <algorithm>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include "common/base/error.hpp"

namespace decom::cli {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

/// A body that only passes through: bytes are appended, and the caller takes them away as it likes.
struct PassingBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool IsRequest, typename Fields>
    reader(http::header<IsRequest, Fields>& /*header*/, value_type& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>& /*length*/, boost::system::error_code& error) { error = {}; }
    template <typename Buffers>
    std::size_t put(const Buffers& buffers, boost::system::error_code& error) {
      error = {};
      std::size_t count = 0;
      for (auto piece = asio::buffer_sequence_begin(buffers); piece != asio::buffer_sequence_end(buffers); ++piece) {
        const asio::const_buffer bytes(*piece);
        body_.append(static_cast<const char*>(bytes.data()), bytes.size());
        count += bytes.size();
      }
      return count;
    }
    void finish(boost::system::error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

bool is_header_text(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7F; });
}

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";  // RFC 9110 5.6.2
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

}  // namespace

std::string to_bytes(const HttpCall& call) {
  if (!is_token(call.method)) throw Error{ErrorCode::usage, "'{}' is not an HTTP method", call.method};
  if (!call.target.starts_with('/') || std::ranges::any_of(call.target, [](char c) { return c <= 0x20 || c == 0x7F; }))
    throw Error{ErrorCode::usage, "'{}' is not a path: it begins with / and has no blanks", call.target};
  std::string text = call.method + " " + call.target + " HTTP/1.1\r\nHost: decomd\r\nConnection: close\r\n";
  for (const auto& [name, value] : call.headers) {
    if (!is_token(name) || !is_header_text(value))
      throw Error{ErrorCode::usage, "the header '{}' has characters that no header may have", name};
    text.append(name).append(": ").append(value).append("\r\n");
  }
  if (!call.body.empty() || (call.method != "GET" && call.method != "HEAD" && call.method != "DELETE"))
    text += "Content-Length: " + std::to_string(call.body.size()) + "\r\n";
  text += "\r\n";
  text += call.body;
  return text;
}

class ReplyParser::Impl {
 public:
  Impl() {
    parser.eager(true);
    parser.body_limit(boost::none);
    parser.header_limit(65'536);
  }
  http::response_parser<PassingBody> parser;
  boost::beast::flat_buffer pending;
};

ReplyParser::ReplyParser() : impl_(std::make_unique<Impl>()) {}
ReplyParser::ReplyParser(ReplyParser&&) noexcept = default;
ReplyParser& ReplyParser::operator=(ReplyParser&&) noexcept = default;
ReplyParser::~ReplyParser() = default;

void ReplyParser::feed(std::string_view bytes) {
  auto& [parser, pending] = *impl_;
  pending.commit(asio::buffer_copy(pending.prepare(bytes.size()), asio::buffer(bytes.data(), bytes.size())));
  while (pending.size() > 0 && !parser.is_done()) {
    boost::system::error_code error;
    const std::size_t used = parser.put(pending.data(), error);
    pending.consume(used);
    if (error == http::error::need_more) return;
    if (error) throw Error{ErrorCode::protocol, "cannot understand decomd's answer: {}", error.message()};
    if (used == 0) return;
  }
}

bool ReplyParser::feed_end() {
  auto& parser = impl_->parser;
  if (parser.is_done()) return true;
  if (!parser.got_some()) return false;
  boost::system::error_code error;
  parser.put_eof(error);
  return !error && parser.is_done();
}

bool ReplyParser::has_header() const { return impl_->parser.is_header_done(); }
bool ReplyParser::is_done() const { return impl_->parser.is_done(); }
int ReplyParser::status() const { return static_cast<int>(impl_->parser.get().result_int()); }

std::string ReplyParser::header(std::string_view name) const {
  const auto value = impl_->parser.get()[boost::beast::string_view(name.data(), name.size())];
  return {value.data(), value.size()};
}

std::string ReplyParser::take_body() { return std::exchange(impl_->parser.get().body(), {}); }

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += kHex[byte >> 4U];
      encoded += kHex[byte & 15U];
    }
  }
  return encoded;
}

std::string query_string(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string text;
  for (const auto& [name, value] : pairs) {
    if (value.empty()) continue;
    text += (text.empty() ? "?" : "&") + percent_encoded(name) + "=" + percent_encoded(value);
  }
  return text;
}

}  // namespace decom::cli
