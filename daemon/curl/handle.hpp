#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <curl/curl.h>

#include "common/base/error.hpp"

namespace decom::curl {

/// Decides about the certificate of the other side. The thumbprint is that of `normal_thumbprint`; without one the
/// chain must lead to `ca_file` (empty: to what the system trusts), and the certificate name the host.
struct Trust {
  std::string host;
  std::string ca_file;
  std::string thumbprint;
};

/// One transfer at a time over libcurl, which reads no proxy, no netrc and no other setting of its surroundings. Of one
/// thread at a time. The constructor starts libcurl; it and `set` throw `internal`.
class Handle {
 public:
  Handle();
  Handle(const Handle&) = delete;  // libcurl has its address
  Handle& operator=(const Handle&) = delete;

  template <typename Value>
  void set(CURLoption option, Value value) {
    if (curl_easy_setopt(easy_.get(), option, value) != CURLE_OK)
      throw Error{ErrorCode::internal, "libcurl does not take option {}", static_cast<int>(option)};
  }

  /// TLS 1.2 or newer, and a certificate that is to be trusted.
  void trust(Trust trust);

  /// What a transfer is given besides its options, each optional.
  struct Watch {
    std::function<bool()> give_up;         ///< asked every half second at least; true ends the transfer
    std::function<void()> before_leaving;  ///< it was stopped, and its connection is still open
  };

  enum class End { done, stopped, given_up };

  /// Its own loop, so that a stop ends a wait at once. What came of it is `code`.
  End run(const std::stop_token& stop, const Watch& watch = {});

  [[nodiscard]] CURLcode code() const { return code_; }
  /// Of the last transfer, for people; not made safe for a terminal.
  [[nodiscard]] std::string detail() const;
  /// The last transfer had its connection, and its TLS: from there on the other side may have read of the request.
  [[nodiscard]] bool was_ready() const { return ready_; }
  [[nodiscard]] int status() const;

 private:
  struct Cleanup {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  struct MultiCleanup {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };

  std::unique_ptr<CURLM, MultiCleanup> multi_;
  std::unique_ptr<CURL, Cleanup> easy_;  // goes before the multi handle
  Trust trust_;
  char error_[CURL_ERROR_SIZE] = {};
  CURLcode code_ = CURLE_OK;
  bool ready_ = false;
};

/// Lines for CURLOPT_HTTPHEADER, CURLOPT_MAIL_RCPT and the like.
using List = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;
List list_of(const std::vector<std::string>& lines);

}  // namespace decom::curl
