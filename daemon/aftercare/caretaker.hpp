#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/domain/request.hpp"
#include "daemon/engine/engine.hpp"
#include "daemon/steps/step.hpp"
#include "daemon/store/store.hpp"

namespace decom {

struct CaretakerOptions {
  std::chrono::milliseconds backoff_first = std::chrono::seconds{10};  ///< after a system could not be asked
  std::chrono::milliseconds backoff_most = std::chrono::hours{1};
  std::chrono::milliseconds give_up_after = std::chrono::hours{14 * 24};  ///< it fell due
  std::chrono::milliseconds apart = std::chrono::milliseconds{250};       ///< two machines, also where many are overdue
  std::chrono::milliseconds lift_within = std::chrono::minutes{2};        ///< one call that lifts
};

/// Looks at record steps of a plan as a preview does, and changes nothing: Engine::preview.
using LookAgain = std::function<std::vector<StepPreview>(const PlannedMachine& planned, const RequestOptions& options)>;

/// Asks for the removal of records that came back, in the name and by the rights of whoever wanted the decommission, as
/// a request of its own. `key` makes a second call the same request. Returns what is said of it: "request 23 removes it
/// again". Throws where it is not accepted, such as `denied` for a person who lost the role.
using RemoveAgain = std::function<std::string(const Claim& ended, const PlanStep& step,
                                              const std::vector<SeenRecord>& found, const std::string& key)>;

/// Does what falls due after a decommission has ended, on one thread, `aftercare`; what is due is in the store, so that
/// a restart goes on with it.
///
/// A look asks the systems that the plan has frozen, with the machine's frozen facts. What two facts prove to be this
/// machine's, what nothing speaks against, and what no live machine bears came back: an event and a warning say so.
/// They are removed again only where the step's plan says so, by `remove_again`. A system that cannot be asked makes
/// its own looks wait, and nobody else's.
class Caretaker {
 public:
  Caretaker(CaretakerOptions options, Store& store, const StepRegistry& registry, LookAgain look,
            RemoveAgain remove_again, Clock& clock);
  ~Caretaker();

  void start();
  /// Any thread: something may be due.
  void wake();
  /// Begins nothing more. Before the engine stops, whose stop ends the looks under way.
  void request_stop();
  /// Waits for what is under way; what it did not come to is due again at the next start.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// What falls due after an end, with these kinds and times.
AftercareRules aftercare_rules(const StepRegistry& registry, std::vector<std::chrono::milliseconds> look_again);

}  // namespace decom
