#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "common/base/secret.hpp"
#include "common/base/text.hpp"
#include "daemon/store/codec.hpp"
#include "daemon/store/rows.hpp"
#include "daemon/store/seal.hpp"
#include "daemon/store/verbs.hpp"

namespace decom::verbs {
namespace {

using namespace std::chrono_literals;

/// How long an offer that nobody took is still told apart from one that never was.
constexpr auto kOfferKept = 24h;

struct StoredOffer {
  PlanOffer offer;
  std::string machines;  ///< as text, for the seal
  std::optional<std::int64_t> request;
};

StoredOffer find_offer(sql::Db& db, const Secret& key, const std::string& id) {
  auto row = db.maybe<std::string, Timestamp, Timestamp, std::string, std::string, std::string, std::string,
                      std::optional<std::int64_t>>(
      "SELECT hash, created, expires, requester_sid, options, machines, seal, request FROM plan WHERE id = :id", id);
  if (!row) throw Error{ErrorCode::not_found, "there is no such plan: make a new one"};
  auto& [hash, created, expires, sid, options, machines, seal, request] = *row;
  StoredOffer found{.offer = {.id = id,
                              .hash = std::move(hash),
                              .created = created,
                              .expires = expires,
                              .requester_sid = std::move(sid),
                              .options = {},
                              .machines = {}},
                    .machines = {},
                    .request = request};
  if (!equal_in_constant_time(seal, seal::of_plan(key, found.offer, options, machines)))
    throw Error{ErrorCode::precondition, "the stored plan was changed after it was shown: make a new one"};
  found.offer.options = codec::options_from(codec::parse(options));
  found.offer.machines = codec::machines_from(codec::parse(machines));
  return found;
}

void refuse_used_or_expired(const StoredOffer& found, Timestamp now) {
  if (found.request) throw Error{ErrorCode::gone, "this plan was accepted already, as request {}", *found.request};
  if (found.offer.expires <= now)
    throw Error{ErrorCode::gone, "this plan expired at {}: make a new one", to_rfc3339(found.offer.expires)};
}

/// What `list --machine` looks through, a line each.
std::string search_text(const Machine& m) {
  std::vector<std::string> lines{m.name, m.guest_host_name, m.identity.instance_uuid, m.bios_uuid, m.id()};
  lines.insert(lines.end(), m.ip_addresses.begin(), m.ip_addresses.end());
  return folded(storable(join(lines, "\n")));
}

void refuse_living(sql::Db& db, const std::vector<PlannedMachine>& machines) {
  std::vector<Finding> findings;
  std::set<Identity> seen;
  for (const auto& [machine, plan] : machines) {
    if (!seen.insert(machine.identity).second)
      findings.push_back({machine.id(), fmt::format("{} is in this plan twice", machine.name)});
    if (const auto other = rows::live(db, machine.identity))
      findings.push_back({machine.id(), fmt::format("{} is in request {} already", machine.name, *other)});
  }
  if (findings.empty()) return;
  const std::string message = findings.size() == 1
                                  ? findings.front().what
                                  : fmt::format("{} machines are in other requests already", findings.size());
  throw Error{ErrorCode::conflict, message, std::move(findings)};
}

void add_steps(Tx& tx, std::int64_t decommission, const Plan& plan) {
  std::int64_t id = tx.reserve("step", static_cast<std::int64_t>(plan.steps.size()));
  int ordinal = 0;
  for (const PlanStep& step : plan.steps) {
    std::optional<Timestamp> finished;
    if (step.skipped) finished = tx.now;
    tx.db.run(
        "INSERT INTO step (id, decommission, ordinal, name, kind, irreversible, state, message, attempts, crashes,"
        " finished) VALUES (:id, :decommission, :ordinal, :name, :kind, :irreversible, :state, :message, 0, 0,"
        " :finished)",
        id++, decommission, ordinal++, step.name, step.kind, step.irreversible,
        step.skipped ? StepState::skipped : StepState::pending, step.skipped ? storable(step.why) : "", finished);
  }
}

void add_machine(Tx& tx, std::int64_t request, int ordinal, const PlannedMachine& planned,
                 const RequestOptions& options, const seal::Person& requester) {
  const Machine& machine = planned.machine;
  const std::string facts = codec::to_text(machine);
  const std::string plan = codec::to_text(planned.plan);
  const std::string hash = codec::hash_of(machine, planned.plan);
  const bool later = options.not_before && *options.not_before > tx.now;
  const DecommissionState state = later ? DecommissionState::scheduled : DecommissionState::queued;
  const std::int64_t id = tx.reserve("decommission");
  tx.db.run(
      "INSERT INTO decommission (id, request, ordinal, vcenter_uuid, moref, instance_uuid, name, search, facts, plan,"
      " plan_hash, seal, state, reason, not_before, warnings, created, acting_sid, acting_sam, acting_upn,"
      " acting_domain, acting_seal, apply_again) VALUES (:id, :request, :ordinal, :vcenter, :moref, :uuid, :name,"
      " :search, :facts, :plan, :hash, :seal, :state, '', :not_before, 0, :created, :sid, :sam, :upn, :domain,"
      " :acting_seal, 0)",
      id, request, ordinal, machine.identity.vcenter_uuid, machine.identity.moref, machine.identity.instance_uuid,
      storable(machine.name), search_text(machine), facts, plan, hash,
      seal::of_decommission(tx.key, request, ordinal, machine.identity, facts, plan, hash), state,
      later ? options.not_before : std::nullopt, tx.now, requester.sid, requester.sam, requester.upn, requester.domain,
      seal::of_acting(tx.key, request, ordinal, requester));
  add_steps(tx, id, planned.plan);
  tx.event(EventKind::decommission_queued, {.request = request, .machine = ordinal, .step = {}}, EventLevel::info,
           later ? fmt::format("{}: scheduled for {}", machine.name, to_rfc3339(*options.not_before))
                 : fmt::format("{}: queued", machine.name),
           {{"name", storable(machine.name)},
            {"id", machine.id()},
            {"state", to_string(state)},
            {"plan", planned.plan.name},
            {"not_before", later ? Json(to_rfc3339(*options.not_before)) : Json(nullptr)}});
}

}  // namespace

void save_plan(Tx& tx, const PlanOffer& offer) {
  if (offer.id.empty() || offer.hash.empty() || offer.machines.empty())
    throw Error{ErrorCode::internal, "a plan without id, hash or machines cannot be kept"};
  const std::string options = codec::to_text(offer.options);
  const std::string machines = codec::to_text(offer.machines);
  tx.db.run("DELETE FROM plan WHERE expires < :long_ago AND request IS NULL", tx.now - kOfferKept);
  tx.db.run(
      "INSERT INTO plan (id, hash, created, expires, requester_sid, options, machines, seal)"
      " VALUES (:id, :hash, :created, :expires, :sid, :options, :machines, :seal)",
      offer.id, offer.hash, offer.created, offer.expires, offer.requester_sid, options, machines,
      seal::of_plan(tx.key, offer, options, machines));
}

PlanOffer load_plan(sql::Db& db, const Secret& key, const std::string& id, Timestamp now) {
  StoredOffer found = find_offer(db, key, id);
  refuse_used_or_expired(found, now);
  return std::move(found.offer);
}

std::optional<Accepted> accepted_before(sql::Db& db, const Submission& submission, const Principal& who) {
  if (submission.idempotency_key.empty()) return std::nullopt;
  const auto earlier = db.maybe<std::int64_t, std::string>(
      "SELECT id, body_hash FROM request WHERE requester_sid = :sid AND idempotency_key = :key", who.sid,
      submission.idempotency_key);
  if (!earlier) return std::nullopt;
  const auto& [id, body] = *earlier;
  if (body != submission.body_hash)
    throw Error{ErrorCode::invalid, "this idempotency key was used for another request ({})", id};
  return Accepted{.request = id, .repeated = true};
}

Accepted submit(Tx& tx, const Submission& submission, const Principal& who) {
  if (const auto before = accepted_before(tx.db, submission, who)) return *before;
  const StoredOffer found = find_offer(tx.db, tx.key, submission.plan_id);
  const PlanOffer& offer = found.offer;
  if (offer.requester_sid != who.sid) throw Error{ErrorCode::denied, "this plan was shown to somebody else"};
  refuse_used_or_expired(found, tx.now);
  if (offer.hash != submission.plan_hash)
    throw Error{ErrorCode::precondition, "this is not the plan that was shown: look at it again"};
  refuse_living(tx.db, offer.machines);

  const std::int64_t id = tx.reserve("request");
  const seal::Person requester = seal::person_of(who);
  const std::string options = codec::to_text(offer.options);
  tx.db.run(
      "INSERT INTO request (id, created, requester_sid, requester, sam, upn, domain, uid, reason, ticket, options, "
      "plan,"
      " idempotency_key, body_hash, seal) VALUES (:id, :created, :sid, :requester, :sam, :upn, :domain, :uid, :reason,"
      " :ticket, :options, :plan, :key, :body, :seal)",
      id, tx.now, who.sid, display_name(who.domain, who.sam), who.sam, who.upn, who.domain, who.uid,
      storable(offer.options.reason), storable(offer.options.ticket), options, offer.id, submission.idempotency_key,
      submission.body_hash, seal::of_request(tx.key, id, requester, who.uid, options));
  tx.db.run("UPDATE plan SET request = :request WHERE id = :id", id, offer.id);

  std::vector<std::string> names;
  for (const auto& planned : offer.machines) names.push_back(storable(planned.machine.name));
  const Place place{.request = id, .machine = {}, .step = {}};
  const std::string text = fmt::format("request {} accepted: {} machine{}, asked for by {}", id, names.size(),
                                       names.size() == 1 ? "" : "s", display_name(who.domain, who.sam));
  tx.event(EventKind::request_accepted, place, EventLevel::info, text,
           {{"state", "queued"},
            {"requester", display_name(who.domain, who.sam)},
            {"machines", names},
            {"reason", storable(offer.options.reason)},
            {"ticket", storable(offer.options.ticket)}});
  int ordinal = 0;
  for (const PlannedMachine& planned : offer.machines)
    add_machine(tx, id, ++ordinal, planned, offer.options, requester);
  tx.audit(actor_of(who), "submit", place.to_text(),
           fmt::format("plan {} hash {}: {}", offer.id, offer.hash, join(names, ", ")));
  return {.request = id, .repeated = false};
}

}  // namespace decom::verbs
