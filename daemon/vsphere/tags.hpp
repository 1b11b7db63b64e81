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
/// servers that have dropped the former. A server without either has no tags, and so has an account that may not read
/// them; any other trouble throws, since unknown is not absent. Any thread.
class Tags {
 public:
  explicit Tags(Session& session) : session_(session) {}
  ~Tags();

  /// Of these VMs.
  TagsByMachine of(const std::vector<std::string>& machines, const std::stop_token& stop = {});
  /// Of all VMs.
  TagsByMachine all(const std::stop_token& stop);

 private:
  enum class Api { unknown, rest, api, none };

  /// False where there is no tagging API for us.
  bool log_in(const std::stop_token& stop);
  /// nullopt where what was asked for is not there.
  std::optional<Json> call(const std::string& method, const std::string& what, const std::string& action,
                           const Json& body, const std::stop_token& stop);
  HttpAnswer send(const std::string& method, const std::string& what, const std::string& action, const Json& body,
                  const std::stop_token& stop, std::string& text);
  std::string name_of(const std::string& tag, const std::stop_token& stop);

  Session& session_;
  std::mutex mutex_;  ///< held during calls: tags are asked for seldom, and one at a time will do
  Api api_ = Api::unknown;
  std::uint64_t generation_ = 0;  ///< of the SOAP session when we looked which API there is
  Secret token_;
  std::map<std::string, std::string> names_;       ///< "category:tag" by tag id
  std::map<std::string, std::string> categories_;  ///< names by category id
};

}  // namespace decom::vsphere
