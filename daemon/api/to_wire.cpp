#include "daemon/api/to_wire.hpp"

#include <algorithm>

namespace decom {
namespace {

std::optional<std::string> optional_time(const std::optional<Timestamp>& time) {
  return time ? std::optional(to_rfc3339(*time)) : std::nullopt;
}

api::Step to_wire(const Step& step) {
  api::Step wire{.name = step.name,
                 .kind = step.kind,
                 .irreversible = step.irreversible,
                 .state = std::string(to_string(step.state)),
                 .message = step.message,
                 .attempts = step.attempts,
                 .not_before = optional_time(step.not_before),
                 .started = optional_time(step.started),
                 .finished = optional_time(step.finished)};
  for (const Aftercare& due : step.aftercare)
    wire.aftercare.push_back({.kind = std::string(to_string(due.kind)),
                              .after = to_text(due.after),
                              .due = to_rfc3339(due.due),
                              .state = std::string(to_string(due.state)),
                              .attempts = due.attempts,
                              .found = static_cast<int>(due.found.size()),
                              .said = due.said});
  return wire;
}

api::Decommission to_wire(const Decommission& decommission) {
  api::Decommission wire{.id = machine_id(decommission.request, decommission.ordinal),
                         .ordinal = decommission.ordinal,
                         .machine = to_wire(decommission.machine),
                         .plan = decommission.plan.name,
                         .state = std::string(to_string(decommission.state)),
                         .reason = decommission.reason,
                         .not_before = optional_time(decommission.not_before),
                         .cancel_requested = decommission.cancel_requested,
                         .warnings = decommission.warnings,
                         .started = optional_time(decommission.started),
                         .finished = optional_time(decommission.finished),
                         .steps = {}};
  for (const Step& step : decommission.steps) wire.steps.push_back(to_wire(step));
  return wire;
}

}  // namespace

std::optional<std::chrono::milliseconds> time_limit(std::int64_t timeout_ms) {
  constexpr std::int64_t kMost = 10 * 60 * 1000;
  if (timeout_ms < 0 || timeout_ms > kMost) throw Error{ErrorCode::invalid, "timeout_ms: is to be from 0 to {}", kMost};
  if (timeout_ms == 0) return std::nullopt;
  return std::chrono::milliseconds{timeout_ms};
}

std::string machine_id(std::int64_t request, int ordinal) { return fmt::format("{}.{}", request, ordinal); }

api::Machine to_wire(const Machine& machine) {
  api::Machine wire{.id = machine.id(),
                    .name = machine.name,
                    .vcenter = machine.vcenter,
                    .vcenter_uuid = machine.identity.vcenter_uuid,
                    .moref = machine.identity.moref,
                    .instance_uuid = machine.identity.instance_uuid,
                    .bios_uuid = machine.bios_uuid,
                    .power = std::string(to_string(machine.power)),
                    .family = std::string(to_string(machine.family)),
                    .guest_id = machine.guest_id,
                    .guest_full_name = machine.guest_full_name,
                    .host_name = machine.guest_host_name,
                    .ip_addresses = machine.ip_addresses,
                    .tools = machine.tools,
                    .folder = machine.folder,
                    .datacenter = machine.datacenter,
                    .cluster = machine.cluster,
                    .host = machine.host,
                    .owner = machine.owner(),
                    .annotation = machine.annotation,
                    .attributes = machine.attributes,
                    .tags = machine.tags,
                    .cpus = machine.cpus,
                    .memory_mb = machine.memory_mb,
                    .disks = {},
                    .snapshots = machine.snapshots,
                    .is_template = machine.is_template,
                    .managed_by = machine.managed_by,
                    .created = optional_time(machine.created),
                    .booted = optional_time(machine.booted)};
  for (const Disk& disk : machine.disks) wire.disks.push_back({disk.label, disk.capacity_bytes, disk.backing});
  return wire;
}

api::Mirror to_wire(const MirrorState& state, Timestamp now) {
  api::Mirror wire{.vcenter = state.vcenter,
                   .loaded = state.loaded,
                   .connected = state.connected,
                   .machines = static_cast<std::int64_t>(state.machines),
                   .as_of = optional_time(state.as_of),
                   .age_ms = std::nullopt,
                   .trouble = state.trouble};
  if (state.as_of) wire.age_ms = std::max<std::int64_t>(0, (now - *state.as_of).count());
  return wire;
}

api::Options to_wire(const RequestOptions& options) {
  return {.reason = options.reason,
          .ticket = options.ticket,
          .shutdown_timeout_s = std::chrono::duration_cast<std::chrono::seconds>(options.shutdown_timeout).count(),
          .guest_shutdown = options.guest_shutdown,
          .skip = options.skip,
          .not_before = optional_time(options.not_before),
          .records_only = options.records_only};
}

RequestOptions from_wire(const api::Options& options) {
  constexpr std::size_t kLongest = 4096;
  constexpr std::int64_t kMostSeconds = 24 * 60 * 60;
  std::vector<Finding> findings;
  if (options.reason.size() > kLongest) findings.push_back({"options.reason", "is longer than 4096 bytes"});
  if (options.ticket.size() > kLongest) findings.push_back({"options.ticket", "is longer than 4096 bytes"});
  if (options.shutdown_timeout_s < 0 || options.shutdown_timeout_s > kMostSeconds)
    findings.push_back({"options.shutdown_timeout_s", "is to be from 0 to 86400"});
  RequestOptions parsed{.reason = options.reason,
                        .ticket = options.ticket,
                        .shutdown_timeout = std::chrono::seconds{0},
                        .guest_shutdown = options.guest_shutdown,
                        .skip = options.skip,
                        .not_before = std::nullopt,
                        .records_only = options.records_only};
  if (options.not_before) {
    try {
      parsed.not_before = parse_rfc3339(*options.not_before);
    } catch (const Error& e) {
      findings.push_back({"options.not_before", e.what()});
    }
  }
  if (!findings.empty()) {
    std::string text = findings.front().where + ": " + findings.front().what;
    throw Error{ErrorCode::invalid, text, std::move(findings)};
  }
  parsed.shutdown_timeout = std::chrono::seconds{options.shutdown_timeout_s};
  return parsed;
}

namespace {

std::string effect_of(const FrozenRecord& record) { return record.effect.empty() ? "remove" : record.effect; }

/// All that was seen where somebody looked just now; of a stored plan what it froze.
std::vector<api::PlannedRecord> records_of(const PlanStep& step, const StepPreview* preview) {
  std::vector<api::PlannedRecord> records;
  if (preview != nullptr) {
    for (const SeenRecord& seen : preview->records)
      records.push_back({seen.record.id, seen.record.what, seen.facts,
                         seen.left_alone.empty() ? std::nullopt : std::optional(seen.left_alone),
                         effect_of(seen.record)});
  } else if (step.records) {
    for (const FrozenRecord& frozen : *step.records)
      records.push_back({frozen.id, frozen.what, {}, std::nullopt, effect_of(frozen)});
  }
  return records;
}

}  // namespace

api::Plan to_wire(const PlanOffer& offer, const std::vector<std::vector<StepPreview>>& previews) {
  api::Plan wire{.plan = offer.id,
                 .hash = offer.hash,
                 .expires = to_rfc3339(offer.expires),
                 .options = to_wire(offer.options),
                 .machines = {}};
  for (std::size_t i = 0; i < offer.machines.size(); ++i) {
    const PlannedMachine& planned = offer.machines[i];
    api::PlannedMachine machine{to_wire(planned.machine), planned.plan.name, {}};
    for (std::size_t s = 0; s < planned.plan.steps.size(); ++s) {
      const PlanStep& step = planned.plan.steps[s];
      api::PlannedStep shown{step.name, step.kind, step.irreversible, step.skipped, step.why, {}, {}, step.system, {}};
      const StepPreview* preview = i < previews.size() && s < previews[i].size() ? &previews[i][s] : nullptr;
      if (preview != nullptr) {
        shown.observation = preview->observation;
        shown.text = preview->text;
      }
      shown.records = records_of(step, preview);
      machine.steps.push_back(std::move(shown));
    }
    wire.machines.push_back(std::move(machine));
  }
  return wire;
}

api::Request to_wire(const Request& request, std::int64_t last_event, const std::vector<Event>& failed_notices) {
  api::Request wire{.id = request.id,
                    .created = to_rfc3339(request.created),
                    .requester = request.requester,
                    .state = {},
                    .options = to_wire(request.options),
                    .warnings = static_cast<int>(failed_notices.size()),
                    .last_event = last_event,
                    .machines = {},
                    .failed_notices = {}};
  for (const Event& event : failed_notices) wire.failed_notices.push_back({to_rfc3339(event.at), event.text});
  std::vector<DecommissionState> states;
  for (const Decommission& decommission : request.decommissions) {
    states.push_back(decommission.state);
    wire.warnings += decommission.warnings;
    wire.machines.push_back(to_wire(decommission));
  }
  wire.state = to_string(state_of_request(states));
  return wire;
}

api::RequestRow to_wire(const RequestRow& row) {
  api::RequestRow wire{.id = row.id,
                       .created = to_rfc3339(row.created),
                       .finished = optional_time(row.finished),
                       .requester = row.requester,
                       .reason = row.reason,
                       .ticket = row.ticket,
                       .state = std::string(to_string(row.state)),
                       .machines = static_cast<std::int64_t>(row.machines),
                       .counts = {},
                       .warnings = row.warnings,
                       .names = row.names};
  for (const auto& [state, count] : row.counts) wire.counts.emplace(to_string(state), count);
  return wire;
}

api::NoticeChannel to_wire(const notices::ChannelStatus& status) {
  const notices::ChannelOptions& options = status.options;
  const auto* webhook = std::get_if<notices::WebhookOptions>(&options.way);
  api::NoticeChannel wire{.name = options.name,
                          .kind = webhook != nullptr ? "webhook" : "mail",
                          .shape = webhook != nullptr ? webhook->shape : std::string{},
                          .where = status.where,
                          .source = options.source,
                          .on = {},
                          .told = status.told,
                          .failed = status.failed,
                          .waiting = static_cast<std::int64_t>(status.waiting),
                          .last_told = optional_time(status.last_told),
                          .trouble = status.trouble,
                          .trouble_at = optional_time(status.last_trouble_at)};
  for (const notices::Occasion occasion : options.on) wire.on.emplace_back(to_string(occasion));
  return wire;
}

api::TokenRow to_wire(const SessionRow& row) {
  return {.id = row.id,
          .name = row.name,
          .user = display_name(row.domain, row.sam),
          .created = to_rfc3339(row.created),
          .expires = to_rfc3339(row.expires),
          .revoked = row.revoked.has_value()};
}

api::Freeze to_wire(const FreezeState& state) {
  return {.frozen = state.frozen, .who = state.who, .reason = state.reason, .at = optional_time(state.at)};
}

api::WhoAmI to_wire(const Principal& who, Timestamp expires) {
  api::WhoAmI wire{.user = display_name(who.domain, who.sam),
                   .upn = who.upn,
                   .sid = who.sid,
                   .roles = {},
                   .expires = to_rfc3339(expires),
                   .uid = who.uid};
  for (const Role role : who.roles) wire.roles.emplace_back(to_string(role));
  return wire;
}

}  // namespace decom
