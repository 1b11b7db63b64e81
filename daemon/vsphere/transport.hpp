#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/secret.hpp"
#include "daemon/vsphere/vcenter.hpp"

namespace decom::vsphere {

/// A change may have happened once its first byte may have left; a read never has.
enum class CallKind { read, change };

struct HttpRequest {
  std::string method = "POST";
  std::string path;  ///< of the URL: "/sdk"
  std::string body;
  std::vector<std::string> headers;
  Secret cookie;  ///< value of vmware_soap_session
  CallKind kind = CallKind::read;
  bool fresh = false;                       ///< a connection of its own, as changes have: never sent twice
  std::string what;                         ///< for messages: "power off vm-12"
  std::chrono::milliseconds whole{0};       ///< deadline of it all; 0: none
  std::chrono::milliseconds first_byte{0};  ///< silence before the answer begins; 0: none
  std::chrono::milliseconds silence{0};     ///< silence within the answer; 0: none
  std::stop_token stop;
};

struct HttpAnswer {
  int status = 0;
  Secret cookie;  ///< vmware_soap_session, where the answer sets it
};

/// HTTPS to one server, on a pool of kept-alive connections. Any thread.
///
/// Only https, no redirects, no proxy from the environment. The server's certificate must chain to the CA file and bear
/// the host's name, or, with a thumbprint, be that very certificate. Changes go out on a connection of their own that
/// is used once: libcurl re-sends a POST by itself when a *reused* connection dies before an answer, and the caller
/// would see one success for two calls.
class Transport {
 public:
  using Sink = std::function<void(int status, std::string_view bytes)>;

  explicit Transport(const VcenterOptions& options);
  ~Transport();

  /// Streams the answer's body into `sink`; what it throws passes through, unless the call is a change: then it is
  /// `lost`. Throws as vcenter.hpp says.
  HttpAnswer perform(const HttpRequest& request, const Sink& sink);

  /// Host and port of the URL, for messages.
  [[nodiscard]] const std::string& origin() const { return origin_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  class Connection;
  std::unique_ptr<Connection> take();
  void give_back(std::unique_ptr<Connection> connection);

  const VcenterOptions& options_;
  std::string origin_;  ///< "https://host:port"
  std::string path_;    ///< "/sdk"
  std::string host_;    ///< without the brackets of an IPv6 address
  std::string thumbprint_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace decom::vsphere
