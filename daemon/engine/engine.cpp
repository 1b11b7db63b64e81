#include "daemon/engine/engine.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/core.h>
#include <pthread.h>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "daemon/engine/attempt.hpp"
#include "daemon/engine/preview.hpp"
#include "daemon/engine/runner.hpp"

namespace decom {
namespace {

using std::chrono::milliseconds;

// The wall clock says when something is due and may be stepped: look again at least this often.
constexpr milliseconds kLookAgain{30'000};
constexpr milliseconds kAfterNothing{1'000};

void name_thread(const std::string& name) { ::pthread_setname_np(::pthread_self(), name.c_str()); }

}  // namespace

class Engine::Impl {
 public:
  Impl(EngineOptions options, Store& store, World world, const StepRegistry& registry, MayAct may_act, Clock& clock)
      : room_{.options = options,
              .store = store,
              .world = std::move(world),
              .registry = registry,
              .may_act = std::move(may_act),
              .clock = clock,
              .gate = StorageGate(clock),
              .shutdown = {}} {}

  ~Impl() { stop(milliseconds{0}); }

  void start() {
    const std::size_t interrupted = room_.store.requeue_interrupted();
    if (interrupted > 0) log::info("engine", "going on with {} machines that were under way", interrupted);
    for (std::size_t i = 1; i <= room_.options.workers; ++i)
      workers_.emplace_back([this, i] {
        name_thread(fmt::format("worker-{}", i));
        work();
      });
    scheduler_ = std::jthread([this] {
      name_thread("scheduler");
      schedule();
    });
  }

  void stop(milliseconds grace) {
    {
      const std::lock_guard guard(mutex_);
      if (stopped_) return;
      stopped_ = true;
      room_.shutdown.request_stop();
      for (auto& [id, stop] : running_) stop.request_stop();
      changed_.notify_all();
    }
    if (scheduler_.joinable()) scheduler_.join();
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, grace, [&] { return running_.empty(); }) && grace > milliseconds{0})
        log::warning("engine", "waiting for {} calls under way to be answered or to time out", running_.size());
    }
    workers_.clear();  // joins
  }

  void wake() {
    const std::lock_guard guard(mutex_);
    woken_ = true;
    changed_.notify_all();
  }

  void cancel(std::int64_t decommission) {
    const std::lock_guard guard(mutex_);
    if (const auto found = running_.find(decommission); found != running_.end()) found->second.request_stop();
  }

  std::vector<StepPreview> preview(const PlannedMachine& planned, const RequestOptions& options) {
    return preview_plan(room_, planned, options);
  }

  Status status() const {
    Status status{.workers = room_.options.workers, .busy = 0, .trouble = room_.gate.trouble()};
    {
      const std::lock_guard guard(mutex_);
      status.busy = running_.size();
      if (!halted_.empty()) status.trouble = halted_;
    }
    if (!status.trouble.empty()) return status;
    try {
      const FreezeState freeze = room_.store.freeze_state();
      if (freeze.frozen) status.trouble = fmt::format("frozen by {}: {}", freeze.who, freeze.reason);
    } catch (const Error& e) {
      status.trouble = e.what();
    }
    return status;
  }

 private:
  struct Assignment {
    Claim claim;
    std::stop_token stop;
  };

  void schedule() {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stopped_ || (halted_.empty() && running_.size() < room_.options.workers); });
        if (stopped_) return;
        woken_ = false;
      }
      milliseconds pause = kAfterNothing;
      try {
        if (std::optional<Claim> claim = room_.store.claim_next(room_.options.most_per_vcenter)) {
          assign(std::move(*claim));
          continue;
        }
        if (const auto due = room_.store.next_due()) {
          const milliseconds left = *due - room_.clock.now();
          // What is due and cannot be claimed waits for another machine of its vCenter: its end wakes us.
          pause = left > milliseconds{0} ? std::min(left, kLookAgain) : kAfterNothing;
        } else {
          pause = kLookAgain;
        }
      } catch (const Error& e) {
        if (e.code() == ErrorCode::storage_full) {
          room_.gate.note(e.what());
        } else {
          halt(e.what());
        }
      }
      wait(pause);
    }
  }

  void wait(milliseconds pause) {
    const auto until = room_.clock.steady() + pause;
    std::unique_lock lock(mutex_);
    while (!stopped_ && !woken_ && room_.clock.steady() < until)
      room_.clock.wait_until(changed_, lock, room_.shutdown.get_token(), until);
  }

  void assign(Claim claim) {
    const std::lock_guard guard(mutex_);
    std::stop_source& stop = running_[claim.decommission.id] = std::stop_source{};
    if (stopped_) stop.request_stop();  // the worker puts it back
    assigned_.push_back({std::move(claim), stop.get_token()});
    changed_.notify_all();
  }

  void work() {
    for (;;) {
      std::optional<Assignment> assignment;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stopped_ || !assigned_.empty(); });
        if (assigned_.empty()) return;
        assignment = std::move(assigned_.front());
        assigned_.pop_front();
      }
      const std::int64_t id = assignment->claim.decommission.id;
      const std::string label =
          fmt::format("{}.{}", assignment->claim.request.id, assignment->claim.decommission.ordinal);
      try {
        Runner(room_, std::move(assignment->claim), assignment->stop).run();
      } catch (const Error& e) {
        if (e.code() == ErrorCode::storage) {
          halt(e.what());
        } else {
          give_up(id, label, e.what());
        }
      } catch (const std::exception& e) {
        give_up(id, label, e.what());
      }
      const std::lock_guard guard(mutex_);
      running_.erase(id);
      woken_ = true;
      changed_.notify_all();
    }
  }

  /// A fault of ours must not leave a machine running without a worker. With a call open the store makes it a doubt.
  void give_up(std::int64_t id, const std::string& label, const std::string& why) {
    log::error("engine", "{}: {}", label, why);
    try {
      room_.store.settle(id, Trigger::fail, why);
    } catch (const Error& e) {
      log::error("engine", "{} is left as it is on disk: {}", label, e.what());
    }
  }

  /// The database failed: what it holds is found out at the next start, and nothing more is done until then.
  void halt(const std::string& why) {
    const std::lock_guard guard(mutex_);
    if (halted_.empty()) log::error("engine", "nothing more is begun until decomd is started again: {}", why);
    halted_ = fmt::format("the database failed, and decomd has to be started again: {}", why);
    changed_.notify_all();
  }

  EngineRoom room_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::int64_t, std::stop_source> running_;
  std::deque<Assignment> assigned_;
  std::string halted_;
  bool woken_ = false;
  bool stopped_ = false;
  std::vector<std::jthread> workers_;
  std::jthread scheduler_;
};

Engine::Engine(EngineOptions options, Store& store, World world, const StepRegistry& registry, MayAct may_act,
               Clock& clock)
    : impl_(std::make_unique<Impl>(options, store, std::move(world), registry, std::move(may_act), clock)) {}
Engine::~Engine() = default;

void Engine::start() { impl_->start(); }
void Engine::stop(milliseconds grace) { impl_->stop(grace); }
void Engine::wake() { impl_->wake(); }
void Engine::cancel(std::int64_t decommission) { impl_->cancel(decommission); }
std::vector<StepPreview> Engine::preview(const PlannedMachine& planned, const RequestOptions& options) {
  return impl_->preview(planned, options);
}
Engine::Status Engine::status() const { return impl_->status(); }

}  // namespace decom
