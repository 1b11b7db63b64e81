#include "daemon/admission/departed.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/text.hpp"

namespace decom {

std::optional<Machine> Departed::find(const std::string& typed, const Principal& who, Objections& objections) const {
  auto live = inventory_.by_name(typed);
  if (const auto by_id = inventory_.by_id(typed)) live.push_back(*by_id);
  const auto retired = store_.retired(typed);
  if (!live.empty()) {
    const std::string advice = retired.empty()
                                   ? "--records-only is for machines that are gone"
                                   : fmt::format("name the one that is gone by its UUID: {}",
                                                 retired.front().decommission.machine.identity.instance_uuid);
    objections.add(ErrorCode::invalid, typed,
                   fmt::format("{} is there, as {}: {}", live.front().name, live.front().id(), advice));
    return std::nullopt;
  }
  if (retired.empty()) {
    objections.add(ErrorCode::not_found, typed,
                   fmt::format("no request here retired a machine '{}', so nothing proves what was its own; look with "
                               "'decomctl records --name NAME --ip ADDRESS', and remove by hand what two facts prove",
                               typed));
    return std::nullopt;
  }
  if (retired.size() > 1) {
    std::vector<std::string> bearers;
    bearers.reserve(retired.size());
    for (const auto& [request, decommission] : retired)
      bearers.push_back(fmt::format("{} (request {})", decommission.machine.identity.instance_uuid, request.id));
    objections.add(ErrorCode::ambiguous, typed,
                   fmt::format("{} machines '{}' were retired: name one by its UUID: {}", retired.size(), typed,
                               join(bearers, ", ")));
    return std::nullopt;
  }
  const Machine& machine = retired.front().decommission.machine;
  object_to(machine, who, typed, objections);
  return machine;
}

void Departed::object_to(const Machine& machine, const Principal& who, const std::string& typed,
                         Objections& objections) const {
  const auto retired = store_.retired(machine.identity.instance_uuid);
  const auto last = std::ranges::find(retired, machine.identity,
                                      [](const Store::Retired& r) { return r.decommission.machine.identity; });
  if (last == retired.end())
    objections.add(ErrorCode::not_found, typed, fmt::format("the end of {} is not in the history", machine.name));
  else if (last->request.requester_sid != who.sid && !who.has(Role::admin))
    objections.add(ErrorCode::denied, typed,
                   fmt::format("{} was retired for {}, in request {}: they or an administrator may remove what is left",
                               machine.name, last->request.requester, last->request.id));
  if (const std::string there = presence(machine); !there.empty())
    objections.add(ErrorCode::invalid, typed, there + "; --records-only is for machines that are gone");
  if (const auto live = store_.live_decommission(machine.identity))
    objections.add(ErrorCode::conflict, typed, fmt::format("{} is being retired already, as {}", machine.name, *live));
}

void Departed::require_gone(const Machine& machine) const {
  if (const std::string there = presence(machine); !there.empty()) throw Error{ErrorCode::precondition, "{}", there};
}

std::string Departed::presence(const Machine& machine) const {
  if (const auto places = places_(machine.identity); !places.empty())
    return fmt::format("{} is there, as {}", machine.name, join(places, ", "));
  // What was restored from a backup can have another instance UUID, and yet be the machine.
  if (machine.bios_uuid.empty()) return {};
  for (const MirrorState& mirror : inventory_.states())
    if (!mirror.loaded || !mirror.connected)
      throw Error{ErrorCode::unreachable, "cannot tell whether {} is gone: the mirror of vCenter {} is not up to date",
                  machine.name, mirror.vcenter};
  for (const Machine& other : inventory_.search({.text = "uuid:" + machine.bios_uuid}).machines)
    if (equals_folded(other.bios_uuid, machine.bios_uuid))
      return fmt::format("{} has the BIOS UUID of {}, as a restored copy of it would", other.id(), machine.name);
  return {};
}

}  // namespace decom
