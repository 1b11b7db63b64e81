// How the types of the API become JSON and come from it: compiled once, here.
#include <optional>

#include "common/api/admin.hpp"
#include "common/api/auth.hpp"
#include "common/api/events.hpp"
#include "common/api/notices.hpp"
#include "common/api/plans.hpp"
#include "common/api/problem.hpp"
#include "common/api/records.hpp"
#include "common/api/requests.hpp"
#include "common/api/steps.hpp"
#include "common/api/vms.hpp"
#include "common/base/json.hpp"

/// std::optional as a value or null; nlohmann 3.11 has none of its own.
template <typename T>
struct nlohmann::adl_serializer<std::optional<T>> {
  static void to_json(json& j, const std::optional<T>& value) {
    if (value) {
      j = *value;
    } else {
      j = nullptr;
    }
  }
  static void from_json(const json& j, std::optional<T>& value) {
    if (j.is_null()) {
      value.reset();
    } else {
      value = j.get<T>();
    }
  }
};

namespace decom::api {
namespace {

Json& add(Json& object, const char* key) { return object[key]; }

/// nullptr when there is none. Throws nlohmann's type_error when `j` is no object.
const Json* find(const Json& j, const char* key) {
  const auto& object = j.get_ref<const Json::object_t&>();
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &found->second;
}

template <typename T>
void write(Json& object, const char* key, const T& member) {
  add(object, key) = member;
}

template <typename T>
void read(const Json& object, const char* key, T& member) {
  if (const auto* found = find(object, key)) found->get_to(member);
}

}  // namespace

#define DECOM_WIRE_WRITE(member) write(j, #member, value.member);
#define DECOM_WIRE_READ(member) read(j, #member, value.member);

/// Members of a DECOM_WIRE_TYPE, whose names are the keys. What JSON does not have keeps its default, what it has more
/// is not looked at.
#define DECOM_WIRE_MAPPING(Type, ...)                                        \
  void to_json(nlohmann::json& j, const Type& value) {                       \
    NLOHMANN_JSON_EXPAND(NLOHMANN_JSON_PASTE(DECOM_WIRE_WRITE, __VA_ARGS__)) \
  }                                                                          \
  void from_json(const nlohmann::json& j, Type& value) {                     \
    NLOHMANN_JSON_EXPAND(NLOHMANN_JSON_PASTE(DECOM_WIRE_READ, __VA_ARGS__))  \
  }

// vms.hpp
DECOM_WIRE_MAPPING(Disk, label, capacity_bytes, backing)
DECOM_WIRE_MAPPING(Machine, id, name, vcenter, vcenter_uuid, moref, instance_uuid, bios_uuid, power, family, guest_id,
                   guest_full_name, host_name, ip_addresses, tools, folder, datacenter, cluster, host, owner,
                   annotation, attributes, tags, cpus, memory_mb, disks, snapshots, is_template, managed_by, created,
                   booted)
DECOM_WIRE_MAPPING(Mirror, vcenter, loaded, connected, machines, as_of, age_ms, trouble)
DECOM_WIRE_MAPPING(VmPage, items, total, total_is_at_least, next, mirrors)
DECOM_WIRE_MAPPING(VmField, name, text)
DECOM_WIRE_MAPPING(VmFields, items)

// plans.hpp
DECOM_WIRE_MAPPING(Options, reason, ticket, shutdown_timeout_s, guest_shutdown, skip, not_before, records_only)
DECOM_WIRE_MAPPING(PlanBody, machines, options)
DECOM_WIRE_MAPPING(PlannedRecord, id, what, facts, left_alone, effect)
DECOM_WIRE_MAPPING(PlannedStep, name, kind, irreversible, skipped, why, observation, text, system, records)
DECOM_WIRE_MAPPING(PlannedMachine, machine, plan, steps)
DECOM_WIRE_MAPPING(Plan, plan, hash, expires, options, machines)

// requests.hpp
DECOM_WIRE_MAPPING(SubmitBody, plan, hash)
DECOM_WIRE_MAPPING(Aftercare, kind, after, due, state, attempts, found, said)
DECOM_WIRE_MAPPING(Step, name, kind, irreversible, state, message, attempts, not_before, started, finished, aftercare)
DECOM_WIRE_MAPPING(Decommission, id, ordinal, machine, plan, state, reason, not_before, cancel_requested, warnings,
                   started, finished, steps)
DECOM_WIRE_MAPPING(Request, id, created, requester, state, options, warnings, last_event, machines, failed_notices)
DECOM_WIRE_MAPPING(RequestRow, id, created, finished, requester, reason, ticket, state, machines, counts, warnings,
                   names)
DECOM_WIRE_MAPPING(RequestPage, items, next)
DECOM_WIRE_MAPPING(CancelBody, machines)
DECOM_WIRE_MAPPING(CancelledMachine, id, name, state, in_flight)
DECOM_WIRE_MAPPING(CancelAnswer, request, machines)
DECOM_WIRE_MAPPING(RetryBody, machines, apply)
DECOM_WIRE_MAPPING(RetryAnswer, request, machines)
DECOM_WIRE_MAPPING(ResolveBody, machine, step, as, reason)

// records.hpp
DECOM_WIRE_MAPPING(Ghost, name, host, addresses, uuid)
DECOM_WIRE_MAPPING(RecordsBody, machines, ghost, systems, timeout_ms)
DECOM_WIRE_MAPPING(FoundRecord, id, what, state, facts, against, forbidden, effect, done)
DECOM_WIRE_MAPPING(SystemRecords, system, kind, state, records, code, text, elapsed_ms)
DECOM_WIRE_MAPPING(MachineRecords, id, name, retired, systems)
DECOM_WIRE_MAPPING(RecordsAnswer, items)

// steps.hpp
DECOM_WIRE_MAPPING(KindOfStep, kind, summary, irreversible, removes_records)
DECOM_WIRE_MAPPING(SystemOfRecords, name, kind, summary, source, deadline_ms, after, on_failure, unverified)
DECOM_WIRE_MAPPING(Steps, kinds, systems)
DECOM_WIRE_MAPPING(StepsTestBody, systems, timeout_ms)
DECOM_WIRE_MAPPING(SystemTest, system, kind, ok, code, text, elapsed_ms)
DECOM_WIRE_MAPPING(StepsTestAnswer, items)

// notices.hpp
DECOM_WIRE_MAPPING(NoticeChannel, name, kind, shape, where, source, on, told, failed, waiting, last_told, trouble,
                   trouble_at)
DECOM_WIRE_MAPPING(Notices, items)
DECOM_WIRE_MAPPING(NoticesTestBody, channels, timeout_ms)
DECOM_WIRE_MAPPING(NoticeTest, channel, ok, text, elapsed_ms)
DECOM_WIRE_MAPPING(NoticesTestAnswer, items)
DECOM_WIRE_MAPPING(FailedNotice, at, text)

// events.hpp
DECOM_WIRE_MAPPING(Event, seq, at, request, decommission, step, kind, level, text, data)

// auth.hpp
void to_json(nlohmann::json& j, const Nothing& /*nothing*/) { j = nlohmann::json::object(); }
void from_json(const nlohmann::json& /*j*/, Nothing& /*nothing*/) {}

DECOM_WIRE_MAPPING(LoginBody, user, password)
DECOM_WIRE_MAPPING(WhoAmI, user, upn, sid, roles, expires, uid)
DECOM_WIRE_MAPPING(LoginAnswer, token, expires, who)
DECOM_WIRE_MAPPING(TokenBody, name, ttl_s)
DECOM_WIRE_MAPPING(TokenRow, id, name, user, created, expires, revoked)
DECOM_WIRE_MAPPING(TokenPage, items)
DECOM_WIRE_MAPPING(TokenAnswer, row, token)

// admin.hpp
DECOM_WIRE_MAPPING(FreezeBody, reason)
DECOM_WIRE_MAPPING(Freeze, frozen, who, reason, at)
DECOM_WIRE_MAPPING(Health, status, version)
DECOM_WIRE_MAPPING(Check, name, level, text, hint)
DECOM_WIRE_MAPPING(Doctor, checks)

// problem.hpp
DECOM_WIRE_MAPPING(ProblemItem, where, what)
DECOM_WIRE_MAPPING(Problem, type, title, status, code, detail, errors)

}  // namespace decom::api
