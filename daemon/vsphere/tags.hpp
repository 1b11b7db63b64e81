#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/json.hpp"
#include "common/base/secret.hpp"
#include "daemon/vsphere/session.hpp"

namespace decom::vsphere {

/// Tags by MoRef of the VM, as "category:tag", sorted.
using TagsByMachine = std::map<std::string, std::vector<std::string>>;

/// The tagging API, which is REST with a session of its own: /rest/com/vmware/cis/tagging, or /api/cis/tagging on
/// servers that have dropped the former. A server without either has no tags, and neither has an account that may not
/// read them. Any other trouble throws, since unknown is not absent; but then what was read of all VMs before is good
/// enough, and a service that hangs is not asked again for a while. Any thread.
class Tags {
 public:
  Tags(Session& session, Clock& clock) : session_(session), clock_(clock) {}
  ~Tags();

  /// Of these VMs.
  TagsByMachine of(const std::vector<std::string>& machines);
  /// Of all VMs.
  TagsByMachine all(const std::stop_token& stop);

 private:
  enum class Api { unknown, rest, api, none };
  struct Login {
    Api api = Api::unknown;
    std::uint64_t generation = 0;  ///< of the SOAP session when we looked which API there is
    Secret token;
  };

  TagsByMachine ask_for(const std::vector<std::string>& machines);
  TagsByMachine ask_for_all(const std::stop_token& stop);
  /// `api` none where there is no tagging API for us.
  Login current(const std::stop_token& stop);
  Login log_in(std::uint64_t generation, const std::stop_token& stop);
  /// nullopt where what was asked for is not there.
  std::optional<Json> call(const std::string& method, const std::string& what, const std::string& action,
                           const Json& body, const std::stop_token& stop);
  HttpAnswer send(const Login& login, const std::string& method, const std::string& what, const std::string& action,
                  const Json& body, const std::stop_token& stop, std::string& text);
  std::string name_of(const std::string& tag, const std::stop_token& stop);

  Session& session_;
  Clock& clock_;
  std::mutex login_mutex_;  ///< one login at a time; held during it
  std::mutex mutex_;        ///< of what follows; never held during a call
  Login login_;
  std::map<std::string, std::string> names_;       ///< "category:tag" by tag id
  std::map<std::string, std::string> categories_;  ///< names by category id
  std::optional<TagsByMachine> last_;              ///< of all VMs
  std::optional<Error> trouble_;
  Clock::Steady troubled_until_;
};

}  // namespace decom::vsphere
