#include "daemon/domain/machine.hpp"

#include <algorithm>
#include <array>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom {
namespace {

struct PowerName {
  PowerState state;
  std::string_view name;
};
constexpr std::array kPowerNames{PowerName{PowerState::on, "on"}, PowerName{PowerState::off, "off"},
                                 PowerName{PowerState::suspended, "suspended"},
                                 PowerName{PowerState::unknown, "unknown"}};

}  // namespace

std::string_view to_string(PowerState state) { return std::ranges::find(kPowerNames, state, &PowerName::state)->name; }

PowerState power_state_from(std::string_view name) {
  const auto row = std::ranges::find(kPowerNames, name, &PowerName::name);
  if (row == kPowerNames.end()) throw Error{ErrorCode::invalid, "'{}' is not a power state", name};
  return row->state;
}

std::string Machine::owner() const {
  const auto found = std::ranges::find_if(attributes, [](const auto& a) { return equals_folded(a.first, "owner"); });
  return found == attributes.end() ? std::string{} : found->second;
}

}  // namespace decom
