#include "daemon/store/codec.hpp"

#include <optional>

#include <fmt/core.h>

#include "common/base/crypto.hpp"
#include "common/base/error.hpp"
#include "daemon/store/tx.hpp"

namespace decom::codec {
namespace {

Json millis_or_null(const std::optional<Timestamp>& time) { return time ? Json(to_millis(*time)) : Json(nullptr); }

/// A member by its name, or its default where it is missing or null.
template <typename T>
void read(const Json& json, const char* name, T& into) {
  const auto found = json.find(name);
  if (found != json.end() && !found->is_null()) into = found->get<T>();
}

void read(const Json& json, const char* name, std::optional<Timestamp>& into) {
  const auto found = json.find(name);
  if (found != json.end() && !found->is_null()) into = from_millis(found->get<std::int64_t>());
}

/// What is stored was written by us: anything that does not fit was changed by somebody else.
template <typename F>
auto reading(const char* what, const Json& json, F&& f, int known = kFormat) {
  try {
    const int format = json.at("format").get<int>();
    if (format < 1 || format > known)
      throw Error{ErrorCode::storage, "the stored {} has format {}, and this decomd knows up to {}", what, format,
                  known};
    return f();
  } catch (const Json::exception&) {
    throw Error{ErrorCode::storage, "the stored {} is not as decomd writes it", what};
  }
}

Json disk_to_json(const Disk& d) {
  return {{"label", d.label},           {"capacity_bytes", d.capacity_bytes}, {"backing", d.backing},
          {"parents", d.parents},       {"raw_mapping", d.raw_mapping},       {"multi_writer", d.multi_writer},
          {"shared_bus", d.shared_bus}, {"first_class", d.first_class}};
}

Disk disk_from(const Json& json) {
  Disk d;
  read(json, "label", d.label);
  read(json, "capacity_bytes", d.capacity_bytes);
  read(json, "backing", d.backing);
  read(json, "parents", d.parents);
  read(json, "raw_mapping", d.raw_mapping);
  read(json, "multi_writer", d.multi_writer);
  read(json, "shared_bus", d.shared_bus);
  read(json, "first_class", d.first_class);
  return d;
}

Json records_to_json(const std::optional<std::vector<FrozenRecord>>& records) {
  if (!records) return nullptr;  // not read, which is not the same as none
  Json list = Json::array();
  for (const FrozenRecord& record : *records) {
    list.push_back({{"id", record.id}, {"what", record.what}, {"before", record.before}});
    if (!record.effect.empty()) list.back()["effect"] = record.effect;
  }
  return list;
}

std::optional<std::vector<FrozenRecord>> records_from(const Json& json) {
  const auto found = json.find("records");
  if (found == json.end() || found->is_null()) return std::nullopt;
  std::vector<FrozenRecord> records;
  for (const Json& record : *found)
    records.push_back({.id = record.at("id").get<std::string>(),
                       .what = record.at("what").get<std::string>(),
                       .before = record.at("before").get<std::string>(),
                       .effect = record.value("effect", std::string{})});
  return records;
}

Json step_to_json(const PlanStep& s) {
  Json json{{"name", s.name},
            {"kind", s.kind},
            {"irreversible", s.irreversible},
            {"params", s.params},
            {"after", s.after},
            {"on_failure", to_string(s.on_failure)},
            {"skipped", s.skipped},
            {"why", s.why},
            {"system", s.system},
            {"definition", s.definition},
            {"records", records_to_json(s.records)}};
  if (s.on_return != OnReturn::warn) json["on_return"] = to_string(s.on_return);
  return json;
}

PlanStep step_from(const Json& json) {
  PlanStep s;
  read(json, "name", s.name);
  read(json, "kind", s.kind);
  read(json, "irreversible", s.irreversible);
  read(json, "params", s.params);
  read(json, "after", s.after);
  s.on_failure = on_failure_from(json.at("on_failure").get<std::string>());
  read(json, "skipped", s.skipped);
  read(json, "why", s.why);
  read(json, "system", s.system);
  read(json, "definition", s.definition);
  s.records = records_from(json);
  s.on_return = on_return_from(json.value("on_return", std::string(to_string(OnReturn::warn))));
  return s;
}

}  // namespace

Json to_json(const Machine& m) {
  Json disks = Json::array();
  for (const Disk& disk : m.disks) disks.push_back(disk_to_json(disk));
  return {{"format", kFormat},
          {"vcenter_uuid", m.identity.vcenter_uuid},
          {"moref", m.identity.moref},
          {"instance_uuid", m.identity.instance_uuid},
          {"name", m.name},
          {"vcenter", m.vcenter},
          {"folder", m.folder},
          {"datacenter", m.datacenter},
          {"cluster", m.cluster},
          {"host", m.host},
          {"resource_pool", m.resource_pool},
          {"guest_id", m.guest_id},
          {"guest_full_name", m.guest_full_name},
          {"tools_guest_id", m.tools_guest_id},
          {"family", to_string(m.family)},
          {"guest_host_name", m.guest_host_name},
          {"ip_addresses", m.ip_addresses},
          {"mac_addresses", m.mac_addresses},
          {"power", to_string(m.power)},
          {"tools", m.tools},
          {"bios_uuid", m.bios_uuid},
          {"annotation", m.annotation},
          {"attributes", m.attributes},
          {"tags", m.tags},
          {"cpus", m.cpus},
          {"memory_mb", m.memory_mb},
          {"disks", std::move(disks)},
          {"snapshots", m.snapshots},
          {"is_template", m.is_template},
          {"managed_by", m.managed_by},
          {"created", millis_or_null(m.created)},
          {"booted", millis_or_null(m.booted)}};
}

Machine machine_from(const Json& json) {
  return reading("machine", json, [&] {
    Machine m;
    m.identity = {.vcenter_uuid = json.at("vcenter_uuid").get<std::string>(),
                  .moref = json.at("moref").get<std::string>(),
                  .instance_uuid = json.at("instance_uuid").get<std::string>()};
    read(json, "name", m.name);
    read(json, "vcenter", m.vcenter);
    read(json, "folder", m.folder);
    read(json, "datacenter", m.datacenter);
    read(json, "cluster", m.cluster);
    read(json, "host", m.host);
    read(json, "resource_pool", m.resource_pool);
    read(json, "guest_id", m.guest_id);
    read(json, "guest_full_name", m.guest_full_name);
    read(json, "tools_guest_id", m.tools_guest_id);
    m.family = os_family_from(json.at("family").get<std::string>());
    read(json, "guest_host_name", m.guest_host_name);
    read(json, "ip_addresses", m.ip_addresses);
    read(json, "mac_addresses", m.mac_addresses);
    m.power = power_state_from(json.at("power").get<std::string>());
    read(json, "tools", m.tools);
    read(json, "bios_uuid", m.bios_uuid);
    read(json, "annotation", m.annotation);
    read(json, "attributes", m.attributes);
    read(json, "tags", m.tags);
    read(json, "cpus", m.cpus);
    read(json, "memory_mb", m.memory_mb);
    for (const Json& disk : json.at("disks")) m.disks.push_back(disk_from(disk));
    read(json, "snapshots", m.snapshots);
    read(json, "is_template", m.is_template);
    read(json, "managed_by", m.managed_by);
    read(json, "created", m.created);
    read(json, "booted", m.booted);
    return m;
  });
}

Json to_json(const Plan& plan) {
  Json steps = Json::array();
  for (const PlanStep& step : plan.steps) steps.push_back(step_to_json(step));
  return {{"format", plan.format}, {"name", plan.name}, {"steps", std::move(steps)}};
}

Plan plan_from(const Json& json) {
  return reading(
      "plan", json,
      [&] {
        Plan plan;
        read(json, "format", plan.format);
        read(json, "name", plan.name);
        for (const Json& step : json.at("steps")) plan.steps.push_back(step_from(step));
        return plan;
      },
      kPlanFormat);
}

Json to_json(const RequestOptions& o) {
  return {{"format", kFormat},
          {"reason", o.reason},
          {"ticket", o.ticket},
          {"shutdown_timeout_ms", o.shutdown_timeout.count()},
          {"guest_shutdown", o.guest_shutdown},
          {"skip", o.skip},
          {"not_before", millis_or_null(o.not_before)},
          {"records_only", o.records_only}};
}

RequestOptions options_from(const Json& json) {
  return reading("list of options", json, [&] {
    RequestOptions o;
    read(json, "reason", o.reason);
    read(json, "ticket", o.ticket);
    o.shutdown_timeout = std::chrono::milliseconds{json.at("shutdown_timeout_ms").get<std::int64_t>()};
    read(json, "guest_shutdown", o.guest_shutdown);
    read(json, "skip", o.skip);
    read(json, "not_before", o.not_before);
    read(json, "records_only", o.records_only);
    return o;
  });
}

Json to_json(const std::vector<PlannedMachine>& machines) {
  Json list = Json::array();
  for (const PlannedMachine& planned : machines)
    list.push_back({{"machine", to_json(planned.machine)}, {"plan", to_json(planned.plan)}});
  return {{"format", kFormat}, {"machines", std::move(list)}};
}

std::vector<PlannedMachine> machines_from(const Json& json) {
  return reading("plan", json, [&] {
    std::vector<PlannedMachine> machines;
    for (const Json& planned : json.at("machines"))
      machines.push_back({.machine = machine_from(planned.at("machine")), .plan = plan_from(planned.at("plan"))});
    return machines;
  });
}

std::string to_text(const Machine& machine) { return canonical(to_json(machine)); }
std::string to_text(const Plan& plan) { return canonical(to_json(plan)); }
std::string to_text(const RequestOptions& options) { return canonical(to_json(options)); }
std::string to_text(const std::vector<PlannedMachine>& machines) { return canonical(to_json(machines)); }

Json parse(std::string_view text) {
  try {
    return Json::parse(text);
  } catch (const Json::exception&) {
    throw Error{ErrorCode::storage, "a stored text is not JSON"};
  }
}

std::string hash_of(const RequestOptions& options, const std::vector<PlannedMachine>& machines) {
  return sha256_hex(canonical({{"options", to_json(options)}, {"planned", to_json(machines)}}));
}

std::string hash_of(const Machine& machine, const Plan& plan) {
  return sha256_hex(canonical({{"machine", to_json(machine)}, {"plan", to_json(plan)}}));
}

}  // namespace decom::codec
