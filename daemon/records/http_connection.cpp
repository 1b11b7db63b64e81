#include "daemon/records/http_connection.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "common/base/certificate.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"

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

void start_curl() {
  // With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE to us, and a peer that hangs up must not end the process.
  struct sigaction now {};
  if (::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) ::signal(SIGPIPE, SIG_IGN);
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) throw Error{ErrorCode::internal, "cannot start libcurl"};
}

CURLcode pin(CURL*, void* context, void* thumbprint) {
  SSL_CTX_set_cert_verify_callback(static_cast<SSL_CTX*>(context), is_pinned, thumbprint);
  return CURLE_OK;
}

/// libcurl checks the name too, and takes the subject's where there are no alternative ones: OpenSSL does not.
CURLcode check_names(CURL*, void* context, void* host) {
  const bool taken = require_name(SSL_CTX_get0_param(static_cast<SSL_CTX*>(context)), *static_cast<std::string*>(host));
  return taken ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

struct EasyCleanup {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiCleanup {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

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
    if (!easy_ || !multi_) throw Error{ErrorCode::internal, "cannot make a libcurl handle"};
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROXY, "");  // also keeps libcurl from reading https_proxy
    set(CURLOPT_PROTOCOLS_STR, trust.tls ? "https" : "http");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_NONE));
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_WRITEFUNCTION, &Handle::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Handle::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_ERRORBUFFER, error_);
    if (!trust.certificate_file.empty()) {
      set(CURLOPT_SSLCERT, trust.certificate_file.c_str());
      set(CURLOPT_SSLKEY, trust.key_file.c_str());
    }
    if (trust.thumbprint.empty()) {
      set(CURLOPT_SSL_VERIFYHOST, 2L);
      set(CURLOPT_CA_CACHE_TIMEOUT, 0L);
      if (!trust.ca_file.empty()) {
        set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
        set(CURLOPT_CAINFO, trust.ca_file.c_str());
      }
      set(CURLOPT_SSL_CTX_FUNCTION, &check_names);
      set(CURLOPT_SSL_CTX_DATA, &trust.host);
    } else {
      set(CURLOPT_SSL_VERIFYHOST, 0L);  // the certificate itself is known; its names prove nothing more
      set(CURLOPT_SSL_CTX_FUNCTION, &pin);
      set(CURLOPT_SSL_CTX_DATA, &trust.thumbprint);
      set(CURLOPT_SSL_SESSIONID_CACHE, 0L);  // a resumed session shows no certificate
    }
  }

  Reply perform(const Outgoing& request, const std::stop_token& stop, std::chrono::milliseconds within) {
    reply_ = {};
    head_ = 0;
    too_large_ = false;
    error_[0] = '\0';
    curl_slist* raw = nullptr;
    for (const std::string& header : request.headers) raw = curl_slist_append(raw, header.c_str());
    raw = curl_slist_append(raw, "Expect:");  // no waiting for 100-continue
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(raw, &curl_slist_free_all);
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
    const bool stopped = run(stop);
    set(CURLOPT_POSTFIELDS, static_cast<const char*>(nullptr));
    set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
    if (stopped || code_ != CURLE_OK) fail(request, stopped);
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    reply_.status = static_cast<int>(status);
    return std::move(reply_);
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    if (curl_easy_setopt(easy_.get(), option, value) != CURLE_OK)
      throw Error{ErrorCode::internal, "libcurl does not take option {}", static_cast<int>(option)};
  }

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

  /// True when it was stopped. Its own loop, so that a stop ends a wait at once.
  bool run(const std::stop_token& stop) {
    CURLM* const multi = multi_.get();
    const std::stop_callback wake(stop, [multi] { curl_multi_wakeup(multi); });
    curl_multi_add_handle(multi, easy_.get());
    code_ = CURLE_OK;
    bool stopped = false;
    for (int running = 1; running > 0;) {
      stopped = stop.stop_requested();
      if (stopped) break;
      if (curl_multi_perform(multi, &running) != CURLM_OK) {
        code_ = CURLE_FAILED_INIT;
        break;
      }
      if (running > 0) curl_multi_poll(multi, nullptr, 0, 500, nullptr);
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left))
      if (message->msg == CURLMSG_DONE) code_ = message->data.result;
    // Before the handle leaves: what it knows of its transfer is of this one.
    curl_easy_getinfo(easy_.get(), CURLINFO_PRETRANSFER_TIME_T, &ready_);
    curl_multi_remove_handle(multi, easy_.get());
    return stopped;
  }

  [[noreturn]] void fail(const Outgoing& request, bool stopped) {
    const std::string detail = error_[0] != '\0' ? error_ : curl_easy_strerror(code_);
    // Zero while connecting and shaking hands: nothing of the request has left by then.
    const bool sent = ready_ > 0;
    if (stopped && !(sent && request.changes)) throw Error{ErrorCode::cancelled, "cannot {}: stopped", request.what};
    const auto error = [&](ErrorCode code, std::string_view why) {
      return Error{code, "cannot {}: {} ({})", request.what, why, safe_for_terminal(detail)};
    };
    switch (code_) {
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
    if (our_certificate) throw error(ErrorCode::unauthenticated, trust_.host + " does not take our certificate");
    if (!sent) throw error(ErrorCode::unreachable, trust_.host + " cannot be reached");
    if (request.changes)
      throw error(ErrorCode::lost, stopped ? "stopped after it was sent, so it may have happened"
                                           : "it was sent and no whole answer came back, so it may have happened");
    if (too_large_) throw error(ErrorCode::too_large, "the answer is larger than 16 MiB");
    if (code_ == CURLE_WEIRD_SERVER_REPLY || code_ == CURLE_UNSUPPORTED_PROTOCOL || code_ == CURLE_BAD_CONTENT_ENCODING)
      throw error(ErrorCode::protocol, "the answer is not HTTP");
    throw error(ErrorCode::timed_out, "no whole answer came back");
  }

  Trust& trust_;
  std::unique_ptr<CURLM, MultiCleanup> multi_{curl_multi_init()};
  std::unique_ptr<CURL, EasyCleanup> easy_{curl_easy_init()};  // goes before the multi handle
  char error_[CURL_ERROR_SIZE] = {};
  Reply reply_;
  std::size_t head_ = 0;
  bool too_large_ = false;
  CURLcode code_ = CURLE_OK;
  curl_off_t ready_ = 0;
};

Connection::Connection(Trust trust) : trust_(std::move(trust)) {
  start_curl();
  handle_ = std::make_unique<Handle>(trust_);
}

Connection::~Connection() = default;

Reply Connection::perform(const Outgoing& request, const std::stop_token& stop, std::chrono::milliseconds within) {
  return handle_->perform(request, stop, within);
}

}  // namespace decom::http
