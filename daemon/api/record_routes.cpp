#include <algorithm>

#include "common/api/records.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/api/machine_refs.hpp"
#include "daemon/api/routes.hpp"
#include "daemon/api/strict_body.hpp"
#include "daemon/api/to_wire.hpp"
#include "daemon/inventory/inventory.hpp"
#include "daemon/records/record_book.hpp"
#include "daemon/records/testimony.hpp"
#include "daemon/store/store.hpp"

namespace decom {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostMachines = 100;
constexpr std::size_t kLongestFact = 1024;
constexpr std::size_t kMostAddresses = 64;

bool is_ghost(const api::Ghost& ghost) {
  return !ghost.name.empty() || !ghost.host.empty() || !ghost.addresses.empty() || !ghost.uuid.empty();
}

/// A machine of which only these facts are known. Systems weigh them as they weigh those of a live one.
Machine machine_of(const api::Ghost& ghost) {
  std::vector<std::string> facts = ghost.addresses;
  facts.insert(facts.end(), {ghost.name, ghost.host, ghost.uuid});
  if (ghost.addresses.size() > kMostAddresses || std::ranges::any_of(facts, [](const std::string& fact) {
        return fact.size() > kLongestFact || fact.find('\0') != std::string::npos;
      }))
    throw Error{ErrorCode::invalid, "ghost: at most {} addresses, each fact of at most {} bytes and without NUL",
                kMostAddresses, kLongestFact};
  Machine machine;
  machine.name = ghost.name;  // the host's is no second fact
  machine.guest_host_name = ghost.host;
  machine.ip_addresses = ghost.addresses;
  machine.bios_uuid = ghost.uuid;
  machine.identity.instance_uuid = ghost.uuid;
  // A mistyped one would be found nowhere, and that would look like a proof.
  if (!ghost.uuid.empty() && uuids_to_find(machine).empty())
    throw Error{ErrorCode::invalid, "ghost: '{}' is no UUID", safe_for_terminal(ghost.uuid)};
  for (const std::string& address : ghost.addresses)
    if (Machine one{.ip_addresses = {address}}; addresses_to_find(one).empty())
      throw Error{ErrorCode::invalid, "ghost: '{}' is no address that a machine is known by",
                  safe_for_terminal(address)};
  return machine;
}

std::string_view state_of(const Record& record) {
  if (!record.against.empty()) return "foreign";
  if (!record.is_proven()) return "unproven";
  return record.forbidden.empty() ? "proven" : "forbidden";
}

api::SystemRecords to_wire(const RecordAnswer& answer) {
  api::SystemRecords wire{.system = answer.system,
                          .kind = answer.kind,
                          .state = answer.trouble           ? "unread"
                                   : answer.records.empty() ? "none"
                                                            : "found",
                          .records = {},
                          .code = {},
                          .text = answer.text,
                          .elapsed_ms = answer.elapsed.count()};
  if (answer.trouble) wire.code = to_string(*answer.trouble);
  for (const Record& record : answer.records)
    wire.records.push_back({record.id, record.what, std::string(state_of(record)), record.facts, record.against,
                            record.forbidden, record.effect.empty() ? "remove" : record.effect, record.done});
  return wire;
}

/// Of the mirror, or of the history where it is gone.
Machine machine_of(const Inventory& inventory, const Store& store, const std::string& wanted,
                   std::optional<std::string>& retired_at) {
  try {
    return machine_of_mirror(inventory, wanted);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::not_found) throw;
    auto retired = store.retired(wanted);
    if (retired.empty()) throw;
    if (retired.size() > 1) {
      std::vector<std::string> bearers;
      bearers.reserve(retired.size());
      for (const auto& one : retired) bearers.push_back(one.decommission.machine.identity.instance_uuid);
      throw Error{ErrorCode::ambiguous, "{} machines '{}' were retired: name one by its UUID: {}", retired.size(),
                  wanted, join(bearers, ", ")};
    }
    Decommission& last = retired.front().decommission;
    retired_at = to_rfc3339(last.finished.value_or(retired.front().request.created));
    return std::move(last.machine);
  }
}

HttpAnswer look(const Inventory& inventory, const Store& store, const RecordBook& book, const ApiCall& call) {
  const auto body = read_body<api::RecordsBody>(call.body);
  std::vector<Machine> machines;
  api::RecordsAnswer answer;
  for (const std::string& wanted : body.machines) {
    std::optional<std::string> retired_at;
    machines.push_back(machine_of(inventory, store, wanted, retired_at));
    answer.items.push_back({machines.back().id(), machines.back().name, std::move(retired_at), {}});
  }
  if (is_ghost(body.ghost)) {
    machines.push_back(machine_of(body.ghost));
    const std::string& uuid_or_address = body.ghost.addresses.empty() ? body.ghost.uuid : body.ghost.addresses.front();
    const std::string& host_or_less = body.ghost.host.empty() ? uuid_or_address : body.ghost.host;
    answer.items.push_back({{}, body.ghost.name.empty() ? host_or_less : body.ghost.name, {}, {}});
  }
  if (machines.empty()) throw Error{ErrorCode::usage, "no machine is named"};
  if (machines.size() > kMostMachines)
    throw Error{ErrorCode::too_large, "{} machines are more than the {} that can be looked up at once", machines.size(),
                kMostMachines};
  const auto found = book.look(machines, body.systems, time_limit(body.timeout_ms));
  for (std::size_t i = 0; i < found.size(); ++i)
    for (const RecordAnswer& one : found[i]) answer.items[i].systems.push_back(to_wire(one));
  return json_response(answer);
}

}  // namespace

void add_record_routes(Router& router, const Inventory& inventory, const Store& store, const RecordBook& book) {
  router.add(
      {.method = "POST",
       .pattern = "/v1/records",
       .where = Where::outside,
       .takes_body = true,
       .handler = [&inventory, &store, &book](const ApiCall& call) { return look(inventory, store, book, call); }});
}

}  // namespace decom
