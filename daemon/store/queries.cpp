#include <algorithm>

#include <fmt/core.h>

#include "common/base/secret.hpp"
#include "common/base/text.hpp"
#include "daemon/store/codec.hpp"
#include "daemon/store/rows.hpp"
#include "daemon/store/seal.hpp"
#include "daemon/store/verbs.hpp"

namespace decom::verbs {
namespace {

/// A pattern for LIKE … ESCAPE '!' that finds `text` anywhere and takes no character of it for a wildcard.
std::string anywhere(const std::string& text) {
  std::string pattern = "%";
  for (const char c : folded(storable(text))) {
    if (c == '%' || c == '_' || c == '!') pattern += '!';
    pattern += c;
  }
  return pattern + "%";
}

struct Where {
  std::string text = "1 = 1";
  std::vector<sql::Value> values;

  template <typename... Values>
  void add(const std::string& condition, const Values&... more) {
    text += " AND (" + condition + ")";
    (values.push_back(sql::to_value(more)), ...);
  }
};

Where where_of(const RequestFilter& filter) {
  Where where;
  if (filter.before_id > 0) where.add("r.id < :before", filter.before_id);
  if (filter.since) where.add("r.created >= :since", *filter.since);
  if (filter.until) where.add("r.created < :until", *filter.until);
  if (filter.live_only) where.add("r.finished IS NULL");
  if (!filter.user.empty())
    where.add("r.requester_sid = :user_sid OR lower(r.sam) = :user_sam OR lower(r.requester) = :user_name", filter.user,
              folded(filter.user), folded(filter.user));
  if (!filter.states.empty()) {
    std::string names;
    for (const DecommissionState state : filter.states) {
      names += fmt::format("{}:state{}", names.empty() ? "" : ", ", where.values.size());
      where.values.push_back(sql::to_value(state));
    }
    where.add("EXISTS (SELECT 1 FROM decommission d WHERE d.request = r.id AND d.state IN (" + names + "))");
  }
  if (!filter.machine.empty())
    where.add("EXISTS (SELECT 1 FROM decommission d WHERE d.request = r.id AND d.search LIKE :machine ESCAPE '!')",
              anywhere(filter.machine));
  if (!filter.text.empty()) {
    const std::string pattern = anywhere(filter.text);
    where.add(
        "lower(r.reason) LIKE :reason ESCAPE '!' OR lower(r.ticket) LIKE :ticket ESCAPE '!' OR EXISTS (SELECT 1 FROM"
        " decommission d JOIN step s ON s.decommission = d.id WHERE d.request = r.id AND lower(s.message) LIKE :message"
        " ESCAPE '!')",
        pattern, pattern, pattern);
  }
  return where;
}

void add_machines(sql::Db& db, RequestRow& row) {
  constexpr std::size_t kNames = 5;
  std::vector<DecommissionState> states;
  for (auto& [name, text, warnings] : db.all<std::string, std::string, int>(
           "SELECT name, state, warnings FROM decommission WHERE request = :request ORDER BY ordinal", row.id)) {
    const DecommissionState state = decommission_state_from(text);
    states.push_back(state);
    ++row.counts[state];
    row.warnings += warnings;
    if (row.names.size() < kNames) row.names.push_back(std::move(name));
  }
  row.machines = states.size();
  row.state = state_of_request(states);
}

struct StoredRequest {
  Request request;
  std::string options;
  std::string seal;
};

StoredRequest read_request(sql::Db& db, std::int64_t id) {
  auto row = db.maybe<Timestamp, std::string, std::string, std::string, std::string, std::string, std::uint32_t,
                      std::string, std::string>(
      "SELECT created, requester_sid, requester, sam, upn, domain, uid, options, seal FROM request WHERE id = :id", id);
  if (!row) throw Error{ErrorCode::not_found, "there is no request {}", id};
  auto& [created, sid, requester, sam, upn, domain, uid, options, seal] = *row;
  StoredRequest stored{.request = {.id = id,
                                   .created = created,
                                   .requester_sid = std::move(sid),
                                   .requester = std::move(requester),
                                   .requester_sam = std::move(sam),
                                   .requester_upn = std::move(upn),
                                   .requester_domain = std::move(domain),
                                   .uid = uid,
                                   .options = codec::options_from(codec::parse(options)),
                                   .decommissions = {}},
                       .options = {},
                       .seal = std::move(seal)};
  stored.options = std::move(options);
  return stored;
}

struct StoredMachine {
  Decommission decommission;
  Identity identity;
  std::string facts;
  std::string plan;
  std::string seal;
};

template <typename... Values>
std::vector<StoredMachine> read_machines(sql::Db& db, const std::string& where, const Values&... values) {
  std::vector<StoredMachine> found;
  for (auto& row :
       db.all<std::int64_t, std::int64_t, int, std::string, std::string, std::string, std::string, std::string,
              std::string, std::string, std::string, std::string, std::optional<Timestamp>, std::optional<std::int64_t>,
              int, Timestamp, std::optional<Timestamp>, std::optional<Timestamp>>(
           "SELECT id, request, ordinal, vcenter_uuid, moref, instance_uuid, facts, plan, plan_hash, seal, state,"
           " reason, not_before, cancel_number, warnings, created, started, finished FROM decommission WHERE " +
               where,
           values...)) {
    auto& [id, request, ordinal, vcenter, moref, uuid, facts, plan, hash, seal, state, reason, not_before, cancel,
           warnings, created, started, finished] = row;
    Machine machine = codec::machine_from(codec::parse(facts));
    Plan steps = codec::plan_from(codec::parse(plan));
    found.push_back({.decommission = {.id = id,
                                      .request = request,
                                      .ordinal = ordinal,
                                      .machine = std::move(machine),
                                      .plan = std::move(steps),
                                      .plan_hash = std::move(hash),
                                      .state = decommission_state_from(state),
                                      .reason = std::move(reason),
                                      .not_before = not_before,
                                      .cancel_requested = cancel.has_value(),
                                      .warnings = warnings,
                                      .created = created,
                                      .started = started,
                                      .finished = finished,
                                      .steps = rows::steps(db, id)},
                     .identity = {std::move(vcenter), std::move(moref), std::move(uuid)},
                     .facts = std::move(facts),
                     .plan = std::move(plan),
                     .seal = std::move(seal)});
    Decommission& of = found.back().decommission;
    if (of.finished)
      for (Aftercare& due : aftercare_of(db, of.id))
        if (const auto step = std::ranges::find(of.steps, due.step, &Step::id); step != of.steps.end())
          step->aftercare.push_back(std::move(due));
  }
  return found;
}

[[noreturn]] void changed(const char* what) {
  throw Error{ErrorCode::precondition, "the stored {} was changed by somebody: nothing is done with it", what};
}

}  // namespace

std::vector<RequestRow> list_requests(sql::Db& db, const RequestFilter& filter) {
  Where where = where_of(filter);
  where.values.push_back(sql::to_value(filter.limit));
  std::vector<RequestRow> found;
  for (auto& row : db.collect<std::int64_t, Timestamp, std::optional<Timestamp>, std::string, std::string, std::string>(
           "SELECT r.id, r.created, r.finished, r.requester, r.reason, r.ticket FROM request r WHERE " + where.text +
               " ORDER BY r.id DESC LIMIT :limit",
           std::move(where.values))) {
    auto& [id, created, finished, requester, reason, ticket] = row;
    found.push_back({.id = id,
                     .created = created,
                     .requester = std::move(requester),
                     .reason = std::move(reason),
                     .ticket = std::move(ticket),
                     .finished = finished});
    add_machines(db, found.back());
  }
  return found;
}

Request load_request(sql::Db& db, std::int64_t id) {
  Request request = read_request(db, id).request;
  for (StoredMachine& stored : read_machines(db, "request = :request ORDER BY ordinal", id))
    request.decommissions.push_back(std::move(stored.decommission));
  return request;
}

std::vector<std::int64_t> retired(sql::Db& db, const std::string& machine) {
  // The search text holds name, host name, UUIDs, id and addresses, folded, a line each: whole lines count here.
  const std::string pattern = anywhere(machine);
  const std::string wanted = folded(storable(machine));
  std::vector<std::int64_t> found;
  for (const auto& [id, search] : db.all<std::int64_t, std::string>(
           "SELECT d.id, d.search FROM decommission d WHERE d.search LIKE :machine ESCAPE '!'"
           " AND EXISTS (SELECT 1 FROM step s WHERE s.decommission = d.id AND s.kind = 'vsphere.destroy'"
           " AND s.state IN ('succeeded', 'already')) ORDER BY d.id DESC LIMIT 1000",
           pattern)) {
    const auto lines = split(search, '\n');
    if (std::ranges::find(lines, wanted) != lines.end()) found.push_back(id);
  }
  return found;
}

Loaded load_sealed(sql::Db& db, const Secret& key, std::int64_t decommission) {
  std::vector<StoredMachine> machines;
  try {
    machines = read_machines(db, "id = :id", decommission);
  } catch (const sql::Failure&) {
    throw;
  } catch (const Error& e) {
    throw Error{ErrorCode::precondition, "{}: nothing is done with it", e.what()};  // it does not even parse
  }
  if (machines.empty()) throw Error{ErrorCode::not_found, "there is no decommission {}", decommission};
  StoredMachine& stored = machines.front();
  const Decommission& d = stored.decommission;
  if (!equal_in_constant_time(stored.seal, seal::of_decommission(key, d.request, d.ordinal, stored.identity,
                                                                 stored.facts, stored.plan, d.plan_hash)) ||
      stored.identity != d.machine.identity)
    changed("plan");
  const auto as_planned = [](const Step& step, const PlanStep& planned) {
    return step.name == planned.name && step.kind == planned.kind && step.irreversible == planned.irreversible;
  };
  if (!std::ranges::equal(d.steps, d.plan.steps, as_planned)) changed("list of steps");

  StoredRequest request = read_request(db, d.request);
  const Request& r = request.request;
  const seal::Person requester{
      .sid = r.requester_sid, .sam = r.requester_sam, .upn = r.requester_upn, .domain = r.requester_domain};
  if (!equal_in_constant_time(request.seal, seal::of_request(key, r.id, requester, r.uid, request.options)))
    changed("request");
  return {.request = std::move(request.request), .decommission = std::move(stored.decommission)};
}

std::vector<Event> events(sql::Db& db, const EventFilter& filter) {
  const auto oldest = std::get<0>(*db.maybe<std::optional<std::int64_t>>("SELECT min(seq) FROM event"));
  if (oldest && filter.since < *oldest - 1)
    throw Error{ErrorCode::gone, "events up to {} are no longer kept", *oldest - 1};
  Where where;
  where.add("seq > :since", filter.since);
  if (filter.request > 0) where.add("request = :request", filter.request);
  if (filter.machine) where.add("machine = :machine OR machine IS NULL", *filter.machine);
  where.values.push_back(sql::to_value(filter.limit));
  std::vector<Event> found;
  for (auto& row : db.collect<std::int64_t, Timestamp, std::int64_t, std::optional<int>, std::optional<std::string>,
                              std::string, std::string, std::string, std::string>(
           "SELECT seq, at, request, machine, step, kind, level, text, data FROM event WHERE " + where.text +
               " ORDER BY seq LIMIT :limit",
           std::move(where.values))) {
    auto& [seq, at, request, machine, step, kind, level, text, data] = row;
    found.push_back({.seq = seq,
                     .at = at,
                     .request = request,
                     .machine = machine,
                     .step = std::move(step),
                     .kind = event_kind_from(kind),
                     .level = event_level_from(level),
                     .text = std::move(text),
                     .data = std::move(data)});
  }
  return found;
}

}  // namespace decom::verbs
