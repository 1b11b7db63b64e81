#include <doctest/doctest.h>

#include "daemon/steps/vm_task.hpp"
#include "tests/support/fault_vfs.hpp"
#include "tests/unit/engine/fixture.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;
using Fault = FaultVfs::Fault;

namespace {

struct FullDiskFixture : EngineFixture {
  FaultVfs& disk = FaultVfs::instance();

  FullDiskFixture() : EngineFixture(whole_disk()) {}
  static std::string whole_disk() {
    FaultVfs::instance().reset();
    return FaultVfs::kName;
  }
  ~FullDiskFixture() {
    disk.reset();
    engine.reset();
  }
};

}  // namespace

TEST_CASE_FIXTURE(FullDiskFixture,
                  "an outcome that cannot be written is kept, nothing new is sent, and it is written later") {
  submit(4);
  vms.before("read", [&] {  // the second look: the call is through and its handle on disk
    if (vms.executed(kDestroyCall) > 0) disk.writes = Fault::full;
  });
  start();
  REQUIRE(until([&] { return vms.executed(kDestroyCall) >= 1 && !engine->status().trouble.empty(); }));
  const int sent = vms.received(kDestroyCall);
  clock.advance(60s);
  REQUIRE(until([&] { return engine->status().busy > 0; }));
  CHECK(vms.received(kDestroyCall) <= sent + 1);  // one whose intent was on disk before
  CHECK(directory.removed().empty());
  vms.before("read", {});
  REQUIRE(until([&] {
    disk.writes = Fault::none;  // a look that began before may fill it once more
    return state(1, 1) == DecommissionState::succeeded;
  }));
  REQUIRE(until_settled());
  for (int ordinal = 1; ordinal <= 4; ++ordinal) CHECK(state(1, ordinal) == DecommissionState::succeeded);
  CHECK(vms.received(kDestroyCall) == 4);
  CHECK(effects("destroy")[0].outcome == EffectOutcome::done);
  CHECK(engine->status().trouble.empty());
}

TEST_CASE_FIXTURE(FullDiskFixture, "a disk that is full before the intent: nothing is sent until there is room") {
  submit(1);
  may_act = [&](const Claim&, const KindTraits& kind) {
    if (kind.irreversible && vms.received(kDestroyCall) == 0) disk.writes = Fault::full;
  };
  start();
  REQUIRE(until([&] { return !engine->status().trouble.empty(); }));
  clock.advance(60s);
  CHECK(vms.received(kDestroyCall) == 0);
  may_act = [](const Claim&, const KindTraits&) {};
  disk.reset();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  CHECK(vms.received(kDestroyCall) == 1);
}

TEST_CASE_FIXTURE(FullDiskFixture, "stopped while an outcome could not be written: the next start finds out") {
  submit(1);
  vms.before(kDestroyCall, [&] { disk.writes = Fault::full; });
  start();
  REQUIRE(until([&] { return vms.executed(kDestroyCall) == 1 && !engine->status().trouble.empty(); }));
  stop();
  disk.reset();
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  CHECK(vms.received(kDestroyCall) == 1);
}
