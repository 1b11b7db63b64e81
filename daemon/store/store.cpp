#include "daemon/store/store.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "daemon/store/audit.hpp"
#include "daemon/store/readers.hpp"
#include "daemon/store/rows.hpp"
#include "daemon/store/schema.hpp"
#include "daemon/store/seal.hpp"
#include "daemon/store/state_dir.hpp"
#include "daemon/store/verbs.hpp"
#include "daemon/store/writer.hpp"

namespace decom {
namespace {

struct OutcomeName {
  EffectOutcome outcome;
  std::string_view name;
};
constexpr std::array kOutcomeNames{OutcomeName{EffectOutcome::open, "open"}, OutcomeName{EffectOutcome::done, "done"},
                                   OutcomeName{EffectOutcome::refused, "refused"},
                                   OutcomeName{EffectOutcome::not_sent, "not_sent"},
                                   OutcomeName{EffectOutcome::unknown, "unknown"}};

/// The key and the database belong together: rows that another key has sealed would all look changed.
Secret open_key(const StateDir& dir, sql::Db& db) {
  const auto known = db.maybe<std::string>("SELECT value FROM meta WHERE name = 'plan_key'");
  if (!dir.has_key()) {
    if (known)
      throw Error{ErrorCode::storage, "the key of the database, {}/plan.key, is missing: restore it with the database",
                  dir.path().native()};
    dir.make_key();
  }
  Secret key = dir.read_key();
  const std::string seal = seal::of_database(key);
  if (!known) {
    db.run("INSERT INTO meta (name, value) VALUES ('plan_key', :seal)", seal);
  } else if (!equal_in_constant_time(std::get<0>(*known), seal)) {
    throw Error{ErrorCode::storage, "{}/plan.key is not the key of the database beside it: restore both together",
                dir.path().native()};
  }
  return key;
}

}  // namespace

std::string_view to_string(EffectOutcome outcome) {
  return std::ranges::find(kOutcomeNames, outcome, &OutcomeName::outcome)->name;
}

EffectOutcome effect_outcome_from(std::string_view name) {
  const auto row = std::ranges::find(kOutcomeNames, name, &OutcomeName::name);
  if (row == kOutcomeNames.end()) throw Error{ErrorCode::invalid, "'{}' is not the outcome of a call", name};
  return row->outcome;
}

class Store::Impl {
 public:
  Impl(StoreOptions options, Clock& the_clock)
      : dir(std::move(options.state_dir)),
        clock(the_clock),
        aftercare(std::move(options.aftercare)),
        writer_db(open(options.vfs)),
        readers(dir.database(), std::move(options.vfs)) {
    const auto last = writer_db->one<std::int64_t>("SELECT value FROM counter WHERE name = 'event'");
    log::info("store", "opened {}: schema {}, audit head {}", dir.database().native(), schema::latest(),
              audit::head(*writer_db));
    writer.emplace(std::move(writer_db), clock, key, aftercare, last);
  }

 private:
  /// Fills `key` on the way: it lies beside the database and must fit it.
  std::unique_ptr<sql::Db> open(const std::string& vfs) {
    dir.prepare_database();
    auto db = std::make_unique<sql::Db>(dir.database(), sql::Db::Mode::write, vfs);
    schema::open(*db, dir.database().native());
    key = open_key(dir, *db);
    return db;
  }

 public:
  StateDir dir;
  Clock& clock;
  const AftercareRules aftercare;
  Secret key;
  std::unique_ptr<sql::Db> writer_db;  ///< until the writer has it
  std::optional<Writer> writer;
  Readers readers;  ///< behind the writer, so that they are closed before it
};

Store::Store(StoreOptions options, Clock& clock) : impl_(std::make_unique<Impl>(std::move(options), clock)) {}
Store::~Store() {
  try {
    // Each start and each end leaves the head in a log that the database's owner does not keep.
    log::info("store", "closing, audit head {}", impl_->readers.read([](sql::Db& db) { return audit::head(db); }));
  } catch (const std::exception& e) {
    log::warning("store", "closing, the audit's head cannot be read: {}", e.what());
  }
}

void Store::on_grown(std::function<void(std::int64_t)> hook) { impl_->writer->on_grown(std::move(hook)); }

void Store::save_plan(const PlanOffer& offer) {
  impl_->writer->write([&](Tx& tx) { verbs::save_plan(tx, offer); });
}
PlanOffer Store::load_plan(const std::string& id) const {
  const Timestamp now = impl_->clock.now();
  return impl_->readers.read([&](sql::Db& db) { return verbs::load_plan(db, impl_->key, id, now); });
}
std::optional<Accepted> Store::accepted_before(const Submission& submission, const Principal& who) const {
  return impl_->readers.read([&](sql::Db& db) { return verbs::accepted_before(db, submission, who); });
}
Accepted Store::submit(const Submission& submission, const Principal& who) {
  return impl_->writer->write([&](Tx& tx) { return verbs::submit(tx, submission, who); });
}

std::optional<Claim> Store::claim_next(std::size_t most_per_vcenter) {
  return impl_->writer->write([&](Tx& tx) { return verbs::claim_next(tx, most_per_vcenter); });
}
std::optional<Timestamp> Store::next_due() const {
  return impl_->readers.read([](sql::Db& db) { return verbs::next_due(db); });
}
std::int64_t Store::begin_attempt(std::int64_t step) {
  return impl_->writer->write([&](Tx& tx) { return verbs::begin_attempt(tx, step); });
}
void Store::observed(std::int64_t attempt, const Observation& observation) {
  impl_->writer->write([&](Tx& tx) { verbs::observed(tx, attempt, observation); });
}
std::int64_t Store::open_effect(const EffectIntent& intent) {
  return impl_->writer->write([&](Tx& tx) { return verbs::open_effect(tx, intent); });
}
void Store::set_handle(std::int64_t effect, const std::string& handle) {
  impl_->writer->write([&](Tx& tx) { verbs::set_handle(tx, effect, handle); });
}
void Store::close_effect(std::int64_t effect, EffectOutcome outcome, const std::string& detail) {
  impl_->writer->write([&](Tx& tx) { verbs::close_effect(tx, effect, outcome, detail); });
}
void Store::finish_attempt(std::int64_t attempt, const StepResult& result) {
  impl_->writer->write([&](Tx& tx) { verbs::finish_attempt(tx, attempt, result); });
}
void Store::message(std::int64_t attempt, EventLevel level, const std::string& text, const std::string& data) {
  impl_->writer->write([&](Tx& tx) { verbs::message(tx, attempt, level, text, data); });
}
void Store::progress(std::int64_t attempt, int percent, const std::string& text) {
  impl_->writer->progress(attempt, percent, text);
}
void Store::settle(std::int64_t decommission, Trigger trigger, const std::string& reason,
                   std::optional<Timestamp> not_before) {
  impl_->writer->write([&](Tx& tx) { verbs::settle(tx, decommission, trigger, reason, not_before); });
}
bool Store::cancel_requested(std::int64_t decommission) const {
  return impl_->readers.read([&](sql::Db& db) { return rows::machine(db, decommission).cancel_number.has_value(); });
}
std::size_t Store::requeue_interrupted() {
  return impl_->writer->write([](Tx& tx) { return verbs::requeue_interrupted(tx); });
}

std::vector<Aftercare> Store::due_aftercare() const {
  const Timestamp now = impl_->clock.now();
  return impl_->readers.read([&](sql::Db& db) { return verbs::due_aftercare(db, now); });
}
std::optional<Timestamp> Store::next_aftercare() const {
  return impl_->readers.read([](sql::Db& db) { return verbs::next_aftercare(db); });
}
Claim Store::load_ended(std::int64_t decommission) const {
  return impl_->readers.read([&](sql::Db& db) { return verbs::load_claim(db, impl_->key, decommission); });
}
bool Store::begin_lift(std::int64_t aftercare) {
  return impl_->writer->write([&](Tx& tx) { return verbs::begin_lift(tx, aftercare); });
}
void Store::finish_aftercare(const AftercareResult& result) {
  impl_->writer->write([&](Tx& tx) { verbs::finish_aftercare(tx, result); });
}

std::vector<CancelledMachine> Store::cancel(std::int64_t request, const std::vector<int>& machines,
                                            const Principal& who) {
  return impl_->writer->write([&](Tx& tx) { return verbs::cancel(tx, request, machines, who); });
}
std::vector<int> Store::retry(std::int64_t request, const std::vector<int>& machines, bool apply,
                              const Principal& who) {
  return impl_->writer->write([&](Tx& tx) { return verbs::retry(tx, request, machines, apply, who); });
}
void Store::resolve(std::int64_t request, int machine, const std::string& step, bool done, const std::string& reason,
                    const Principal& who) {
  impl_->writer->write([&](Tx& tx) { verbs::resolve(tx, request, machine, step, done, reason, who); });
}
void Store::set_freeze(bool frozen, const std::string& reason, const Principal& who) {
  impl_->writer->write([&](Tx& tx) { verbs::set_freeze(tx, frozen, reason, who); });
}
FreezeState Store::freeze_state() const {
  return impl_->readers.read([](sql::Db& db) { return verbs::freeze_state(db); });
}

std::string Store::notice_state() const {
  return impl_->readers.read([](sql::Db& db) { return verbs::notice_state(db); });
}
void Store::save_notice_state(const std::string& state) {
  impl_->writer->write([&](Tx& tx) { verbs::save_notice_state(tx, state); });
}
void Store::notice_failed(std::int64_t request, const std::string& channel, const std::string& text) {
  impl_->writer->write([&](Tx& tx) { verbs::notice_failed(tx, request, channel, text); });
}
std::vector<Event> Store::failed_notices(std::int64_t request) const {
  return impl_->readers.read([&](sql::Db& db) { return verbs::failed_notices(db, request); });
}

void Store::add_session(const SessionRow& row, const Principal& who) {
  impl_->writer->write([&](Tx& tx) { verbs::add_session(tx, row, who); });
}
std::optional<SessionRow> Store::find_session(const std::string& token_hash) const {
  return impl_->readers.read([&](sql::Db& db) { return verbs::find_session(db, token_hash); });
}
std::vector<SessionRow> Store::tokens_of(const std::string& sid) const {
  return impl_->readers.read([&](sql::Db& db) { return verbs::tokens_of(db, sid); });
}
bool Store::revoke_session(const std::string& id, const Principal& who) {
  return impl_->writer->write([&](Tx& tx) { return verbs::revoke_session(tx, id, who); });
}

void Store::audit(const std::string& action, const std::string& object, const std::string& text, const std::string& sid,
                  const std::string& who, std::uint32_t uid) {
  impl_->writer->write([&](Tx& tx) { tx.audit({.sid = sid, .who = who, .uid = uid}, action, object, text); });
}
std::vector<AuditEntry> Store::audit_entries(std::int64_t since, std::size_t limit) const {
  return impl_->readers.read([&](sql::Db& db) { return audit::entries(db, since, limit); });
}
std::optional<std::int64_t> Store::verify_audit() const {
  return impl_->readers.read([&](sql::Db& db) { return audit::verify(db, impl_->key); });
}

std::vector<RequestRow> Store::list_requests(const RequestFilter& filter) const {
  return impl_->readers.read([&](sql::Db& db) { return verbs::list_requests(db, filter); });
}
Request Store::load_request(std::int64_t id) const {
  return impl_->readers.read([&](sql::Db& db) { return verbs::load_request(db, id); });
}
std::vector<Store::Retired> Store::retired(const std::string& machine) const {
  if (machine.empty()) return {};  // it would be the BIOS UUID of a machine that has none
  return impl_->readers.read([&](sql::Db& db) {
    std::vector<Retired> found;
    std::set<Identity> seen;
    for (const std::int64_t id : verbs::retired(db, machine)) {
      verbs::Loaded loaded = verbs::load_sealed(db, impl_->key, id);
      const Machine& m = loaded.decommission.machine;
      const std::array names{m.id(), m.name, m.identity.instance_uuid, m.bios_uuid};
      const bool named = std::ranges::any_of(names, [&](const auto& name) { return equals_folded(name, machine); });
      if (named && seen.insert(m.identity).second)
        found.push_back({.request = std::move(loaded.request), .decommission = std::move(loaded.decommission)});
    }
    return found;
  });
}
std::vector<Effect> Store::effects_of(std::int64_t step) const {
  return impl_->readers.read([&](sql::Db& db) { return rows::effects(db, rows::step(db, step).machine.id, step); });
}
std::vector<Event> Store::events(const EventFilter& filter) const {
  return impl_->readers.read([&](sql::Db& db) { return verbs::events(db, filter); });
}
std::int64_t Store::last_seq() const { return impl_->writer->last_event(); }
std::optional<std::string> Store::live_decommission(const Identity& identity) const {
  return impl_->readers.read([&](sql::Db& db) { return rows::live(db, identity); });
}

Store::Health Store::health() const {
  Health health;
  health.bytes = impl_->dir.bytes_used();
  health.free_bytes = impl_->dir.bytes_free();
  health.waiting = impl_->writer->waiting();
  health.trouble = impl_->writer->trouble();
  impl_->readers.read([&](sql::Db& db) {
    health.schema = schema::stored(db);
    health.events = db.one<std::int64_t>("SELECT count(*) FROM event");
  });
  return health;
}

}  // namespace decom
