#include "daemon/curl/handle.hpp"

#include <csignal>

#include <openssl/ssl.h>

#include "common/base/certificate.hpp"
#include "common/base/text.hpp"

namespace decom::curl {
namespace {

void start() {
  // With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE to us, and a peer that hangs up must not end the process.
  struct sigaction now {};
  if (::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) ::signal(SIGPIPE, SIG_IGN);
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) throw Error{ErrorCode::internal, "cannot start libcurl"};
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

bool is_ready(CURL* easy) {
  const auto reached = [&](CURLINFO which) {
    curl_off_t after = 0;
    return curl_easy_getinfo(easy, which, &after) == CURLE_OK && after > 0;
  };
  // libcurl notes "pretransfer" only once it has sent what it could of the request (before_perform in its lib/multi.c,
  // at the end of "do"); a connection that is reused has no other time.
  if (reached(CURLINFO_APPCONNECT_TIME_T) || reached(CURLINFO_PRETRANSFER_TIME_T)) return true;
  const char* scheme = nullptr;
  const bool plain = curl_easy_getinfo(easy, CURLINFO_SCHEME, &scheme) == CURLE_OK && scheme != nullptr &&
                     equals_folded(scheme, "http");
  return plain && reached(CURLINFO_CONNECT_TIME_T);
}

}  // namespace

Handle::Handle() {
  start();
  multi_.reset(curl_multi_init());
  easy_.reset(curl_easy_init());
  if (!easy_ || !multi_) throw Error{ErrorCode::internal, "cannot make a libcurl handle"};
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROXY, "");  // also keeps libcurl from reading https_proxy
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_ERRORBUFFER, error_);
}

void Handle::trust(Trust trust) {
  trust_ = std::move(trust);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  if (trust_.thumbprint.empty()) {
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_CA_CACHE_TIMEOUT, 0L);  // a CA file that was replaced counts from the next connection on
    if (!trust_.ca_file.empty()) {
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
      set(CURLOPT_CAINFO, trust_.ca_file.c_str());
    }
    set(CURLOPT_SSL_CTX_FUNCTION, &check_names);
    set(CURLOPT_SSL_CTX_DATA, &trust_.host);
  } else {
    set(CURLOPT_SSL_VERIFYHOST, 0L);  // the certificate itself is known; its names prove nothing more
    set(CURLOPT_CAINFO, static_cast<const char*>(nullptr));
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    set(CURLOPT_SSL_CTX_FUNCTION, &pin_certificate);
    set(CURLOPT_SSL_CTX_DATA, &trust_.thumbprint);
    set(CURLOPT_SSL_SESSIONID_CACHE, 0L);  // a resumed session shows no certificate
  }
}

Handle::End Handle::run(const std::stop_token& stop, const Watch& watch) {
  CURLM* const multi = multi_.get();
  const std::stop_callback wake(stop, [multi] { curl_multi_wakeup(multi); });
  error_[0] = '\0';
  code_ = CURLE_OK;
  curl_multi_add_handle(multi, easy_.get());
  End end = End::done;
  for (int running = 1; running > 0;) {
    if (stop.stop_requested()) {
      end = End::stopped;
      break;
    }
    if (curl_multi_perform(multi, &running) != CURLM_OK) {
      code_ = CURLE_FAILED_INIT;
      break;
    }
    if (running == 0) break;
    if (watch.give_up && watch.give_up()) {
      end = End::given_up;
      break;
    }
    curl_multi_poll(multi, nullptr, 0, 500, nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left))
    if (message->msg == CURLMSG_DONE) code_ = message->data.result;
  if (end != End::done) code_ = end == End::stopped ? CURLE_ABORTED_BY_CALLBACK : CURLE_OPERATION_TIMEDOUT;
  if (end == End::stopped && watch.before_leaving) watch.before_leaving();
  ready_ = is_ready(easy_.get());  // before the handle leaves: what it knows of its transfer is of this one
  curl_multi_remove_handle(multi, easy_.get());
  return end;
}

std::string Handle::detail() const { return error_[0] != '\0' ? error_ : curl_easy_strerror(code_); }

int Handle::status() const {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

List list_of(const std::vector<std::string>& lines) {
  curl_slist* list = nullptr;
  for (const std::string& line : lines) list = curl_slist_append(list, line.c_str());
  return {list, &curl_slist_free_all};
}

}  // namespace decom::curl
