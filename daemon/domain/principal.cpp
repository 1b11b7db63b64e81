#include "daemon/domain/principal.hpp"

#include <algorithm>
#include <array>

#include "common/base/error.hpp"

namespace decom {
namespace {

struct RoleName {
  Role role;
  std::string_view name;
};
constexpr std::array kRoleNames{RoleName{Role::viewer, "viewer"}, RoleName{Role::operator_, "operator"},
                                RoleName{Role::approver, "approver"}, RoleName{Role::admin, "admin"}};

}  // namespace

std::string_view to_string(Role role) { return std::ranges::find(kRoleNames, role, &RoleName::role)->name; }

Role role_from(std::string_view name) {
  const auto row = std::ranges::find(kRoleNames, name, &RoleName::name);
  if (row == kRoleNames.end()) throw Error{ErrorCode::invalid, "'{}' is not a role", name};
  return row->role;
}

std::string display_name(const std::string& domain, const std::string& sam) {
  return domain.empty() ? sam : domain + "\\" + sam;
}

bool Principal::has(Role role) const {
  if (roles.contains(Role::admin) || roles.contains(role)) return true;
  return role == Role::viewer && !roles.empty();
}

}  // namespace decom
