#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/directory/directory.hpp"
#include "daemon/domain/principal.hpp"

namespace decom {

/// From groups, as the configuration names them, to roles. Names become SIDs by asking the directory, and are asked for
/// again every ten minutes: a group that was made anew has another SID. A name that cannot be resolved gives its role
/// to nobody and is tried again. Any thread.
class RoleMap {
 public:
  RoleMap(std::map<Role, std::vector<std::string>> groups, Clock& clock);

  /// Throws what the directory throws when it cannot be asked; a group that does not exist is no error.
  std::set<Role> roles_of(const Person& person, Directory& directory);

 private:
  struct Resolved {
    std::string sid;  ///< empty: there was no such group
    Clock::Steady at;
  };
  std::string sid_of(const std::string& group, Directory& directory);

  std::map<Role, std::vector<std::string>> groups_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Resolved> resolved_;
};

}  // namespace decom
