#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "common/base/secret.hpp"
#include "daemon/vsphere/soap.hpp"
#include "daemon/vsphere/transport.hpp"
#include "daemon/vsphere/vcenter.hpp"
#include "daemon/vsphere/xml_scanner.hpp"

namespace decom::vsphere {

/// What a vCenter says of itself, read anew at each login: behind one URL there may be another one by now.
struct Service {
  AboutInfo about;
  std::string version;  ///< of the API that we speak: "7.0.0.0"
  std::string account;  ///< our user as this vCenter spells it
  MoRef root_folder, property_collector, view_manager, search_index, authorization, task_manager, session_manager,
      custom_fields, user_directory;
  std::uint64_t generation = 0;  ///< of the session; its views, filters and collectors die with it

  /// Whether the API version is at least this one.
  [[nodiscard]] bool speaks(int major, int minor) const;
};

struct CallOptions {
  std::string what;  ///< for messages: "power off vm-12"
  CallKind kind = CallKind::read;
  bool fresh = false;  ///< as in HttpRequest
  /// False for calls on views, filters and collectors of our own: they are gone with the session, and the caller has to
  /// make them again. The session is looked after all the same.
  bool repeat = true;
  std::stop_token stop;
  std::chrono::milliseconds wait{0};  ///< a long poll: how long the server may be silent beyond the usual
  std::string streamed;               ///< local name of the elements that go to `piece`
  std::function<void(const pugi::xml_node& wrapper)> piece;
};

/// One session for all threads: opened when first needed, opened again when the server has ended it, closed at the end.
class Session {
 public:
  Session(const VcenterOptions& options, Clock& clock);
  ~Session();

  /// Connects and logs in if that was not done yet.
  std::shared_ptr<const Service> service();
  /// Throws as vcenter.hpp says; a fault is an Error.
  SoapReply call(const SoapCall& call, const CallOptions& options);
  /// The same, with the fault in the reply. NotAuthenticated never is: it is repaired, or thrown.
  SoapReply ask(const SoapCall& call, const CallOptions& options);

  /// Our own object of that generation is not found: is it the session that ended? Then it is forgotten, so that the
  /// next call opens another.
  void check(std::uint64_t generation);

  /// Any other HTTP of this vCenter, without the SOAP session: the tagging API.
  HttpAnswer http(const HttpRequest& request, std::string& body);
  [[nodiscard]] const VcenterOptions& options() const { return options_; }
  Secret password() const;

 private:
  struct State {
    Secret cookie;
    std::shared_ptr<const Service> service;
  };
  struct FileMark {
    std::uint64_t inode = 0;
    std::int64_t modified_ns = 0, changed_ns = 0, size = 0;
    bool operator==(const FileMark&) const = default;
  };
  State current(const std::stop_token& stop);
  State log_in(const std::stop_token& stop);
  std::string known_uuid();
  void forget(std::uint64_t generation);
  Service read_service(const std::stop_token& stop);
  std::string negotiate(const std::stop_token& stop);
  FileMark mark_of_password() const;
  /// One exchange, no repair.
  SoapReply exchange(const SoapCall& call, const CallOptions& options, const std::string& version, const Secret& cookie,
                     Secret* set_cookie = nullptr, bool* delivered = nullptr);

  const VcenterOptions& options_;
  Clock& clock_;
  Transport transport_;
  std::mutex mutex_;  ///< of what follows; never held during a call
  State state_;
  std::string uuid_;  ///< of the vCenter that we spoke with last
  std::uint64_t generation_ = 0;
  std::uint64_t attempts_ = 0;
  std::optional<Error> last_failure_;
  std::mutex login_mutex_;  ///< one login at a time; held during it
  std::optional<FileMark> refused_;
};

}  // namespace decom::vsphere
