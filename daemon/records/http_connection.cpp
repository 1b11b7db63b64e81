#include "daemon/records/http_connection.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <curl/curl.h>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/curl/handle.hpp"

namespace decom::http {
namespace {

// Alerts of TLS (RFC 8446, section 6.2) as OpenSSL words them.
constexpr std::array<std::string_view, 7> kAboutOurCertificate{
    "alert certificate required",   "alert bad certificate",     "alert unknown ca",
    "alert certificate unknown",    "alert certificate expired", "alert certificate revoked",
    "alert unsupported certificate"};

constexpr std::size_t kLargestAnswer = std::size_t{16} << 20;
constexpr std::size_t kLargestHead = std::size_t{256} << 10;
constexpr std::chrono::seconds kLongestAlone = std::chrono::hours{1};

}  // namespace

std::string Reply::header(std::string_view name) const {
  // They are kept in lower case, and a recipe may write them as its documentation does (RFC 9110, 5.1).
  const auto found = std::ranges::find(headers, folded(name), &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::string{} : found->second;
}

std::optional<std::chrono::seconds> Reply::retry_after(Timestamp now) const {
  const std::string text = header("retry-after");
  if (text.empty()) return std::nullopt;
  std::chrono::seconds time{};
  if (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    std::int64_t seconds = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    time = read.ec == std::errc{} ? std::chrono::seconds{std::min<std::int64_t>(seconds, kLongestAlone.count())}
                                  : kLongestAlone;  // more than fits
  } else {
    const std::time_t until = curl_getdate(text.c_str(), nullptr);
    if (until < 0) return std::nullopt;
    const std::time_t date = curl_getdate(header("date").c_str(), nullptr);
    const auto from = date < 0 ? std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count() : date;
    time = std::chrono::seconds{until - from};
  }
  return std::clamp<std::chrono::seconds>(time, std::chrono::seconds{0}, kLongestAlone);
}

class Connection::Handle {
 public:
  explicit Handle(Trust& trust) : trust_(trust) {
    const auto set = [&](CURLoption option, auto value) { curl_.set(option, value); };
    set(CURLOPT_PROTOCOLS_STR, trust.tls ? "https" : "http");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_NONE));
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_WRITEFUNCTION, &Handle::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Handle::on_header);
    set(CURLOPT_HEADERDATA, this);
    if (!trust.certificate_file.empty()) {
      set(CURLOPT_SSLCERT, trust.certificate_file.c_str());
      set(CURLOPT_SSLKEY, trust.key_file.c_str());
    }
    curl_.trust({.host = trust.host, .ca_file = trust.ca_file, .thumbprint = trust.thumbprint});
  }

  Reply perform(const Outgoing& request, const std::stop_token& stop, std::chrono::milliseconds within) {
    reply_ = {};
    head_ = 0;
    too_large_ = false;
    const auto set = [&](CURLoption option, auto value) { curl_.set(option, value); };
    std::vector<std::string> lines = request.headers;
    lines.emplace_back("Expect:");  // no waiting for 100-continue
    const curl::List headers = curl::list_of(lines);
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_HTTPHEADER, headers.get());
    if (request.body) {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
      set(CURLOPT_POSTFIELDS, request.body->data());
    } else {
      set(CURLOPT_HTTPGET, 1L);
    }
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    set(CURLOPT_FRESH_CONNECT, request.changes ? 1L : 0L);
    set(CURLOPT_FORBID_REUSE, request.changes ? 1L : 0L);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(1, within.count())));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(1, within.count())));
    const bool stopped = curl_.run(stop) == curl::Handle::End::stopped;
    set(CURLOPT_POSTFIELDS, static_cast<const char*>(nullptr));
    set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
    if (curl_.code() != CURLE_OK) fail(request, stopped);
    reply_.status = curl_.status();
    return std::move(reply_);
  }

 private:
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto& me = *static_cast<Handle*>(self);
    if (me.reply_.body.size() + size > kLargestAnswer) {
      me.too_large_ = true;
      return CURL_WRITEFUNC_ERROR;
    }
    me.reply_.body.append(data, size);
    return size;
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    auto& me = *static_cast<Handle*>(self);
    const std::string_view line = trimmed({data, size});
    me.head_ += size;
    if (me.head_ > kLargestHead) {
      me.too_large_ = true;
      return CURL_WRITEFUNC_ERROR;
    }
    if (line.starts_with("HTTP/")) me.reply_.headers.clear();  // an interim answer (1xx) came before
    if (const auto colon = line.find(':'); colon != std::string_view::npos)
      me.reply_.headers.emplace_back(folded(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    return size;
  }

  [[noreturn]] void fail(const Outgoing& request, bool stopped) {
    const CURLcode code = curl_.code();
    const std::string detail = curl_.detail();
    const bool sent = curl_.was_ready();
    if (stopped && !(sent && request.changes)) throw Error{ErrorCode::cancelled, "cannot {}: stopped", request.what};
    const auto error = [&](ErrorCode kind, std::string_view why) {
      return Error{kind, "cannot {}: {} ({})", request.what, why, safe_for_terminal(detail)};
    };
    switch (code) {
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_ISSUER_ERROR:
        throw error(ErrorCode::untrusted, "the certificate of " + trust_.host + " is not the one to be trusted");
      case CURLE_SSL_CACERT_BADFILE:
        throw error(ErrorCode::untrusted, "the CA file " + trust_.ca_file.string() + " cannot be used");
      case CURLE_SSL_CERTPROBLEM:
        throw error(ErrorCode::invalid,
                    "our certificate or key, " + trust_.certificate_file.string() + ", cannot be used");
      default: break;
    }
    // TLS 1.3 says so only after the client believes the handshake to be over, and the request is not read.
    const bool our_certificate = std::ranges::any_of(
        kAboutOurCertificate, [&](std::string_view alert) { return detail.find(alert) != std::string::npos; });
    if (our_certificate && trust_.certificate_file.empty())
      throw error(
          ErrorCode::unauthenticated,
          trust_.host + " wants a certificate of ours, and [credential] names no certificate_file and key_file");
    if (our_certificate)
      throw error(ErrorCode::unauthenticated,
                  trust_.host + " does not take our certificate, " + trust_.certificate_file.string());
    if (!sent) throw error(ErrorCode::unreachable, trust_.host + " cannot be reached");
    if (request.changes)
      throw error(ErrorCode::lost, stopped ? "stopped after it was sent, so it may have happened"
                                           : "it was sent and no whole answer came back, so it may have happened");
    if (too_large_) throw error(ErrorCode::too_large, "the answer is larger than 16 MiB");
    if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_BAD_CONTENT_ENCODING)
      throw error(ErrorCode::protocol, "the answer is not HTTP");
    throw error(ErrorCode::timed_out, "no whole answer came back");
  }

  Trust& trust_;
  curl::Handle curl_;
  Reply reply_;
  std::size_t head_ = 0;
  bool too_large_ = false;
};

Connection::Connection(Trust trust) : trust_(std::move(trust)), handle_(std::make_unique<Handle>(trust_)) {}

Connection::~Connection() = default;

Reply Connection::perform(const Outgoing& request, const std::stop_token& stop, std::chrono::milliseconds within) {
  return handle_->perform(request, stop, within);
}

}  // namespace decom::http
