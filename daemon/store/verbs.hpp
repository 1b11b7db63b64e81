#pragma once

#include "daemon/store/store.hpp"
#include "daemon/store/tx.hpp"

/// The verbs of Store, as it declares them, each on a transaction that somebody else began. Those with a Tx write.
namespace decom::verbs {

// offers.cpp
void save_plan(Tx& tx, const PlanOffer& offer);
PlanOffer load_plan(sql::Db& db, const Secret& key, const std::string& id, Timestamp now);
std::optional<Accepted> accepted_before(sql::Db& db, const Submission& submission, const Principal& who);
Accepted submit(Tx& tx, const Submission& submission, const Principal& who);

// claims.cpp
std::optional<Claim> claim_next(Tx& tx, std::size_t most_per_vcenter);
/// All that is known of it. Throws `precondition` when a stored row is not what was accepted.
Claim load_claim(sql::Db& db, const Secret& key, std::int64_t decommission);
std::optional<Timestamp> next_due(sql::Db& db);
std::size_t requeue_interrupted(Tx& tx);
void settle(Tx& tx, std::int64_t decommission, Trigger trigger, const std::string& reason,
            std::optional<Timestamp> not_before);

// attempts.cpp
std::int64_t begin_attempt(Tx& tx, std::int64_t step);
void observed(Tx& tx, std::int64_t attempt, const Observation& observation);
std::int64_t open_effect(Tx& tx, const EffectIntent& intent);
void set_handle(Tx& tx, std::int64_t effect, const std::string& handle);
void close_effect(Tx& tx, std::int64_t effect, EffectOutcome outcome, const std::string& detail);
void finish_attempt(Tx& tx, std::int64_t attempt, const StepResult& result);
void message(Tx& tx, std::int64_t attempt, EventLevel level, const std::string& text, const std::string& data);

// aftercare.cpp
/// In the transaction that ends it.
void plan_aftercare(Tx& tx, std::int64_t decommission, DecommissionState state);
/// It is worked on again: nothing falls due any more, and what was lifted is to be done again.
void withdraw_aftercare(Tx& tx, std::int64_t decommission);
/// What falls, or fell, due for steps of it, in that order; of one step where `step` is not 0.
std::vector<Aftercare> aftercare_of(sql::Db& db, std::int64_t decommission, std::int64_t step = 0);
std::vector<Aftercare> due_aftercare(sql::Db& db, Timestamp now);
std::optional<Timestamp> next_aftercare(sql::Db& db);
bool begin_lift(Tx& tx, std::int64_t aftercare);
void finish_aftercare(Tx& tx, const AftercareResult& result);

// people.cpp
std::vector<CancelledMachine> cancel(Tx& tx, std::int64_t request, const std::vector<int>& machines,
                                     const Principal& who);
std::vector<int> retry(Tx& tx, std::int64_t request, const std::vector<int>& machines, bool apply,
                       const Principal& who);
void resolve(Tx& tx, std::int64_t request, int machine, const std::string& step, bool done, const std::string& reason,
             const Principal& who);
void set_freeze(Tx& tx, bool frozen, const std::string& reason, const Principal& who);
FreezeState freeze_state(sql::Db& db);

// notices.cpp
std::string notice_state(sql::Db& db);
void save_notice_state(Tx& tx, const std::string& state);
void notice_failed(Tx& tx, std::int64_t request, const std::string& channel, const std::string& text);
std::vector<Event> failed_notices(sql::Db& db, std::int64_t request);

// sessions.cpp
void add_session(Tx& tx, const SessionRow& row, const Principal& who);
std::optional<SessionRow> find_session(sql::Db& db, const std::string& token_hash);
std::vector<SessionRow> tokens_of(sql::Db& db, const std::string& sid);
bool revoke_session(Tx& tx, const std::string& id, const Principal& who);

// queries.cpp
std::vector<RequestRow> list_requests(sql::Db& db, const RequestFilter& filter);
Request load_request(sql::Db& db, std::int64_t id);
/// One machine of it and the request without the others. With a key the seals are checked first: throws `precondition`
/// when a stored row is not what was accepted.
struct Loaded {
  Request request;
  Decommission decommission;
};
Loaded load_sealed(sql::Db& db, const Secret& key, std::int64_t decommission);
/// Ids of decommissions that saw the end of a VM with this text among its names, UUIDs, id and addresses; latest first.
std::vector<std::int64_t> retired(sql::Db& db, const std::string& machine);
std::vector<Event> events(sql::Db& db, const EventFilter& filter);

}  // namespace decom::verbs
