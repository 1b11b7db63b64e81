#pragma once

#include <optional>
#include <set>
#include <string>

#include "daemon/engine/attempt.hpp"

namespace decom {

/// One machine, from its claim until the worker lets go of it.
class Runner {
 public:
  Runner(EngineRoom& room, Claim claim, std::stop_token stop);

  /// Runs what can run, then settles the machine. Throws only for what is wrong with us.
  void run();

 private:
  /// Index of the next step that may run now; nullopt when nothing may.
  [[nodiscard]] std::optional<std::size_t> next_step() const;
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
  std::set<std::size_t> tried_;  ///< not again in this turn
  bool cancelled_ = false;
};

}  // namespace decom
