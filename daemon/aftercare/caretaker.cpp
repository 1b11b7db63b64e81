#include "daemon/aftercare/caretaker.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/core.h>
#include <pthread.h>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "daemon/engine/backoff.hpp"
#include "daemon/steps/destroy.hpp"

namespace decom {
namespace {

using std::chrono::milliseconds;

// The wall clock says when something is due and may be stepped: look again at least this often.
constexpr milliseconds kLookAgain{30'000};
constexpr std::size_t kMostNamed = 8;

/// What is due for one step, of one kind.
struct Due {
  PlanStep step;
  const Step* row = nullptr;
  std::vector<Aftercare> all;  ///< never empty; the last fell due last

  [[nodiscard]] const Aftercare& last() const { return all.back(); }
  [[nodiscard]] std::vector<std::int64_t> ids() const {
    std::vector<std::int64_t> ids;
    for (const Aftercare& one : all) ids.push_back(one.id);
    return ids;
  }
};

/// As far as two machines share it: what cannot be asked about one cannot be asked about the other.
std::string system_of(const PlanStep& step) { return step.kind + "\n" + step.system + "\n" + step.definition; }

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string names_of(const std::vector<SeenRecord>& records) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(records.size(), kMostNamed); ++i)
    names.push_back(records[i].facts.empty()
                        ? records[i].record.what
                        : fmt::format("{} ({})", records[i].record.what, join(records[i].facts, ", ")));
  if (records.size() > kMostNamed) names.push_back(fmt::format("{} more", records.size() - kMostNamed));
  return join(names, ", ");
}

/// A refusal of a request says in its findings why.
std::string reason_of(const Error& error) {
  return error.findings().empty() ? std::string(error.what()) : error.findings().front().what;
}

/// It cannot be lifted, or asked, by whatever other try.
bool is_in_vain(ErrorCode code) {
  return code == ErrorCode::invalid || code == ErrorCode::refused || code == ErrorCode::denied ||
         code == ErrorCode::internal;
}

}  // namespace

class Caretaker::Impl {
 public:
  Impl(CaretakerOptions options, Store& store, const StepRegistry& registry, LookAgain look, RemoveAgain remove_again,
       Clock& clock)
      : options_(options),
        store_(store),
        registry_(registry),
        look_(std::move(look)),
        remove_again_(std::move(remove_again)),
        clock_(clock) {}
  ~Impl() { stop(); }

  void start() {
    thread_ = std::jthread([this] {
      ::pthread_setname_np(::pthread_self(), "aftercare");
      loop();
    });
  }

  void wake() {
    const std::lock_guard guard(mutex_);
    woken_ = true;
    changed_.notify_all();
  }

  void request_stop() {
    stop_.request_stop();
    wake();
  }

  void stop() {
    request_stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  [[nodiscard]] bool is_stopping() const { return stop_.stop_requested(); }

  /// The thread's wall.
  void loop() {
    while (!is_stopping()) {
      milliseconds pause = kLookAgain;
      try {
        if (work()) {
          pause = milliseconds{0};
        } else if (const auto due = store_.next_aftercare()) {
          pause = std::clamp(std::chrono::duration_cast<milliseconds>(*due - clock_.now()), milliseconds{0}, pause);
        }
      } catch (const std::exception& e) {
        // A database that failed stays so until the daemon is started again; a full disk may have room again.
        log::error("aftercare", "{}", e.what());
      }
      wait(options_.apart, false);
      wait(pause, true);
    }
  }

  void wait(milliseconds pause, bool until_woken) {
    const auto until = clock_.steady() + pause;
    std::unique_lock lock(mutex_);
    while (!is_stopping() && !(until_woken && woken_) && clock_.steady() < until)
      clock_.wait_until(changed_, lock, stop_.get_token(), until);
    if (until_woken) woken_ = false;
  }

  /// What is due of one machine. False: nothing is.
  bool work() {
    const std::vector<Aftercare> due = store_.due_aftercare();
    if (due.empty()) return false;
    std::optional<Claim> ended;
    try {
      ended = store_.load_ended(due.front().decommission);
    } catch (const Error& e) {
      if (e.code() != ErrorCode::precondition) throw;
      for (const Aftercare& one : due)
        store_.finish_aftercare({.ids = {one.id}, .state = AftercareState::given_up, .text = e.what()});
      return true;
    }
    std::vector<Due> looks;
    for (Due& one : by_step(due, *ended)) {
      if (one.last().kind == AftercareKind::lift) {
        lift(one, *ended);
      } else {
        looks.push_back(std::move(one));
      }
    }
    look_at(looks, *ended);
    return true;
  }

  static std::vector<Due> by_step(const std::vector<Aftercare>& due, const Claim& ended) {
    const Decommission& d = ended.decommission;
    std::vector<Due> steps;
    for (const Aftercare& one : due) {
      const auto same = std::ranges::find_if(
          steps, [&](const Due& s) { return s.last().step == one.step && s.last().kind == one.kind; });
      if (same != steps.end()) {
        same->all.push_back(one);
        continue;
      }
      const auto row = std::ranges::find(d.steps, one.step, &Step::id);
      if (row == d.steps.end()) continue;  // the schema holds them together
      steps.push_back({.step = d.plan.steps.at(static_cast<std::size_t>(row->ordinal)), .row = &*row, .all = {one}});
    }
    return steps;
  }

  // ---- looks

  void look_at(std::vector<Due>& looks, const Claim& ended) {
    std::erase_if(looks, [&](const Due& due) { return put_off_with_its_system(due); });
    if (looks.empty() || is_stopping()) return;
    PlannedMachine planned{.machine = ended.decommission.machine, .plan = ended.decommission.plan};
    planned.plan.steps.clear();
    for (const Due& due : looks) {
      planned.plan.steps.push_back(due.step);
      planned.plan.steps.back().records.reset();  // anything that is there counts, whatever was shown then
    }
    const std::vector<StepPreview> seen = look_(planned, ended.request.options);
    if (is_stopping()) return;  // what was not seen may be our own stop
    for (std::size_t i = 0; i < looks.size(); ++i) judge(looks[i], seen.at(i), ended);
  }

  void judge(const Due& due, const StepPreview& seen, const Claim& ended) {
    if (seen.trouble) {
      put_off(due, ended, *seen.trouble, seen.why, true);
      return;
    }
    away_.erase(system_of(due.step));
    std::vector<SeenRecord> found;
    for (const SeenRecord& one : seen.records)
      if (one.left_alone.empty()) found.push_back(one);
    std::string text = "nothing came back";
    if (!found.empty()) {
      const bool came = came_back(due, found, ended);
      const char* verb = came ? "came back" : found.size() == 1 ? "is there" : "are there";
      text = fmt::format("{} {}: {}", counted(found.size(), "record"), verb, names_of(found));
      if (due.step.on_return == OnReturn::remove) {
        const auto removal =
            came ? remove_again(due, found, ended) : "not removed again: what was left alone then may be among it";
        if (!removal) return;
        text += "; " + *removal;
      }
    }
    store_.finish_aftercare(
        {.ids = due.ids(), .state = AftercareState::done, .text = text, .due = {}, .found = std::move(found)});
  }

  /// What is said of the removal; nothing: it cannot be asked for now, and is waited for.
  std::optional<std::string> remove_again(const Due& due, const std::vector<SeenRecord>& found, const Claim& ended) {
    try {
      return remove_again_(ended, due.step, found, fmt::format("decomd-aftercare-{}", due.last().id));
    } catch (const Error& e) {
      if (e.code() == ErrorCode::storage || e.code() == ErrorCode::storage_full) throw;
      // Rights that cannot be known now, or another request for this machine that is still under way.
      if (traits(e.code()).transient || e.code() == ErrorCode::conflict) {
        put_off(due, ended, e.code(), reason_of(e), false);
        return std::nullopt;
      }
      return "not removed again: " + reason_of(e);
    }
  }

  /// What we did not remove, and what may have been left alone then, cannot be said to have come back.
  static bool came_back(const Due& due, const std::vector<SeenRecord>& found, const Claim& ended) {
    const auto was_removed = [&](const SeenRecord& one) {
      return std::ranges::any_of(ended.effects, [&](const Effect& effect) {
        return effect.step == due.last().step && effect.target == one.record.id &&
               effect.outcome == EffectOutcome::done;
      });
    };
    return due.row->state != StepState::warned || std::ranges::all_of(found, was_removed);
  }

  // ---- lifts

  void lift(const Due& due, const Claim& ended) {
    if (is_stopping() || put_off_with_its_system(due) || !store_.begin_lift(due.last().id)) return;
    const Decommission& d = ended.decommission;
    try {
      const KindTraits& kind = registry_.at(due.step.kind);
      if (!kind.lifted_after) throw Error{ErrorCode::invalid, "nothing of {} can be lifted", kind.name};
      const std::string what = kind.lifted_after(
          {.machine = d.machine,
           .step = due.step,
           .number = fmt::format("{}.{}", d.request, d.ordinal),
           .calls = calls_of(due, ended),
           .note = fmt::format("{}, decom {}.{}: {}", ended.acting_name, d.request, d.ordinal, to_string(d.state)),
           .stop = stop_.get_token(),
           .deadline = clock_.steady() + options_.lift_within});
      away_.erase(system_of(due.step));
      store_.finish_aftercare({.ids = due.ids(), .state = AftercareState::done, .text = what});
    } catch (const Error& e) {
      if (is_stopping()) return;  // it is due still
      if (e.code() == ErrorCode::storage || e.code() == ErrorCode::storage_full) throw;
      put_off(due, ended, e.code(), e.what(), e.code() == ErrorCode::unreachable || e.code() == ErrorCode::timed_out);
    } catch (const std::exception& e) {
      put_off(due, ended, ErrorCode::internal, e.what(), false);
    }
  }

  static std::vector<OpenCall> calls_of(const Due& due, const Claim& ended) {
    std::vector<OpenCall> calls;
    for (const Effect& effect : ended.effects)
      if (effect.step == due.last().step && effect.outcome != EffectOutcome::refused &&
          effect.outcome != EffectOutcome::not_sent)
        calls.push_back({.effect = effect.id,
                         .call = effect.call,
                         .target = effect.target,
                         .before = effect.before,
                         .handle = effect.handle,
                         .opened = effect.opened,
                         .deadline = effect.deadline,
                         .server_time = effect.server_time});
    return calls;
  }

  // ---- what cannot be done now

  struct Away {
    Clock::Steady until;
    std::string why;
  };

  /// A system that did not answer a moment ago is not asked about every other machine too, each until its timeout.
  bool put_off_with_its_system(const Due& due) {
    const auto away = away_.find(system_of(due.step));
    if (away == away_.end()) return false;
    const auto left = std::chrono::duration_cast<milliseconds>(away->second.until - clock_.steady());
    if (left <= milliseconds{0}) {
      away_.erase(away);
      return false;
    }
    wait_with(due, away->second.why, left);
    return true;
  }

  void put_off(const Due& due, const Claim& ended, ErrorCode code, const std::string& why, bool whole_system) {
    const Timestamp fell_due = ended.decommission.finished.value_or(clock_.now()) + due.last().after;
    if (is_in_vain(code) || clock_.now() - fell_due > options_.give_up_after) {
      store_.finish_aftercare({.ids = due.ids(), .state = AftercareState::given_up, .text = "given up: " + why});
      return;
    }
    const milliseconds cap = backoff_cap(options_.backoff_first, options_.backoff_most, due.last().attempts);
    const milliseconds pause = cap / 2 + jittered(cap / 2);
    if (whole_system) away_[system_of(due.step)] = {.until = clock_.steady() + pause, .why = why};
    wait_with(due, why, pause);
  }

  void wait_with(const Due& due, const std::string& why, milliseconds pause) {
    store_.finish_aftercare(
        {.ids = due.ids(), .state = AftercareState::waiting, .text = why, .due = clock_.now() + pause});
  }

  const CaretakerOptions options_;
  Store& store_;
  const StepRegistry& registry_;
  const LookAgain look_;
  const RemoveAgain remove_again_;
  Clock& clock_;
  std::map<std::string, Away> away_;  // of the thread alone
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;
  std::jthread thread_;
};

Caretaker::Caretaker(CaretakerOptions options, Store& store, const StepRegistry& registry, LookAgain look,
                     RemoveAgain remove_again, Clock& clock)
    : impl_(std::make_unique<Impl>(options, store, registry, std::move(look), std::move(remove_again), clock)) {}
Caretaker::~Caretaker() = default;
void Caretaker::start() { impl_->start(); }
void Caretaker::wake() { impl_->wake(); }
void Caretaker::request_stop() { impl_->request_stop(); }
void Caretaker::stop() { impl_->stop(); }

AftercareRules aftercare_rules(const StepRegistry& registry, std::vector<milliseconds> look_again) {
  AftercareRules rules{.look_again = std::move(look_again)};
  for (const KindTraits& kind : registry.all()) {
    if (kind.removes_records) rules.looked.insert(kind.name);
    if (kind.lifted_after) rules.lifted.insert(kind.name);
  }
  rules.destroying.insert(kDestroyKind);
  return rules;
}

}  // namespace decom
