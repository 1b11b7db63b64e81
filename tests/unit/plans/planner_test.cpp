#include "daemon/plans/planner.hpp"

#include <doctest/doctest.h>

#include "common/base/error.hpp"
#include "common/base/glob.hpp"
#include "tests/support/fake_records.hpp"

using namespace decom;

namespace {

struct Fixture {
  FakeSystems fakes;
  StepRegistry registry = built_in_steps(fakes.systems());
  std::vector<RecordDefinition> systems;
  std::vector<PlanTemplate> templates = Planner::shipped();
  bool has_directory = true;
  Machine machine{.identity = {"vc", "vm-1", "u-1"},
                  .name = "web01",
                  .vcenter = "lab",
                  .folder = "Prod/Web",
                  .guest_id = "windows2019srv_64Guest",
                  .family = OsFamily::windows,
                  .tags = {"env:prod", "tier:web"}};

  Plan plan(const RequestOptions& options = {}) const {
    return Planner(templates, registry, has_directory, systems).plan_for(machine, options);
  }
  std::string chosen() const { return plan().name; }
  void configure(const std::vector<RecordDefinition>& all) {
    systems = all;
    templates = Planner::shipped(systems);
  }
};

std::vector<std::string> kinds_of(const Plan& plan) {
  std::vector<std::string> kinds;
  for (const PlanStep& step : plan.steps) kinds.push_back(step.kind);
  return kinds;
}

std::vector<std::string> names_of(const Plan& plan) {
  std::vector<std::string> names;
  for (const PlanStep& step : plan.steps) names.push_back(step.name);
  return names;
}

std::string failure(const auto& call) {
  try {
    call();
  } catch (const Error& e) {
    CHECK(e.code() == ErrorCode::invalid);
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("a glob fits the whole text, in either case") {
  CHECK(matches_glob("web*", "WEB01"));
  CHECK(matches_glob("*", ""));
  CHECK(matches_glob("Prod/*", "Prod/Web/Old"));
  CHECK(matches_glob("a?c", "abc"));
  CHECK(matches_glob("*01*", "web01"));
  CHECK_FALSE(matches_glob("web", "web01"));
  CHECK_FALSE(matches_glob("a?c", "ac"));
  CHECK_FALSE(matches_glob("", "x"));
  CHECK_FALSE(matches_glob("*a*a*a*a*a*a*a*b", std::string(2'000, 'a')));
}

TEST_CASE_FIXTURE(Fixture, "each family has its shipped plan, and irreversible steps are marked in it") {
  CHECK(kinds_of(plan()) == std::vector<std::string>{"vsphere.power_off", "vsphere.destroy", "ad.computer"});
  CHECK(plan().steps[0].name == "power_off");
  CHECK(plan().steps[2].name == "ad_computer");
  CHECK_FALSE(plan().steps[0].irreversible);
  CHECK(plan().steps[1].irreversible);
  CHECK(plan().steps[2].irreversible);
  machine.family = OsFamily::linux_;
  CHECK(plan().name == "linux");
  CHECK(plan().steps.size() == 3);
  machine.family = OsFamily::other;
  CHECK(kinds_of(plan()) == std::vector<std::string>{"vsphere.power_off", "vsphere.destroy"});
}

TEST_CASE_FIXTURE(Fixture,
                  "what a site writes goes before what is shipped; then priority, conditions and name decide") {
  const std::vector<PlanStep> steps{{.name = "off", .kind = "vsphere.power_off"}};
  templates.push_back({.name = "zz", .rule = {.folders = {"prod/*"}}, .steps = steps});
  CHECK(chosen() == "zz");
  templates.push_back({.name = "aa", .rule = {.tags = {"env:*"}}, .steps = steps});
  CHECK(chosen() == "aa");
  templates.push_back({.name = "narrow", .rule = {.vcenters = {"lab"}, .names = {"web??"}}, .steps = steps});
  CHECK(chosen() == "narrow");
  templates.push_back({.name = "first", .priority = 1, .rule = {.guest_ids = {"windows*"}}, .steps = steps});
  CHECK(chosen() == "first");
  templates.push_back(
      {.name = "never", .priority = 2, .rule = {.tags = {"env:test"}, .names = {"web*"}}, .steps = steps});
  CHECK(chosen() == "first");
}

TEST_CASE_FIXTURE(Fixture, "a machine whose family is in dispute gets no plan by accident") {
  machine.family = OsFamily::ambiguous;
  machine.tools_guest_id = "rhel8_64Guest";
  const std::vector<PlanStep> steps{{.name = "off", .kind = "vsphere.power_off"}};
  templates.push_back({.name = "catch_all", .steps = steps});
  CHECK(failure([&] { (void)plan(); }).find("its tools report rhel8_64Guest") != std::string::npos);
  templates.push_back({.name = "by_name", .rule = {.names = {"web01"}}, .steps = steps});
  CHECK(chosen() == "by_name");
}

TEST_CASE_FIXTURE(Fixture, "a skipped step stays in the plan, and an unknown one is refused with those that exist") {
  const Plan skipped = plan({.skip = {"ad_computer"}});
  CHECK(skipped.steps.size() == 3);
  CHECK(skipped.steps[2].skipped);
  CHECK(skipped.steps[2].why == "left out by the request");
  CHECK_FALSE(skipped.steps[1].skipped);
  CHECK(failure([&] { (void)plan({.skip = {"dns"}}); }) ==
        "cannot skip 'dns': plan windows of web01 has the steps power_off, destroy, ad_computer");
  CHECK(failure([&] {
          (void)plan({.skip = {"power_off", "destroy", "ad_computer"}});
        }) == "nothing would be done to web01: every step of plan windows is left out");
}

TEST_CASE_FIXTURE(Fixture, "of a machine that is gone only records are removed") {
  configure({{.name = "cmdb", .kind = "fake", .definition = FakeSystems::definition("cmdb")}});
  const Plan records = plan({.records_only = true});
  REQUIRE(kinds_of(records) == std::vector<std::string>{"vsphere.power_off", "vsphere.destroy", "ad.computer", "fake"});
  CHECK(records.steps[0].skipped);
  CHECK(records.steps[1].skipped);
  CHECK(records.steps[1].why == "left out: records only");
  CHECK_FALSE(records.steps[2].skipped);
  CHECK_FALSE(records.steps[3].skipped);
  CHECK(failure([&] {
          (void)plan({.skip = {"ad_computer", "cmdb"}, .records_only = true});
        }) == "nothing would be done to web01: every step of plan windows is left out");
}

TEST_CASE_FIXTURE(Fixture, "without a directory the account's step is left out, and says so") {
  has_directory = false;
  CHECK(plan().steps[2].skipped);
  CHECK(plan().steps[2].why == "left out: no directory is configured");
}

TEST_CASE_FIXTURE(Fixture, "a kind that does not exist is refused when the planner is made") {
  templates.push_back({.name = "x", .steps = {{.name = "x", .kind = "vsphere.explode"}}});
  CHECK(failure([&] { (void)plan(); }) == "'vsphere.explode' is no kind of step");
}

TEST_CASE_FIXTURE(Fixture,
                  "shipped plans have every configured system behind the machine, side by side unless it says after") {
  using Names = std::vector<std::string>;
  configure({{.name = "ipam", .kind = "fake", .definition = "{}", .after = {"cmdb", "ad_computer"}},
             {.name = "cmdb", .kind = "fake", .definition = "{\"system\":\"x\"}", .after = {"dns"}},
             {.name = "dns", .kind = "fake", .definition = "{}", .on_failure = OnFailure::warn}});
  const Plan made = plan();
  Names names;
  for (const PlanStep& step : made.steps) names.push_back(step.name);
  CHECK(names == Names{"power_off", "destroy", "ad_computer", "dns", "cmdb", "ipam"});
  CHECK(made.steps[2].after == Names{"destroy"});
  CHECK(made.steps[3].after == Names{"destroy"});
  CHECK(made.steps[3].on_failure == OnFailure::warn);
  CHECK(made.steps[4].after == Names{"dns"});
  CHECK(made.steps[4].system == "cmdb");
  CHECK(made.steps[4].definition == "{\"system\":\"x\"}");
  CHECK(made.steps[4].irreversible);
  CHECK(made.steps[5].after == Names{"cmdb", "ad_computer"});
  machine.family = OsFamily::other;  // has no account to come after
  CHECK(plan().steps.back().after == Names{"cmdb"});
}

TEST_CASE_FIXTURE(Fixture, "what can be silenced is silenced first, for the machines that it is for") {
  configure({{.name = "zabbix",
              .kind = "fake",
              .summary = "hosts in Zabbix",
              .definition = "{}",
              .rule = {.names = {"web*"}},
              .silences = true},
             {.name = "dns", .kind = "fake", .definition = "{}"},
             {.name = "icinga", .kind = "fake", .definition = "{}", .rule = {.names = {"db*"}}, .silences = true}});
  for (const OsFamily family : {OsFamily::windows, OsFamily::linux_, OsFamily::other}) {
    machine.family = family;
    const Plan made = plan();
    CHECK(names_of(made).at(0) == "silence_zabbix");
    CHECK(names_of(made).at(1) == "silence_icinga");
    CHECK(names_of(made).at(2) == "power_off");
  }
  const Plan made = plan();
  CHECK(made.steps[0].kind == "silence");
  CHECK(made.steps[0].system == "zabbix");
  CHECK(made.steps[0].definition == "{}");
  CHECK(made.steps[0].on_failure == OnFailure::warn);
  CHECK_FALSE(made.steps[0].irreversible);
  CHECK(made.steps[0].why ==
        "plan other (built in): makes a monitoring quiet about the machine, until all of it has ended");
  CHECK(made.steps[1].why == "left out: icinga is for name db*");
  CHECK(predecessors(made, 2) == std::vector<std::size_t>{0});
  CHECK(plan({.records_only = true}).steps[0].why == "left out: records only");
}

TEST_CASE_FIXTURE(Fixture, "a system that is not for this machine is left out, and says whom it is for") {
  configure(
      {{.name = "dns", .kind = "fake", .definition = "{}", .rule = {.folders = {"Test/*"}, .names = {"a*", "b*"}}}});
  const Plan made = plan();
  CHECK(made.steps.back().skipped);
  CHECK(made.steps.back().why == "left out: dns is for folder Test/*; name a*, b*");
  machine.folder = "Test/Web";
  machine.name = "b1";
  CHECK_FALSE(plan().steps.back().skipped);
}

TEST_CASE_FIXTURE(Fixture, "a step's own rule leaves it out of the plan of a machine that it does not fit") {
  systems = {{.name = "dns", .kind = "fake", .definition = "{}", .source = "records.d/dns.toml"}};
  templates.push_back(
      {.name = "mine",
       .steps = {{.name = "off", .kind = "vsphere.power_off"}, {.name = "dns", .kind = "fake", .system = "dns"}},
       .step_rules = {{"dns", {.families = {OsFamily::linux_}}}}});
  CHECK(plan().name == "mine");
  CHECK(plan().steps[1].skipped);
  CHECK(plan().steps[1].why == "left out: in plan mine it is for family linux");
  systems.clear();
  CHECK(failure([&] { (void)plan(); }) == "plan mine: step dns works on 'dns', which is not configured");
}
