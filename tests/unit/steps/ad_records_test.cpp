#include "daemon/steps/ad_records.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "common/base/text.hpp"
#include "daemon/steps/ad_facts.hpp"
#include "tests/support/fake_context.hpp"
#include "tests/support/fake_directory.hpp"
#include "tests/support/fake_vms.hpp"
#include "tests/support/manual_clock.hpp"

using namespace decom;
using namespace std::chrono_literals;

namespace {

struct Domain {
  ManualClock clock;
  FakeVms vms{clock};
  FakeDirectory directory;
  StepRegistry registry = built_in_steps();
  Machine machine{.identity = {"vc-1", "vm-1", "50-1"},
                  .name = "web01",
                  .vcenter = "lab",
                  .family = OsFamily::windows,
                  .guest_host_name = "web01.corp.example.test",
                  .power = PowerState::on,
                  .tools = "running"};

  FakeContext context() {
    FakeContext ctx(clock, vms, machine);
    ctx.directory_server = &directory;
    return ctx;
  }
  Observation observe() {
    auto ctx = context();
    return plan(ctx);
  }
  /// As a plan is made: what a rehearsal finds is frozen.
  Observation plan(FakeContext& ctx) {
    ctx.planned = {.name = "ad_computer", .kind = kAdComputerKind};
    ctx.rehearses = true;
    Observation seen = registry.make(ctx.planned)->observe(ctx);
    ctx.rehearses = false;
    const auto* needed = std::get_if<Needed>(&seen);
    ctx.planned.records = needed != nullptr ? needed->records : std::vector<FrozenRecord>{};
    return seen;
  }
  /// As the engine does.
  Observation run(FakeContext& ctx) {
    const auto step = registry.make(ctx.planned);
    Observation seen = step->observe(ctx);
    if (const auto* needed = std::get_if<Needed>(&seen)) {
      step->apply(ctx, *needed);
      return step->observe(ctx);
    }
    return seen;
  }
};

template <typename T>
bool is(const Observation& seen) {
  return std::holds_alternative<T>(seen);
}

ErrorCode code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.code();
  }
  FAIL("nothing was thrown");
  return ErrorCode::internal;
}

}  // namespace

TEST_CASE_FIXTURE(Domain, "the VM's name and the guest's together prove the account, and it is removed once") {
  const std::string guid = directory.add_computer({.name = "WEB01"});
  directory.add_computer({.name = "WEB02"});
  auto ctx = context();
  const auto seen = plan(ctx);
  REQUIRE(is<Needed>(seen));
  REQUIRE(std::get<Needed>(seen).records.size() == 1);
  CHECK(std::get<Needed>(seen).records[0].id == guid);
  CHECK(is<Satisfied>(run(ctx)));
  CHECK(directory.removed() == std::vector{guid});
  CHECK(ctx.effects.front().spec.irreversible);
  CHECK(ctx.effects.front().spec.before.find("sAMAccountName: WEB01$") != std::string::npos);
  CHECK(ctx.effects.front().outcome == "done");
}

TEST_CASE_FIXTURE(Domain, "what lies below the account goes before it, the deepest first, each under its own intent") {
  const std::string guid =
      directory.add_computer({.name = "WEB01", .children = {"CN=DFSR", "CN=subscriber,CN=DFSR", "CN=key"}});
  auto ctx = context();
  const auto seen = plan(ctx);
  REQUIRE(std::get<Needed>(seen).records.size() == 4);
  CHECK(is<Satisfied>(run(ctx)));
  const std::string dn = "CN=WEB01,OU=Servers,DC=corp,DC=example,DC=test";
  CHECK(directory.removed_children() ==
        std::vector<std::string>{"CN=key," + dn, "CN=subscriber,CN=DFSR," + dn, "CN=DFSR," + dn});
  CHECK(directory.removed() == std::vector{guid});
  REQUIRE(ctx.effects.size() == 4);
  CHECK(ctx.effects[1].spec.before.find("dn: CN=subscriber,CN=DFSR," + dn) != std::string::npos);
  CHECK(ctx.effects[3].spec.target == guid);
}

TEST_CASE_FIXTURE(Domain, "a child that came after the plan is seen before anything is removed, and keeps all of it") {
  const std::string guid = directory.add_computer({.name = "WEB01", .children = {"CN=key"}});
  auto ctx = context();
  (void)plan(ctx);
  directory.add_child(guid, "CN=late");
  const auto seen = run(ctx);
  REQUIRE(is<LeftAlone>(seen));
  CHECK(ctx.effects.empty());
  CHECK(directory.removed_children().empty());
  CHECK(directory.has_computer(guid));
  CHECK(
      text_of(seen).find("CN=late,CN=WEB01,OU=Servers,DC=corp,DC=example,DC=test below it (it is not among those that "
                         "were shown for removal when the plan was made)") != std::string::npos);
  CHECK(text_of(seen).find("by hand") != std::string::npos);
}

TEST_CASE_FIXTURE(Domain, "a child that came during the removal keeps its account") {
  const std::string guid = directory.add_computer({.name = "WEB01", .children = {"CN=key"}});
  auto ctx = context();
  (void)plan(ctx);
  ctx.on_effect = [&] {
    if (ctx.effects.size() == 1) directory.add_child(guid, "CN=late");
  };
  const auto seen = run(ctx);
  CHECK(is<LeftAlone>(seen));
  CHECK(text_of(seen).find("CN=late") != std::string::npos);
  CHECK(directory.removed_children().size() == 1);
  CHECK(directory.has_computer(guid));
  CHECK(ctx.effects.back().outcome == "refused");
}

TEST_CASE_FIXTURE(Domain, "a child that changed since it was shown keeps its account and its siblings") {
  const std::string guid = directory.add_computer({.name = "WEB01", .children = {"CN=key", "CN=service"}});
  auto ctx = context();
  (void)plan(ctx);
  SUBCASE("before the step") {
    directory.edit(guid, [](Computer& account) { account.below.front().image += "description: kept\n"; });
    CHECK(is<LeftAlone>(run(ctx)));
    CHECK(ctx.effects.empty());
    CHECK(directory.removed_children().empty());
  }
  SUBCASE("while it is removed: what was sent already is said, and nothing more is") {
    ctx.on_effect = [&] {
      directory.edit(guid, [](Computer& account) { account.below.back().image += "description: kept\n"; });
    };
    CHECK(is<LeftAlone>(run(ctx)));
    CHECK(ctx.effects.size() == 1);
    CHECK(directory.removed_children().empty());
  }
  CHECK(directory.has_computer(guid));
}

TEST_CASE_FIXTURE(Domain, "two accounts that both look like the machine's are a person's to tell apart") {
  directory.add_computer({.name = "WEB01"});
  const std::string other =
      directory.add_computer({.name = "WEB01", .ou = "OU=Linux,OU=Servers", .children = {"CN=key"}});
  auto ctx = context();
  const auto seen = plan(ctx);
  CHECK(is<Blocked>(seen));
  CHECK(text_of(seen).find("both look like the account of web01") != std::string::npos);
  CHECK(is<Blocked>(run(ctx)));
  CHECK(directory.removed().empty());
  CHECK(directory.removed_children().empty());
}

TEST_CASE_FIXTURE(Domain, "a guest that calls itself SQL01 does not cost the real SQL01 its account") {
  directory.add_computer({.name = "SQL01"});
  machine.guest_host_name = "sql01.corp.example.test";
  SUBCASE("the guest's word alone") { machine.name = "scratch7"; }
  SUBCASE("the VM's name alone") {
    machine.name = "sql01";
    machine.guest_host_name = "other.corp.example.test";
  }
  SUBCASE("off at submit: what the guest once said does not count") {
    machine.name = "sql01";
    machine.power = PowerState::off;
  }
  SUBCASE("the same name in another domain") {
    machine.name = "sql01";
    machine.guest_host_name = "sql01.lab.local";
  }
  SUBCASE("another operating system") {
    machine.name = "sql01";
    machine.family = OsFamily::linux_;
  }
  CHECK(is<LeftAlone>(observe()));
  CHECK(directory.removed().empty());
}

TEST_CASE_FIXTURE(Domain, "a clone with both names does not cost the original its account while that lives") {
  directory.add_computer({.name = "WEB01"});
  auto ctx = context();
  ctx.bearers = [](const std::string& name, const Identity& except) {
    CHECK(except.moref == "vm-1");
    return equals_folded(name, "web01") ? std::vector<std::string>{"prod:vm-9"} : std::vector<std::string>{};
  };
  const auto seen = plan(ctx);
  CHECK(is<LeftAlone>(seen));
  CHECK(text_of(seen).find("prod:vm-9 bears WEB01 too") != std::string::npos);
  ctx.bearers = [](const std::string&, const Identity&) -> std::vector<std::string> {
    throw Error{ErrorCode::unreachable, "the mirror of lab2 was never loaded"};
  };
  CHECK(code_of([&] { (void)plan(ctx); }) == ErrorCode::unreachable);
}

TEST_CASE_FIXTURE(Domain, "domain controllers, critical objects and other units are never touched") {
  FakeDirectory::NewComputer dc{.name = "WEB01"};
  SUBCASE("domain controller") { dc.is_domain_controller = true; }
  SUBCASE("critical") { dc.is_critical = true; }
  SUBCASE("protected from deletion") { dc.is_protected = true; }
  SUBCASE("elsewhere") { dc.ou = "OU=Clients"; }
  directory.add_computer(dc);
  CHECK(is<Blocked>(observe()));
}

TEST_CASE_FIXTURE(Domain, "a Linux machine without an account is satisfied, with a proven one it is as any other") {
  machine.family = OsFamily::linux_;
  machine.guest_host_name = "web01";
  CHECK(is<Satisfied>(observe()));
  directory.add_computer({.name = "WEB01", .operating_system = "redhat-linux-gnu"});
  CHECK(is<Needed>(observe()));
}

TEST_CASE_FIXTURE(Domain, "long names are found by the fifteen characters that the directory keeps") {
  machine.name = "averylonghostname01";
  machine.guest_host_name = "averylonghostname01.corp.example.test";
  directory.add_computer({.name = "AVERYLONGHOSTNA", .dns = "averylonghostname01.corp.example.test"});
  CHECK(is<Needed>(observe()));
}

TEST_CASE_FIXTURE(Domain, "an account that changed after the look is not removed") {
  const std::string guid = directory.add_computer({.name = "WEB01"});
  auto ctx = context();
  (void)plan(ctx);
  directory.edit(guid, [](Computer& account) { account.image += "description: kept for the audit\n"; });
  const auto after = run(ctx);
  CHECK(is<LeftAlone>(after));
  CHECK(text_of(after).find("changed since it was shown") != std::string::npos);
  CHECK(directory.has_computer(guid));
}

TEST_CASE_FIXTURE(Domain, "a logon of the machine changes nothing that counts") {
  const std::string guid = directory.add_computer({.name = "WEB01"});
  auto ctx = context();
  (void)plan(ctx);
  directory.touch(guid);
  CHECK(is<Satisfied>(run(ctx)));
  CHECK_FALSE(directory.has_computer(guid));
}

TEST_CASE_FIXTURE(Domain, "gone already is not our doing: a warning, and no error") {
  const std::string guid = directory.add_computer({.name = "WEB01"});
  auto ctx = context();
  (void)plan(ctx);
  ctx.on_effect = [&] { directory.delete_computer(guid); };
  CHECK(is<LeftAlone>(run(ctx)));
  CHECK(ctx.effects.front().outcome == "refused");
}

TEST_CASE_FIXTURE(Domain, "recovery reads the account by its GUID, and sends again only past the deadline") {
  const std::string guid = directory.add_computer({.name = "WEB01"});
  const OpenCall call{
      .effect = 1, .call = "delete computer", .target = guid, .opened = clock.now(), .deadline = clock.now() + 30s};
  auto ctx = context();
  ctx.planned.kind = kAdComputerKind;
  const auto step = registry.make(ctx.planned);
  CHECK(code_of([&] { (void)step->resume(ctx, call); }) == ErrorCode::busy);
  clock.advance(31s);
  CHECK(is<Needed>(step->resume(ctx, call)));
  directory.delete_computer(guid);
  CHECK(is<Satisfied>(step->resume(ctx, call)));
  directory.go_away();
  CHECK(code_of([&] { (void)step->resume(ctx, call); }) == ErrorCode::unreachable);
}
