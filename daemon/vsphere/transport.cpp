#include "daemon/vsphere/transport.hpp"

#include <algorithm>
#include <exception>

#include <curl/curl.h>

#include "common/base/certificate.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/curl/handle.hpp"

namespace decom::vsphere {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kIdleConnections = 16;
constexpr std::string_view kCookie = "vmware_soap_session=";

std::string thumbprint_of(const VcenterOptions& options) {
  std::string hex = normal_thumbprint(options.thumbprint);
  if (hex.empty() && !options.thumbprint.empty())
    throw Error{ErrorCode::invalid, "the thumbprint of vCenter {} is not SHA256: and 64 hexadecimal digits",
                options.name};
  return hex;
}

}  // namespace

class Transport::Connection {
 public:
  Connection(const VcenterOptions& options, const std::string& thumbprint, const std::string& host)
      : options_(options) {
    const auto set = [&](CURLoption option, auto value) { curl_.set(option, value); };
    set(CURLOPT_PROTOCOLS_STR, "https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_NONE));
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_BUFFERSIZE, 512L * 1024);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    set(CURLOPT_WRITEFUNCTION, &Connection::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Connection::on_header);
    set(CURLOPT_HEADERDATA, this);
    curl_.trust({.host = host, .ca_file = options.ca_file, .thumbprint = thumbprint});
  }

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  HttpAnswer perform(const std::string& origin, const HttpRequest& request, const Sink& sink) {
    sink_ = &sink;
    answer_ = {};
    failure_ = nullptr;
    const bool change = request.kind == CallKind::change;
    const std::string url = origin + request.path;
    std::vector<std::string> lines = request.headers;
    lines.emplace_back("Expect:");  // no waiting for 100-continue
    const curl::List headers = curl::list_of(lines);

    const auto set = [&](CURLoption option, auto value) { curl_.set(option, value); };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_HTTPHEADER, headers.get());
    if (request.method == "POST") {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(CURLOPT_POSTFIELDS, request.body.data());
    } else {
      set(CURLOPT_HTTPGET, 1L);
    }
    set(CURLOPT_CUSTOMREQUEST, request.method == "DELETE" ? "DELETE" : nullptr);
    const Secret cookie{request.cookie.empty() ? std::string{} : std::string(kCookie) + request.cookie.expose()};
    set(CURLOPT_COOKIE, cookie.empty() ? nullptr : cookie.expose().c_str());
    set(CURLOPT_FRESH_CONNECT, change || request.fresh ? 1L : 0L);
    set(CURLOPT_FORBID_REUSE, change || request.fresh ? 1L : 0L);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.whole.count()));

    const CURLcode code = run(request);
    sink_ = nullptr;
    // The handle is kept; the cookie and the body must not stay in it.
    set(CURLOPT_COOKIE, static_cast<const char*>(nullptr));
    set(CURLOPT_POSTFIELDS, static_cast<const char*>(nullptr));
    if (failure_) {
      if (!change) std::rethrow_exception(failure_);
      throw Error{ErrorCode::lost, "cannot {}: vCenter's answer cannot be read", request.what};
    }
    if (code != CURLE_OK) throw_for(code, request, origin);
    return std::move(answer_);
  }

 private:
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto& me = *static_cast<Connection*>(self);
    me.last_sign_ = steady_clock::now();
    me.answering_ = true;
    try {
      (*me.sink_)(me.answer_.status, {data, size});
      return size;
    } catch (...) {
      me.failure_ = std::current_exception();
      return CURL_WRITEFUNC_ERROR;
    }
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    auto& me = *static_cast<Connection*>(self);
    const std::string_view line = trimmed({data, size});
    me.last_sign_ = steady_clock::now();
    if (line.starts_with("HTTP/")) {
      me.answer_.status = me.curl_.status();
    }
    constexpr std::string_view kSet = "set-cookie:";
    if (line.size() > kSet.size() && equals_folded(line.substr(0, kSet.size()), kSet)) {
      const auto value = trimmed(line.substr(kSet.size()));
      if (value.starts_with(kCookie))
        me.answer_.cookie = Secret{std::string(value.substr(kCookie.size(), value.find(';') - kCookie.size()))};
    }
    return size;
  }

  /// Silence has limits of its own.
  CURLcode run(const HttpRequest& request) {
    answering_ = false;
    last_sign_ = steady_clock::now();
    const auto is_silent = [&] {
      const auto limit = answering_ ? request.silence : request.first_byte;
      return limit.count() > 0 && steady_clock::now() - last_sign_ > limit;
    };
    const auto end = curl_.run(request.stop, {.give_up = is_silent, .before_leaving = {}});
    stopped_ = end == curl::Handle::End::stopped;
    return curl_.code();
  }

  [[noreturn]] void throw_for(CURLcode code, const HttpRequest& request, const std::string& origin) {
    const std::string detail = curl_.detail();
    const auto fail = [&](ErrorCode kind, std::string_view why) -> Error {
      return Error{kind, "cannot {}: {} ({})", request.what, why, detail};
    };
    if (stopped_) throw Error{ErrorCode::cancelled, "cannot {}: stopped", request.what};
    switch (code) {
      case CURLE_PEER_FAILED_VERIFICATION:
        throw fail(ErrorCode::untrusted, "the certificate of " + origin + " is not the one to be trusted");
      case CURLE_SSL_CACERT_BADFILE:
        throw fail(ErrorCode::untrusted, "the CA file " + options_.ca_file.string() + " cannot be used");
      case CURLE_URL_MALFORMAT:
      case CURLE_UNSUPPORTED_PROTOCOL: throw fail(ErrorCode::invalid, "the URL of vCenter is not usable");
      case CURLE_COULDNT_RESOLVE_HOST:
      case CURLE_COULDNT_CONNECT:
      case CURLE_SSL_CONNECT_ERROR: throw fail(ErrorCode::unreachable, origin + " cannot be reached");
      default: break;
    }
    // A change has a connection of its own: while its TLS handshake is not over, nothing of the request has left.
    if (!curl_.was_ready()) throw fail(ErrorCode::unreachable, origin + " cannot be reached");
    if (request.kind == CallKind::change)
      throw fail(ErrorCode::lost, "the call was sent and no answer came back, so it may have happened");
    throw fail(ErrorCode::timed_out, "no answer came back");
  }

  const VcenterOptions& options_;
  curl::Handle curl_;
  const Sink* sink_ = nullptr;
  HttpAnswer answer_;
  std::exception_ptr failure_;
  steady_clock::time_point last_sign_;
  bool stopped_ = false;
  bool answering_ = false;
};

Transport::Transport(const VcenterOptions& options) : options_(options), thumbprint_(thumbprint_of(options)) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    if (curl_url_get(url.get(), which, &text, 0) != CURLUE_OK || text == nullptr) return std::string{};
    std::string copy(text);
    curl_free(text);
    return copy;
  };
  if (!url || curl_url_set(url.get(), CURLUPART_URL, options.url.c_str(), 0) != CURLUE_OK ||
      part(CURLUPART_SCHEME) != "https")
    throw Error{ErrorCode::invalid, "the URL of vCenter {} must be https://host/sdk", options.name};
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty())
    throw Error{ErrorCode::invalid, "the URL of vCenter {} must not carry a user or password", options.name};
  if (options.ca_file.empty() && thumbprint_.empty())
    throw Error{ErrorCode::invalid, "vCenter {} needs a ca_file or a thumbprint", options.name};
  const std::string port = part(CURLUPART_PORT);
  host_ = part(CURLUPART_HOST);
  if (host_.starts_with('[') && host_.ends_with(']')) host_ = host_.substr(1, host_.size() - 2);
  origin_ = "https://" + part(CURLUPART_HOST) + (port.empty() ? "" : ":" + port);
  path_ = part(CURLUPART_PATH);
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  if (path_.empty() || path_ == "/") path_ = "/sdk";
}

Transport::~Transport() = default;

std::unique_ptr<Transport::Connection> Transport::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  return std::make_unique<Connection>(options_, thumbprint_, host_);
}

void Transport::give_back(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleConnections) idle_.push_back(std::move(connection));
}

HttpAnswer Transport::perform(const HttpRequest& request, const Sink& sink) {
  auto connection = take();
  // Not given back when this throws: a connection that failed is not worth keeping.
  HttpAnswer answer = connection->perform(origin_, request, sink);
  give_back(std::move(connection));
  return answer;
}

}  // namespace decom::vsphere
