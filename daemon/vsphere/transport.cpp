#include "daemon/vsphere/transport.hpp"

#include <algorithm>
#include <csignal>
#include <exception>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "common/base/certificate.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::vsphere {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kIdleConnections = 16;
constexpr std::string_view kCookie = "vmware_soap_session=";

void start_curl() {
  // A peer that hangs up must not end the process. With CURLOPT_NOSIGNAL libcurl leaves that to us.
  struct sigaction now {};
  if (::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) ::signal(SIGPIPE, SIG_IGN);
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) throw Error{ErrorCode::internal, "cannot start libcurl"};
}

std::string thumbprint_of(const VcenterOptions& options) {
  std::string hex = normal_thumbprint(options.thumbprint);
  if (hex.empty() && !options.thumbprint.empty())
    throw Error{ErrorCode::invalid, "the thumbprint of vCenter {} is not SHA256: and 64 hexadecimal digits",
                options.name};
  return hex;
}

CURLcode pin_certificate(CURL*, void* context, void* thumbprint) {
  SSL_CTX_set_cert_verify_callback(static_cast<SSL_CTX*>(context), is_pinned, thumbprint);
  return CURLE_OK;
}

/// libcurl checks the name too, and takes the subject's where there are no alternative ones: OpenSSL does not.
CURLcode check_names(CURL*, void* context, void* host) {
  const bool taken =
      require_name(SSL_CTX_get0_param(static_cast<SSL_CTX*>(context)), *static_cast<const std::string*>(host));
  return taken ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

}  // namespace

class Transport::Connection {
 public:
  Connection(const VcenterOptions& options, const std::string& thumbprint, const std::string& host)
      : options_(options) {
    if (!easy_ || !multi_) throw Error{ErrorCode::internal, "cannot make a libcurl handle"};
    const auto set = [&](CURLoption option, auto value) {
      if (curl_easy_setopt(easy_.get(), option, value) != CURLE_OK)
        throw Error{ErrorCode::internal, "libcurl does not take option {}", static_cast<int>(option)};
    };
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROXY, "");  // also keeps libcurl from reading https_proxy
    set(CURLOPT_PROTOCOLS_STR, "https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_NONE));
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_BUFFERSIZE, 512L * 1024);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    set(CURLOPT_WRITEFUNCTION, &Connection::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Connection::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_ERRORBUFFER, error_);
    if (thumbprint.empty()) {
      set(CURLOPT_SSL_VERIFYHOST, 2L);
      set(CURLOPT_CA_CACHE_TIMEOUT, 0L);  // a CA file that was replaced counts from the next connection on
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
      set(CURLOPT_CAINFO, options.ca_file.c_str());
      set(CURLOPT_SSL_CTX_FUNCTION, &check_names);
      set(CURLOPT_SSL_CTX_DATA, const_cast<std::string*>(&host));
    } else {
      set(CURLOPT_SSL_VERIFYHOST, 0L);  // the certificate itself is known; its names prove nothing more
      set(CURLOPT_CAINFO, static_cast<const char*>(nullptr));
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
      set(CURLOPT_SSL_CTX_FUNCTION, &pin_certificate);
      set(CURLOPT_SSL_CTX_DATA, const_cast<std::string*>(&thumbprint));
      set(CURLOPT_SSL_SESSIONID_CACHE, 0L);  // a resumed session shows no certificate
    }
  }

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  HttpAnswer perform(const std::string& origin, const HttpRequest& request, const Sink& sink) {
    sink_ = &sink;
    answer_ = {};
    failure_ = nullptr;
    error_[0] = '\0';
    const bool change = request.kind == CallKind::change;
    const std::string url = origin + request.path;
    curl_slist* raw = nullptr;
    const auto add = [&](const std::string& line) { raw = curl_slist_append(raw, line.c_str()); };
    for (const auto& header : request.headers) add(header);
    add("Expect:");  // no waiting for 100-continue
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(raw, &curl_slist_free_all);

    CURL* const easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
    if (request.method == "POST") {
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    } else {
      curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method == "DELETE" ? "DELETE" : nullptr);
    const Secret cookie{request.cookie.empty() ? std::string{} : std::string(kCookie) + request.cookie.expose()};
    curl_easy_setopt(easy, CURLOPT_COOKIE, cookie.empty() ? nullptr : cookie.expose().c_str());
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, change || request.fresh ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, change || request.fresh ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.whole.count()));

    const CURLcode code = run(request);
    sink_ = nullptr;
    // The handle is kept; the cookie and the body must not stay in it.
    curl_easy_setopt(easy, CURLOPT_COOKIE, static_cast<const char*>(nullptr));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, static_cast<const char*>(nullptr));
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
      long status = 0;
      curl_easy_getinfo(me.easy_.get(), CURLINFO_RESPONSE_CODE, &status);
      me.answer_.status = static_cast<int>(status);
    }
    constexpr std::string_view kSet = "set-cookie:";
    if (line.size() > kSet.size() && equals_folded(line.substr(0, kSet.size()), kSet)) {
      const auto value = trimmed(line.substr(kSet.size()));
      if (value.starts_with(kCookie))
        me.answer_.cookie = Secret{std::string(value.substr(kCookie.size(), value.find(';') - kCookie.size()))};
    }
    return size;
  }

  /// Its own loop, so that a stop ends a long poll at once and silence has limits of its own.
  CURLcode run(const HttpRequest& request) {
    CURLM* const multi = multi_.get();
    const std::stop_callback wake(request.stop, [multi] { curl_multi_wakeup(multi); });
    curl_multi_add_handle(multi, easy_.get());
    CURLcode code = CURLE_OK;
    stopped_ = silent_ = answering_ = false;
    last_sign_ = steady_clock::now();
    for (int running = 1; running > 0;) {
      if (curl_multi_perform(multi, &running) != CURLM_OK) {
        code = CURLE_FAILED_INIT;
        break;
      }
      if (running == 0) break;
      if (request.stop.stop_requested()) {
        stopped_ = true;
        break;
      }
      const auto limit = answering_ ? request.silence : request.first_byte;
      if (limit.count() > 0 && steady_clock::now() - last_sign_ > limit) {
        silent_ = true;
        break;
      }
      curl_multi_poll(multi, nullptr, 0, 500, nullptr);
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left))
      if (message->msg == CURLMSG_DONE) code = message->data.result;
    curl_multi_remove_handle(multi, easy_.get());
    if (stopped_) return CURLE_ABORTED_BY_CALLBACK;
    return silent_ ? CURLE_OPERATION_TIMEDOUT : code;
  }

  [[noreturn]] void throw_for(CURLcode code, const HttpRequest& request, const std::string& origin) {
    const std::string detail = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
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
    curl_off_t handshake = 0;
    curl_off_t connected = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_APPCONNECT_TIME_T, &handshake);
    curl_easy_getinfo(easy_.get(), CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (handshake == 0 && connected == 0) throw fail(ErrorCode::unreachable, origin + " cannot be reached");
    if (request.kind == CallKind::change)
      throw fail(ErrorCode::lost, "the call was sent and no answer came back, so it may have happened");
    throw fail(ErrorCode::timed_out, "no answer came back");
  }

  struct Cleanup {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  struct MultiCleanup {
    void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
  };

  const VcenterOptions& options_;
  std::unique_ptr<CURLM, MultiCleanup> multi_{curl_multi_init()};
  std::unique_ptr<CURL, Cleanup> easy_{curl_easy_init()};
  char error_[CURL_ERROR_SIZE] = {};
  const Sink* sink_ = nullptr;
  HttpAnswer answer_;
  std::exception_ptr failure_;
  steady_clock::time_point last_sign_;
  bool stopped_ = false;
  bool silent_ = false;
  bool answering_ = false;
};

Transport::Transport(const VcenterOptions& options) : options_(options), thumbprint_(thumbprint_of(options)) {
  start_curl();
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
