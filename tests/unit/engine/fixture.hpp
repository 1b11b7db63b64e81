#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/engine/engine.hpp"
#include "daemon/store/store.hpp"
#include "tests/support/fake_directory.hpp"
#include "tests/support/fake_records.hpp"
#include "tests/support/fake_vms.hpp"
#include "tests/support/manual_clock.hpp"

namespace decom::test {

/// The engine on a real store, with fakes of the outside world that keep a ledger, and time that the test moves.
class EngineFixture {
 public:
  /// `file_system`: as StoreOptions::vfs.
  explicit EngineFixture(std::string file_system = "");
  ~EngineFixture();

  std::filesystem::path folder;
  std::string vfs;
  ManualClock clock;
  FakeVms vms{clock};
  FakeDirectory directory;
  FakeSystems systems;  ///< of records, as kind "fake"
  StepRegistry registry = built_in_steps(systems.systems());
  AftercareRules rules;  ///< from the next `reopen` on
  LiveBearers live_bearers = [](const std::string&, const Identity&) { return std::vector<std::string>{}; };
  EngineOptions options{.workers = 2, .attempts = 3};
  RequestOptions request_options;
  std::map<std::string, OnFailure> on_failure;  ///< by step name
  std::vector<PlanStep> more_steps;             ///< behind those of the shipped plan
  MayAct may_act = [](const Claim&, const KindTraits&) {};
  Principal alice{.sid = "S-1-5-21-1",
                  .sam = "alice",
                  .upn = "alice@corp.example.test",
                  .domain = "CORP",
                  .uid = 1000,
                  .roles = {Role::operator_, Role::admin},
                  .session = "s1"};
  std::unique_ptr<Store> store;
  std::unique_ptr<Engine> engine;

  /// Adds machines vm-<first>… to the fake and submits them in one request, with what their record steps see frozen.
  std::int64_t submit(int count, int first = 1);
  void start();
  /// As the death of the process leaves it, as far as the disk is concerned: the store is closed and opened again.
  void reopen();
  void stop();

  Decommission machine(std::int64_t request, int ordinal = 1);
  const Step& step(const std::string& name, std::int64_t request = 1, int ordinal = 1);
  [[nodiscard]] DecommissionState state(std::int64_t request = 1, int ordinal = 1);
  /// Moves time on in small pieces until it holds. False after 60 s of real time.
  bool until(const std::function<bool()>& holds, std::chrono::milliseconds piece = std::chrono::milliseconds{50});
  bool until_settled(std::int64_t request = 1);
  bool until_state(DecommissionState wanted, std::int64_t request = 1);
  [[nodiscard]] std::vector<Effect> effects(const std::string& step_name, std::int64_t request = 1);

  // ---- what a daemon that died left on disk
  Claim claim();
  std::int64_t begin(const Claim& claim, const std::string& step_name);
  /// Takes the machine off and passes power_off, as a worker would have.
  void pass_power_off(const Claim& claim);
  std::int64_t open_destroy(std::int64_t attempt);

 private:
  void freeze_records_of(PlannedMachine& planned);

  std::mutex mutex_;
  std::condition_variable grown_;
  Decommission last_;
};

}  // namespace decom::test
