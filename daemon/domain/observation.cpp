#include "daemon/domain/observation.hpp"

#include <array>
#include <string_view>

namespace decom {

std::string_view kind_of(const Observation& observation) {
  constexpr std::array<std::string_view, 5> kNames{"satisfied", "needed", "blocked", "left_alone", "unknown"};
  return kNames.at(observation.index());
}

const std::string& text_of(const Observation& observation) {
  struct Text {
    const std::string& operator()(const Satisfied& o) const { return o.what; }
    const std::string& operator()(const Needed& o) const { return o.what; }
    const std::string& operator()(const Blocked& o) const { return o.why; }
    const std::string& operator()(const LeftAlone& o) const { return o.why; }
    const std::string& operator()(const Unknown& o) const { return o.why; }
  };
  return std::visit(Text{}, observation);
}

}  // namespace decom
