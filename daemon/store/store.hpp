#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/base/secret.hpp"
#include "daemon/domain/event.hpp"
#include "daemon/domain/observation.hpp"
#include "daemon/domain/principal.hpp"
#include "daemon/domain/request.hpp"

namespace decom {

/// What falls due after a decommission has ended; each end plans it, in its own transaction.
struct AftercareRules {
  std::vector<std::chrono::milliseconds> look_again = {};  ///< after the end of one that succeeded; none: never
  std::set<std::string> looked = {};                       ///< kinds of steps whose records are looked for again
  /// Kinds of which something is lifted after the end: at once, lest it lasts for whoever bears the name next …
  std::set<std::string> lifted = {};
  /// … but not where a step of these succeeded and the whole did not: the machine is gone, its records may be there
  /// still, and a monitoring that is no longer silenced would only cry. There it ends by itself.
  std::set<std::string> destroying = {};
};

struct StoreOptions {
  std::filesystem::path state_dir;
  /// Failing calls of the file system on purpose; tests only.
  std::string vfs;
  AftercareRules aftercare = {};
};

/// What was shown to a person and may be accepted, until it expires.
struct PlanOffer {
  std::string id;    ///< random; unguessable
  std::string hash;  ///< of all that the person saw: SHA-256 over the canonical JSON
  Timestamp created{};
  Timestamp expires{};
  std::string requester_sid;
  RequestOptions options;
  std::vector<PlannedMachine> machines;
};

struct Submission {
  std::string plan_id;
  std::string plan_hash;
  std::string idempotency_key;  ///< empty: none
  std::string body_hash;        ///< of the POST's body, to tell a repeat from another request under the same key
};

struct Accepted {
  std::int64_t request = 0;
  bool repeated = false;  ///< the same key and body were accepted before: this is that request
};

/// T1: one outside call that is about to be sent.
struct EffectIntent {
  std::int64_t attempt = 0;
  std::string call;    ///< "Destroy_Task"
  std::string target;  ///< "vm-123", an objectGUID
  std::string before;  ///< before-image
  bool irreversible = false;
  Timestamp deadline{};                  ///< after it the call itself has given up; a proxy may hold it until then
  std::optional<Timestamp> server_time;  ///< the other side's own clock, where it tells
};

enum class EffectOutcome { open, done, refused, not_sent, unknown };
std::string_view to_string(EffectOutcome outcome);
EffectOutcome effect_outcome_from(std::string_view name);

struct Effect {
  std::int64_t id = 0;
  std::int64_t attempt = 0;
  std::int64_t step = 0;
  int ordinal = 0;
  std::string call;
  std::string target;
  std::string before;
  bool irreversible = false;
  Timestamp opened{};
  Timestamp deadline{};
  std::optional<Timestamp> server_time;
  std::string handle;  ///< the vCenter task's MoRef; empty before T2
  EffectOutcome outcome = EffectOutcome::open;
  std::string detail;
};

/// T3: what a step came to.
struct StepResult {
  StepState state = StepState::succeeded;
  std::string text;
  EventLevel level = EventLevel::info;
  std::optional<ErrorCode> code;        ///< of a failure
  std::optional<Timestamp> not_before;  ///< with `deferred`; none: until a thaw
  /// Effects closed in the same transaction.
  struct Closed {
    std::int64_t effect = 0;
    EffectOutcome outcome = EffectOutcome::done;
    std::string detail;
  };
  std::vector<Closed> effects;
};

/// What a worker got to do.
struct Claim {
  Request request;              ///< without its decommissions
  Decommission decommission;    ///< now running
  std::vector<Effect> effects;  ///< all of earlier attempts, oldest first
  bool apply_again = false;     ///< an operator allowed one more call after `unknown`
  std::string acting_sid;       ///< whose rights count: the requester's, or of who retried it
  std::string acting_name;      ///< for people: "CORP\\alice"
  std::string acting_sam;
  std::string acting_upn;  ///< may be empty
  std::string acting_domain;
};

struct CancelledMachine {
  int ordinal = 0;
  std::string name;
  DecommissionState state{};  ///< after the cancel was committed
  bool in_flight = false;     ///< a worker has it and will settle it
};

/// What came of one or more things of a step that fell due together.
struct AftercareResult {
  std::vector<std::int64_t> ids;  ///< of one step and one kind
  AftercareState state = AftercareState::done;
  std::string text;                    ///< for people, of the step: "nothing came back"
  std::optional<Timestamp> due = {};   ///< with `waiting`: when it is tried again
  std::vector<SeenRecord> found = {};  ///< by a look: what is there and should not be
};

/// A login or a token for cron, as stored: never the token itself.
struct SessionRow {
  std::string id;
  std::string token_hash;
  std::string sid;
  std::string sam;
  std::string upn;
  std::string domain;
  std::uint32_t uid = 0;
  bool is_token = false;
  std::string name;   ///< of a token
  std::string roles;  ///< as of the login, "operator,viewer": what counts while the directory is away
  Timestamp created{};
  Timestamp expires{};
  std::optional<Timestamp> revoked;
};

struct AuditEntry {
  std::int64_t number = 0;
  Timestamp at{};
  std::string sid;
  std::string who;
  std::uint32_t uid = 0;
  std::string action;  ///< "submit", "cancel", "login", "effect", …
  std::string object;  ///< "17.3/destroy"
  std::string text;
  std::string previous;  ///< hash of the entry before it
  std::string hash;      ///< SHA-256 over previous and all other columns
};

struct RequestFilter {
  std::set<DecommissionState> states;  ///< of any of its machines; empty: all
  bool live_only = false;              ///< any machine not settled
  std::string user;                    ///< sam, DOMAIN\sam or SID of the requester
  std::string machine;  ///< part of a machine's name or guest host name, an IP address, a UUID or lab:vm-1
  std::string text;     ///< part of reason, ticket, a message of a step
  std::optional<Timestamp> since;
  std::optional<Timestamp> until;
  std::int64_t before_id = 0;  ///< paging: ids below it; 0: from the newest
  std::size_t limit = 50;
};

struct RequestRow {
  std::int64_t id = 0;
  Timestamp created{};
  std::string requester;
  std::string reason;
  std::string ticket;
  DecommissionState state{};
  std::size_t machines = 0;
  std::map<DecommissionState, int> counts;
  int warnings = 0;
  std::vector<std::string> names;  ///< of the first machines, at most five
  std::optional<Timestamp> finished;
};

struct EventFilter {
  std::int64_t since = 0;    ///< exclusive
  std::int64_t request = 0;  ///< 0: all
  std::optional<int> machine;
  std::size_t limit = 1000;
};

struct FreezeState {
  bool frozen = false;
  std::string who;
  std::string reason;
  std::optional<Timestamp> at;
};

/// The only SQL of the project. Every verb is one transaction; it returns after its commit is on disk (WAL,
/// synchronous=FULL), or throws and nothing happened. Verbs that wait together share one fsync (group commit).
///
/// Any thread may call anything. Writing verbs block on the one writer thread; reads run on the caller's thread with a
/// read-only connection of a small pool.
///
/// Throws `storage_full` (507; nothing is written, nothing lost), `storage`, and what each verb says.
class Store {
 public:
  /// Locks the state directory, refuses one that others can write, a newer schema and a failed quick_check, migrates.
  Store(StoreOptions options, Clock& clock);
  ~Store();

  /// Called after each commit that added events, on the writer thread, with the last `seq`: must return at once.
  void on_grown(std::function<void(std::int64_t last)> hook);

  // ---- plan, then submit of what was shown
  void save_plan(const PlanOffer& offer);
  /// Throws `not_found` or `gone` (expired, or used by another request).
  [[nodiscard]] PlanOffer load_plan(const std::string& id) const;
  /// The request that this very submission made before, under its idempotency key. Throws `invalid` as `submit` does.
  [[nodiscard]] std::optional<Accepted> accepted_before(const Submission& submission, const Principal& who) const;
  /// Throws `precondition` (hash differs), `gone` (expired), `conflict` with a finding a machine that already has a
  /// live decommission (naming it), `invalid` (same key, other body: 422). All machines or none.
  Accepted submit(const Submission& submission, const Principal& who);

  // ---- workers
  /// Takes the next due decommission: fair between requests (the one with the fewest running first, then the oldest).
  /// `at_most_running` limits how many of one vCenter (by uuid) may run at once. Moves due `holding` and `scheduled`
  /// ones to queued first. Nothing due: nullopt.
  std::optional<Claim> claim_next(std::size_t most_per_vcenter);
  /// When something becomes due by itself, for the scheduler's timer.
  [[nodiscard]] std::optional<Timestamp> next_due() const;
  /// Starts an attempt at a step (state running, event), or goes on with the one that a crash or a stop left open.
  /// Returns its id. Throws `cancelled`, unless the step has open effects: their truth is found out first.
  std::int64_t begin_attempt(std::int64_t step);
  /// What it saw. No state changes; event step.observed.
  void observed(std::int64_t attempt, const Observation& observation);
  /// T1. Throws `cancelled` when a cancel of the machine committed before, `frozen` when it is irreversible and frozen.
  std::int64_t open_effect(const EffectIntent& intent);
  /// T2, as soon as the answer is parsed and before waiting for it.
  void set_handle(std::int64_t effect, const std::string& handle);
  /// The outcome of one call of several, recorded once. Throws `conflict` if it was recorded already.
  void close_effect(std::int64_t effect, EffectOutcome outcome, const std::string& detail);
  /// T3: step state, event, audit entry, effects closed, successors runnable. Effects of the step, of whatever attempt,
  /// that `result` does not name stay open, which is right for `deferred` alone.
  void finish_attempt(std::int64_t attempt, const StepResult& result);
  /// A line, a warning or an error of a running step; warnings are counted and stay visible.
  void message(std::int64_t attempt, EventLevel level, const std::string& text, const std::string& data = "{}");
  /// Percentages; batched with the next commits, at most four a second a step; may be dropped, never blocks.
  void progress(std::int64_t attempt, int percent, const std::string& text);
  /// Ends a worker's turn with the machine. `hold` carries its reason and when to come back; without a time it comes
  /// back at a thaw, a retry or a cancel. `requeue` is an orderly stop: attempts and effects stay open, and it is no
  /// crash.
  void settle(std::int64_t decommission, Trigger trigger, const std::string& reason,
              std::optional<Timestamp> not_before = std::nullopt);
  /// True once a cancel of it was committed.
  [[nodiscard]] bool cancel_requested(std::int64_t decommission) const;
  /// Steps that have not begun become cancelled, in the transaction of `settle(cancel)`.

  // ---- recovery, at start before any worker
  /// What was running when the daemon died; each becomes queued again, with its open attempts and effects kept, and a
  /// count of crashes in that step. Three crashes in one step: the step is `blocked` (`failed` with code internal).
  std::size_t requeue_interrupted();

  // ---- after the end
  /// What is due, of the one decommission whose turn it is; empty: nothing.
  [[nodiscard]] std::vector<Aftercare> due_aftercare() const;
  [[nodiscard]] std::optional<Timestamp> next_aftercare() const;  ///< when the next is due
  /// All of a decommission that has ended. Throws `precondition` when its rows are not what was accepted.
  [[nodiscard]] Claim load_ended(std::int64_t decommission) const;
  /// Before the call that lifts. False when it is not to be lifted any more: somebody retried the machine.
  bool begin_lift(std::int64_t aftercare);
  /// State, event, audit entry, and a warning that is counted where records came back or it was given up. Records that
  /// an earlier look told of are no news. What is not waiting any more is left as it is.
  void finish_aftercare(const AftercareResult& result);

  // ---- people
  /// `machines` empty: all. Waiting ones are cancelled in this transaction; running ones are marked.
  std::vector<CancelledMachine> cancel(std::int64_t request, const std::vector<int>& machines, const Principal& who);
  /// failed, holding, needs_attention -> queued. `apply` allows one more call after `unknown`. Throws `conflict`
  /// (nothing to retry, or the machine lives in another request). Runs under `who`'s rights from then on.
  std::vector<int> retry(std::int64_t request, const std::vector<int>& machines, bool apply, const Principal& who);
  /// Closes a step that is `unknown` (or blocked): done -> succeeded, not_done -> failed.
  void resolve(std::int64_t request, int machine, const std::string& step, bool done, const std::string& reason,
               const Principal& who);
  /// A thaw makes every `holding` one due whose steps were deferred without a time.
  void set_freeze(bool frozen, const std::string& reason, const Principal& who);
  [[nodiscard]] FreezeState freeze_state() const;

  // ---- notices
  /// Up to where people were told; empty before the first `save_notice_state`. What it means is its writer's business.
  [[nodiscard]] std::string notice_state() const;
  void save_notice_state(const std::string& state);
  /// A warning of the request (0: of the daemon): somebody was not told. Event notice.failed.
  void notice_failed(std::int64_t request, const std::string& channel, const std::string& text);
  /// Its notice.failed events, oldest first; the last hundred.
  [[nodiscard]] std::vector<Event> failed_notices(std::int64_t request) const;

  // ---- sessions
  void add_session(const SessionRow& row, const Principal& who);
  [[nodiscard]] std::optional<SessionRow> find_session(const std::string& token_hash) const;
  [[nodiscard]] std::vector<SessionRow> tokens_of(const std::string& sid) const;  ///< empty sid: everybody's
  /// False when there was no such live one.
  bool revoke_session(const std::string& id, const Principal& who);

  // ---- audit
  /// For what has no other row: denied calls, logins that failed. Never a password, never a token.
  void audit(const std::string& action, const std::string& object, const std::string& text, const std::string& sid,
             const std::string& who, std::uint32_t uid);
  [[nodiscard]] std::vector<AuditEntry> audit_entries(std::int64_t since, std::size_t limit) const;
  /// Number of the first entry whose hash does not fit; nullopt when the chain is whole.
  [[nodiscard]] std::optional<std::int64_t> verify_audit() const;

  // ---- reading
  [[nodiscard]] std::vector<RequestRow> list_requests(const RequestFilter& filter) const;
  [[nodiscard]] Request load_request(std::int64_t id) const;  ///< whole, with steps; throws `not_found`
  /// A decommission, over now, that saw the end of its VM.
  struct Retired {
    Request request;  ///< without its decommissions
    Decommission decommission;
  };
  /// VMs with this id, name, instance or BIOS UUID, whatever its case, whose end we saw; each VM once, the latest
  /// first. As they were accepted; throws `precondition` where a row was changed by hand.
  [[nodiscard]] std::vector<Retired> retired(const std::string& machine) const;
  [[nodiscard]] std::vector<Effect> effects_of(std::int64_t step) const;
  /// Ascending. Throws `gone` when `since` lies before the oldest one kept.
  [[nodiscard]] std::vector<Event> events(const EventFilter& filter) const;
  [[nodiscard]] std::int64_t last_seq() const;
  /// The live decommission of a machine, as "17.3", or nothing.
  [[nodiscard]] std::optional<std::string> live_decommission(const Identity& identity) const;
  /// For doctor: schema version, size in bytes, oldest and newest event, journal mode, free bytes of the disk.
  struct Health {
    int schema = 0;
    std::int64_t bytes = 0;
    std::int64_t free_bytes = 0;
    std::int64_t events = 0;
    std::size_t waiting = 0;  ///< verbs that wait for the writer
    std::string trouble;      ///< empty when writing works
  };
  [[nodiscard]] Health health() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace decom
