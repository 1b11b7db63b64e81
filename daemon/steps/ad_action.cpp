#include "daemon/steps/ad_action.hpp"

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "daemon/directory/names.hpp"

namespace decom {
namespace {

std::string value_of(const std::map<std::string, std::string>& params, const char* key) {
  const auto found = params.find(key);
  return found == params.end() ? std::string{} : found->second;
}

}  // namespace

std::optional<std::string> wrong_in_action(const std::string& action, const std::string& move_to) {
  if (!action.empty() && action != "delete" && action != "disable" && action != "move")
    return fmt::format("'action' is '{}'; expected delete, disable or move", action);
  if (action != "move") {
    if (move_to.empty()) return std::nullopt;
    return fmt::format("'move_to' belongs to action = \"move\", and 'action' is '{}'",
                       action.empty() ? "delete" : action);
  }
  if (move_to.empty()) return "'action' is 'move', which needs 'move_to': the DN of the unit for retired computers";
  if (!directory::Dn::parse(move_to))
    return fmt::format("'move_to' is '{}', which is no distinguished name; expected OU=Retired,DC=…", move_to);
  return std::nullopt;
}

std::optional<std::string> wrong_in_action(const std::map<std::string, std::string>& params) {
  return wrong_in_action(value_of(params, kActionKey), value_of(params, kMoveToKey));
}

AdAction ad_action(const std::string& action, const std::string& move_to) {
  if (const auto wrong = wrong_in_action(action, move_to)) throw Error{ErrorCode::invalid, "{}", *wrong};
  if (action == "disable") return {.kind = AdActionKind::disable, .move_to = {}};
  if (action == "move") return {.kind = AdActionKind::move, .move_to = move_to};
  return {};
}

std::map<std::string, std::string> params_of(const AdAction& action) {
  switch (action.kind) {
    case AdActionKind::remove: return {};
    case AdActionKind::disable: return {{kActionKey, "disable"}};
    case AdActionKind::move: return {{kActionKey, "move"}, {kMoveToKey, action.move_to}};
  }
  return {};
}

std::optional<std::string> wrong_in_unit(const std::string& move_to, const std::string& base_dn) {
  const auto unit = directory::Dn::parse(move_to);
  const auto base = directory::Dn::parse(base_dn);
  if (!unit || !base || unit->is_below(*base)) return std::nullopt;  // what is no name is said elsewhere
  return fmt::format("is '{}', which is not below {}: an account is not moved out of its domain", move_to, base_dn);
}

AdAction ad_action(const std::map<std::string, std::string>& params) {
  return ad_action(value_of(params, kActionKey), value_of(params, kMoveToKey));
}

}  // namespace decom
