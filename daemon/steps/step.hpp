#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/domain/event.hpp"
#include "daemon/domain/observation.hpp"
#include "daemon/domain/request.hpp"

namespace decom {

class Directory;
class RecordSystems;
class VmOps;

/// One outside call that changes something: its intent is on disk before it is sent, its outcome is recorded once.
///
///     Call call = ctx.effect({.call = "Destroy_Task", .target = moref, .deadline = 60s});  // T1 committed: may throw
///     const std::string task = vcenter.destroy(moref);                                     // the call itself
///     call.handle(task);                                                                   // T2 committed
///     … wait for the task …
///     call.done("…");                                                                      // closed with T3
///
/// A Call that goes out of scope by an exception is judged by the runner: without a handle, an error that proves that
/// nothing happened (not sent, or refused without effect) closes it as `refused`; anything else leaves it open and asks
/// the kind to `resume` it.
class Call {
 public:
  virtual ~Call() = default;
  /// T2: the other side took it and gave this handle.
  virtual void handle(const std::string& reference) = 0;
  /// It happened, and there is proof.
  virtual void done(const std::string& detail) = 0;
  /// It provably did not happen, though it was sent.
  virtual void refused(const std::string& detail) = 0;
  /// It was never sent.
  virtual void not_sent(const std::string& detail) = 0;
  /// Nobody can tell, and it does not matter, as the same call twice does no harm.
  virtual void unclear(const std::string& detail) = 0;
};

struct CallSpec {
  std::string call;    ///< as the other side's documentation names it
  std::string target;  ///< id of what it acts on
  std::string before;  ///< before-image
  bool irreversible = false;
  std::chrono::milliseconds deadline = std::chrono::seconds{60};  ///< of the call itself, from now
  std::optional<Timestamp> server_time;
};

/// An effect of an earlier attempt whose outcome is not known yet: the daemon died, or the answer was lost.
struct OpenCall {
  std::int64_t effect = 0;
  std::string call;
  std::string target;
  std::string before;
  std::string handle;  ///< empty: it may not even have been sent
  Timestamp opened{};
  Timestamp deadline{};
  std::optional<Timestamp> server_time;
};

/// When the machine was certainly still there: by our clock, and by vCenter's where it was asked.
struct LastSeen {
  Timestamp ours{};
  std::optional<Timestamp> theirs;
};

/// What a step may use. Made by the engine for one attempt, used on its thread only.
class StepContext {
 public:
  virtual ~StepContext() = default;

  [[nodiscard]] virtual const Machine& machine() const = 0;  ///< frozen facts
  [[nodiscard]] virtual const PlanStep& step() const = 0;    ///< with its parameters
  [[nodiscard]] virtual const RequestOptions& options() const = 0;
  [[nodiscard]] virtual const Plan& plan() const = 0;
  /// Who asked for it and under which number, for people: "CORP\\alice, decom 17.3"; empty in a preview.
  [[nodiscard]] virtual std::string on_behalf_of() const = 0;
  /// "17.3": machine 3 of request 17; empty in a preview.
  [[nodiscard]] virtual std::string number() const = 0;
  [[nodiscard]] virtual Clock& clock() = 0;
  /// Requested by cancel and by shutdown. Return soon; what was sent already, wait for or leave open.
  [[nodiscard]] virtual std::stop_token stop() const = 0;
  /// Requested by shutdown alone: what was sent is left open on disk, and the next start goes on with it.
  [[nodiscard]] virtual std::stop_token shutdown() const = 0;
  /// No wait of a step goes beyond it.
  [[nodiscard]] virtual Clock::Steady deadline() const = 0;
  /// True in a preview: the steps before this one have not run, presume that they will have done their part.
  [[nodiscard]] virtual bool rehearsal() const = 0;
  [[nodiscard]] virtual VmOps& vms() = 0;
  [[nodiscard]] virtual Directory& directory() = 0;  ///< throws `invalid` when none is configured
  /// Live machines other than this one that bear the name or address. Throws while that cannot be known.
  virtual std::vector<std::string> live_bearers(const std::string& name_or_address) = 0;
  /// BIOS or instance UUIDs of the VMs that the vCenters and this daemon run on.
  [[nodiscard]] virtual const std::vector<std::string>& protected_uuids() const = 0;
  /// Calls of this decommission, by any step, of which there is proof: "we destroyed it ourselves".
  [[nodiscard]] virtual bool did(const std::string& call) const = 0;
  /// The same of one target, by this step, in whichever attempt: "we removed that record ourselves".
  [[nodiscard]] virtual bool did(const std::string& call, const std::string& target) const = 0;
  [[nodiscard]] virtual LastSeen last_seen() const = 0;

  /// T1. Checks role, right and identity first where the kind is irreversible (the engine does), then commits.
  /// Throws `cancelled`, `frozen`, `denied`, `precondition` (not the same machine any more).
  virtual std::unique_ptr<Call> effect(const CallSpec& spec) = 0;

  /// What a system holds of the machine, each record with why it would be left alone, for people; said by `observe`.
  virtual void saw(const std::vector<SeenRecord>& records) = 0;
  virtual void say(EventLevel level, const std::string& text) = 0;
  virtual void progress(int percent, const std::string& text) = 0;
};

/// One thing to make true about one machine.
///
/// The daemon can die between an effect and its commit, so a step looks before it acts and looks again afterwards:
/// `observe` answers Satisfied when the world already is as `apply` would leave it. `observe` changes nothing.
///
/// Called on a worker thread; blocking is fine. Returns soon after `ctx.stop()` is requested. Throwing Error means that
/// the outside world said no; the runner decides, from the code, between another attempt and failure.
class StepKind {
 public:
  virtual ~StepKind() = default;

  virtual Observation observe(StepContext& ctx) = 0;
  virtual void apply(StepContext& ctx, const Needed& needed) = 0;

  /// What became of a call whose outcome is open: wait for its task, or look at the world. Satisfied: it happened.
  /// Needed: it provably did not and may be sent once more under a new intent. Blocked: it ended without the effect,
  /// and is not sent again by itself. Unknown: no proof. Throws what is transient to be asked again later: the effect
  /// stays open, at least until `call.deadline`, when a proxy cannot hold it any more.
  virtual Observation resume(StepContext& ctx, const OpenCall& call) = 0;
};

/// Of a step that leaves something behind for as long as its decommission lasts, such as a silence of a monitoring:
/// what is known of it when that is to be lifted, which may be after a restart.
struct Lift {
  const Machine& machine;       ///< frozen facts
  const PlanStep& step;         ///< as frozen
  std::string number;           ///< "17.3"
  std::vector<OpenCall> calls;  ///< all that it sent and that may have had an effect, oldest first
  std::string note;             ///< who wanted the decommission and how it ended, for systems that keep such a text
  std::stop_token stop;
  Clock::Steady deadline;
};

/// What the engine must know of a kind before it lets it act.
struct KindTraits {
  std::string name;     ///< "vsphere.destroy"
  std::string summary;  ///< one line for `decomctl steps`
  bool irreversible = false;
  bool naturally_idempotent = false;        ///< the same call twice does no harm
  std::vector<std::string> vcenter_rights;  ///< privilege ids that the acting person must have on the machine
  std::chrono::milliseconds deadline = std::chrono::minutes{10};  ///< of the whole step
  bool waits_for_guest = false;  ///< the request's shutdown timeout comes on top of the deadline
  bool needs_directory = false;
  bool removes_records = false;     ///< of another system: frozen when a plan is made, and run beside each other
  std::vector<std::string> params;  ///< names that a plan may set
  /// What is wrong with the values of those that one sets, for people. May be empty.
  std::function<std::optional<std::string>(const std::map<std::string, std::string>& params)> wrong_params = {};
  /// Lifts what a step of this kind left behind. Called, on the thread `aftercare`, once the decommission has ended,
  /// where the step had begun; but for a machine that is gone only where all of it succeeded. Looks before it acts and
  /// looks again: it may be called twice. Returns what was done, for people: "downtime removed", "there was none".
  /// Throws `invalid`, `refused` or `denied` where another try is in vain; after any other Error it is called again
  /// later. Empty: nothing is to be lifted.
  std::function<std::string(const Lift& lift)> lifted_after = {};
};

class StepRegistry {
 public:
  /// From a step of a plan, with what was frozen in it. Throws `invalid` where this version cannot use it.
  using Make = std::function<std::unique_ptr<StepKind>(const PlanStep& step)>;
  void add(KindTraits traits, Make make);
  [[nodiscard]] const KindTraits* find(const std::string& kind) const;
  [[nodiscard]] const KindTraits& at(const std::string& kind) const;  ///< throws `invalid`
  [[nodiscard]] std::unique_ptr<StepKind> make(const PlanStep& step) const;
  /// Of the whole step: its definition's "deadline", else its kind's.
  [[nodiscard]] std::chrono::milliseconds deadline(const PlanStep& step) const;
  [[nodiscard]] std::vector<KindTraits> all() const;

 private:
  struct Entry {
    KindTraits traits;
    Make make;
  };
  std::map<std::string, Entry> kinds_;
};

/// The kinds that are built in: vsphere.power_off, vsphere.destroy, ad.computer, and those of `records` ("dns", "http",
/// "exec"), and silence, which works on the systems of records too. Without `records` they are all named, and steps on
/// records cannot be made.
StepRegistry built_in_steps(std::shared_ptr<RecordSystems> records = nullptr);

}  // namespace decom
