#include "daemon/api/machine_refs.hpp"

#include <algorithm>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/api/to_wire.hpp"
#include "daemon/inventory/inventory.hpp"

namespace decom {
namespace {

bool is_meant(const Request& request, const Decommission& machine, const std::string& ref) {
  return ref == std::to_string(machine.ordinal) || ref == machine_id(request.id, machine.ordinal) ||
         ref == machine.machine.id();
}

}  // namespace

std::vector<int> find_machines(const Request& request, const std::vector<std::string>& refs) {
  std::vector<int> ordinals;
  std::vector<Finding> findings;
  bool is_ambiguous = false;
  for (const std::string& ref : refs) {
    std::vector<int> hits;
    for (const Decommission& machine : request.decommissions)
      if (is_meant(request, machine, ref)) hits.push_back(machine.ordinal);
    if (hits.empty()) {
      for (const Decommission& machine : request.decommissions)
        if (equals_folded(machine.machine.name, ref)) hits.push_back(machine.ordinal);
    }
    if (hits.size() == 1) {
      if (std::ranges::find(ordinals, hits.front()) == ordinals.end()) ordinals.push_back(hits.front());
    } else if (hits.empty()) {
      findings.push_back({ref, fmt::format("is no machine of request {}", request.id)});
    } else {
      is_ambiguous = true;
      std::vector<std::string> ids;
      ids.reserve(hits.size());
      for (const int hit : hits) ids.push_back(machine_id(request.id, hit));
      findings.push_back({ref, fmt::format("is the name of {}: say which", join(ids, " and "))});
    }
  }
  if (!findings.empty()) {
    const std::string text = fmt::format("'{}' {}", findings.front().where, findings.front().what);
    throw Error{is_ambiguous ? ErrorCode::ambiguous : ErrorCode::not_found, text, std::move(findings)};
  }
  return ordinals;
}

Machine machine_of_mirror(const Inventory& inventory, const std::string& wanted) {
  if (auto machine = inventory.by_id(wanted)) return *std::move(machine);
  const auto named = inventory.by_name(wanted);
  if (named.size() == 1) return named.front();
  if (named.size() > 1) {
    std::vector<Finding> hits;
    hits.reserve(named.size());
    for (const Machine& machine : named) hits.push_back({machine.id(), machine.folder});
    const std::string text = fmt::format("{} machines are named '{}': say which by its id", named.size(), wanted);
    throw Error{ErrorCode::ambiguous, text, std::move(hits)};
  }
  const auto names = inventory.nearest_names(wanted, 3);
  std::vector<Finding> near;
  near.reserve(names.size());
  for (const std::string& name : names) near.push_back({name, "has a similar name"});
  throw Error{ErrorCode::not_found, fmt::format("there is no machine '{}' in the mirror", wanted), std::move(near)};
}

}  // namespace decom
