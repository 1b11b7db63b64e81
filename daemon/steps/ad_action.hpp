#pragma once

#include <map>
#include <optional>
#include <string>

namespace decom {

/// What becomes of a machine's computer account.
enum class AdActionKind { remove, disable, move };

struct AdAction {
  AdActionKind kind = AdActionKind::remove;
  std::string move_to;  ///< DN of the unit that it is moved to; of `move` alone

  bool operator==(const AdAction&) const = default;
};

// As a step's parameters, [directory] and a file of records.d spell it.
inline constexpr const char* kActionKey = "action";
inline constexpr const char* kMoveToKey = "move_to";

/// What is wrong with an action and its unit, for people; nothing: they can be used. Both may be empty.
std::optional<std::string> wrong_in_action(const std::string& action, const std::string& move_to);
/// The same of a step's parameters.
std::optional<std::string> wrong_in_action(const std::map<std::string, std::string>& params);

/// "delete" (or empty), "disable", "move". Throws `invalid` with what `wrong_in_action` says.
AdAction ad_action(const std::string& action, const std::string& move_to);
AdAction ad_action(const std::map<std::string, std::string>& params);
/// The parameters that say so; none for what needs no word.
std::map<std::string, std::string> params_of(const AdAction& action);

/// What is wrong with moving computers of the domain `base_dn` to there, for people.
std::optional<std::string> wrong_in_unit(const std::string& move_to, const std::string& base_dn);

}  // namespace decom
