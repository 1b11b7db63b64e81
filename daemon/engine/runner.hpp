#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/base/error.hpp"
#include "daemon/engine/attempt.hpp"

namespace decom {

/// One machine, from its claim until the worker lets go of it. Steps run one after the other on the worker's thread;
/// those that remove records of other systems run side by side on threads of their own, which end before anything else
/// begins.
class Runner {
 public:
  Runner(EngineRoom& room, Claim claim, std::stop_token stop);

  /// Runs what can run, then settles the machine. Throws only for what is wrong with us.
  void run();

 private:
  /// Index of the next step that may run now, beside others a record step alone; nullopt when nothing may.
  [[nodiscard]] std::optional<std::size_t> next_step(bool beside_others) const;
  [[nodiscard]] bool removes_records(std::size_t index) const;
  /// Runs what can run, and returns when all of it has ended.
  void run_steps();
  void run_beside(std::size_t index);
  /// False when shutdown came in between.
  bool run_step(std::size_t index);
  void settle();
  void requeue();
  [[nodiscard]] std::string what_was_done() const;
  [[nodiscard]] const Step* first(StepState state) const;

  EngineRoom& room_;
  Claim claim_;
  std::stop_token stop_;
  MachineHistory history_;

  struct Failure {
    ErrorCode code{};
    std::string text;
  };
  std::mutex mutex_;  // of all that follows, and of the state, the message and the time in the rows of steps
  std::condition_variable ended_;
  std::set<std::size_t> tried_;  ///< not again in this turn
  std::size_t beside_ = 0;       ///< steps that run on threads of their own
  bool cancelled_ = false;
  bool interrupted_ = false;        ///< shutdown came in between
  std::optional<Failure> failure_;  ///< of one on a thread of its own: what is wrong with us
};

}  // namespace decom
