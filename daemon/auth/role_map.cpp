#include "daemon/auth/role_map.hpp"

#include "common/base/log.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;
constexpr auto kKnownFor = 10min;
constexpr auto kMissingFor = 30s;

}  // namespace

RoleMap::RoleMap(std::map<Role, std::vector<std::string>> groups, Clock& clock)
    : groups_(std::move(groups)), clock_(clock) {}

std::set<Role> RoleMap::roles_of(const Person& person, Directory& directory) {
  std::set<Role> roles;
  for (const auto& [role, groups] : groups_) {
    for (const std::string& group : groups) {
      const std::string sid = sid_of(group, directory);
      if (!sid.empty() && person.group_sids.contains(sid)) roles.insert(role);
    }
  }
  return roles;
}

std::string RoleMap::sid_of(const std::string& group, Directory& directory) {
  {
    const std::lock_guard guard(mutex_);
    const auto found = resolved_.find(group);
    if (found != resolved_.end()) {
      const auto age = clock_.steady() - found->second.at;
      if (age <
          (found->second.sid.empty() ? std::chrono::milliseconds{kMissingFor} : std::chrono::milliseconds{kKnownFor}))
        return found->second.sid;
    }
  }
  std::string sid;
  try {
    sid = directory.group_sid(group);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::not_found && e.code() != ErrorCode::ambiguous) throw;
    log::warning("auth", "the group '{}' of [roles] cannot be resolved, so that nobody has its role: {}", group,
                 e.what());
  }
  const std::lock_guard guard(mutex_);
  resolved_[group] = {sid, clock_.steady()};
  return sid;
}

}  // namespace decom
