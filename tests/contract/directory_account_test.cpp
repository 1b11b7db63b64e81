#include <doctest/doctest.h>

#include "daemon/directory/connection.hpp"
#include "daemon/records/record_systems.hpp"
#include "daemon/steps/ad_definition.hpp"
#include "daemon/steps/ad_records.hpp"
#include "daemon/steps/step.hpp"
#include "tests/contract/directory_worlds.hpp"
#include "tests/support/fake_context.hpp"
#include "tests/support/fake_vms.hpp"
#include "tests/support/manual_clock.hpp"

using namespace decom;

namespace {

/// The step ad.computer against a directory, for one machine.
template <typename World>
struct Account {
  World world;
  ManualClock clock;
  FakeVms vms{clock};
  StepRegistry registry = built_in_steps();
  MadeComputer made;
  FakeContext ctx;

  explicit Account(const ComputerSpec& spec = {}, std::map<std::string, std::string> params = {})
      : made(world.add_computer(spec)),
        ctx(clock, vms,
            {.identity = {"vc-1", "vm-1", "50-1"},
             .name = made.name,
             .vcenter = "lab",
             .family = OsFamily::windows,
             .guest_host_name = made.name + ".corp.example.test",
             .power = PowerState::on,
             .tools = "running"}) {
    ctx.directory_server = &world.directory();
    ctx.planned = {.name = "ad_computer", .kind = kAdComputerKind, .params = std::move(params)};
  }

  Observation plan() {
    ctx.rehearses = true;
    Observation seen = registry.make(ctx.planned)->observe(ctx);
    ctx.rehearses = false;
    const auto* needed = std::get_if<Needed>(&seen);
    ctx.planned.records = needed != nullptr ? needed->records : std::vector<FrozenRecord>{};
    return seen;
  }
  Observation run() {
    const auto step = registry.make(ctx.planned);
    Observation seen = step->observe(ctx);
    if (const auto* needed = std::get_if<Needed>(&seen)) {
      step->apply(ctx, *needed);
      return step->observe(ctx);
    }
    return seen;
  }
  /// A daemon that died after the intent: what its next start finds out of that call.
  Observation recover(const std::string& target) {
    const OpenCall call{.effect = 1, .call = "", .target = target, .opened = clock.now(), .deadline = clock.now()};
    return registry.make(ctx.planned)->resume(ctx, call);
  }
  Computer now() { return world.directory().read_computer(made.guid).value(); }
};

bool says(const Observation& seen, std::string_view part) { return text_of(seen).find(part) != std::string::npos; }

}  // namespace

TEST_CASE_TEMPLATE("an account goes with what was shown below it", World, FakeWorld, SambaWorld) {
  Account<World> account({.children = 2});
  REQUIRE(std::holds_alternative<Needed>(account.plan()));
  CHECK(std::holds_alternative<Satisfied>(account.run()));
  CHECK(account.ctx.effects.size() == 3);
  CHECK_FALSE(account.world.has(account.made));
}

TEST_CASE_TEMPLATE("what came below an account since the plan keeps all of it", World, FakeWorld, SambaWorld) {
  Account<World> account({.children = 1});
  REQUIRE(std::holds_alternative<Needed>(account.plan()));
  account.world.add_child(account.made);
  const Observation seen = account.run();
  CHECK(std::holds_alternative<LeftAlone>(seen));
  CHECK(says(seen, "below it (it is not among those that were shown for removal when the plan was made)"));
  CHECK(account.ctx.effects.empty());
  CHECK(account.now().children.size() == 2);
}

namespace {

const std::string kRetired = "OU=Retired,DC=corp,DC=example,DC=test";
const std::map<std::string, std::string> kDisable{{"action", "disable"}};
const std::map<std::string, std::string> kMove{{"action", "move"}, {"move_to", kRetired}};

}  // namespace

TEST_CASE_TEMPLATE("an account is disabled and stays where it is, with what lies below it", World, FakeWorld,
                   SambaWorld) {
  Account<World> account({.children = 1, .is_protected = true}, kDisable);
  const Observation planned = account.plan();
  REQUIRE(std::holds_alternative<Needed>(planned));
  CHECK(says(planned, "disable " + account.made.name + "$ ("));
  CHECK(says(planned, ") in Active Directory"));
  CHECK_FALSE(account.world.is_disabled(account.made));
  const Observation seen = account.run();
  CHECK(std::holds_alternative<Satisfied>(seen));
  CHECK(says(seen, "is disabled"));
  CHECK(account.world.is_disabled(account.made));
  CHECK(account.now().children.size() == 1);
  REQUIRE(account.ctx.effects.size() == 1);
  CHECK(account.ctx.effects[0].spec.call == "disable in Active Directory");
  CHECK(account.ctx.effects[0].spec.before.find("sAMAccountName: " + account.made.name + "$") != std::string::npos);
  CHECK(account.ctx.effects[0].outcome == "done");
  CHECK(std::holds_alternative<Satisfied>(account.run()));
  CHECK(account.ctx.effects.size() == 1);
}

TEST_CASE_TEMPLATE("an account is disabled, described and moved, each under an intent of its own", World, FakeWorld,
                   SambaWorld) {
  Account<World> account({.children = 1}, kMove);
  account.world.describe(account.made, "the old shop");
  account.ctx.request.ticket = "CHG0042";
  account.ctx.request.reason = "replaced\nby the new shop";
  const Observation planned = account.plan();
  REQUIRE(std::holds_alternative<Needed>(planned));
  CHECK(says(planned, "disable " + account.made.name + "$ ("));
  CHECK(says(planned, "move " + account.made.name + "$ (" + account.world.dn_of(account.made) + ") to " + kRetired));
  const Observation seen = account.run();
  CHECK(std::holds_alternative<Satisfied>(seen));
  CHECK(account.world.is_disabled(account.made));
  CHECK(account.world.dn_of(account.made) == "CN=" + account.made.name + "," + kRetired);
  CHECK(account.now().children.size() == 1);
  const std::string text = account.world.text_of(account.made);
  CHECK(text.find("Retired by CORP") != std::string::npos);
  CHECK(text.find("decom 17.3, ticket CHG0042, ") != std::string::npos);
  CHECK(text.find(": replaced by the new shop") != std::string::npos);
  REQUIRE(account.ctx.effects.size() == 2);
  CHECK(account.ctx.effects[0].spec.call == "disable in Active Directory");
  CHECK(account.ctx.effects[0].spec.before.find("the old shop") != std::string::npos);
  CHECK(account.ctx.effects[1].spec.call == "move in Active Directory");
  CHECK(account.ctx.effects[1].spec.before.find("dn: CN=" + account.made.name + ",OU=Servers,") != std::string::npos);
}

TEST_CASE_TEMPLATE("an account that is retired already is left so, and only in the place that it is to have", World,
                   FakeWorld, SambaWorld) {
  Account<World> disabled({.enabled = false}, kDisable);
  CHECK(std::holds_alternative<Satisfied>(disabled.plan()));
  CHECK(std::holds_alternative<Satisfied>(disabled.run()));
  CHECK(disabled.ctx.effects.empty());

  Account<World> moved({.ou = "OU=Retired", .enabled = false}, kMove);
  CHECK(std::holds_alternative<Satisfied>(moved.plan()));

  Account<World> elsewhere({.enabled = false}, kMove);
  const Observation seen = elsewhere.plan();
  REQUIRE(std::holds_alternative<Needed>(seen));
  CHECK(std::get<Needed>(seen).records.size() == 1);
  CHECK(std::holds_alternative<Satisfied>(elsewhere.run()));
  CHECK(elsewhere.world.dn_of(elsewhere.made) == "CN=" + elsewhere.made.name + "," + kRetired);

  // Where it is to lie it must not be enabled, and out there nothing is changed.
  Account<World> enabled({.ou = "OU=Retired"}, kMove);
  CHECK(std::holds_alternative<Blocked>(enabled.plan()));
}

TEST_CASE_TEMPLATE("a disabled or moved account that changed since it was shown is left alone", World, FakeWorld,
                   SambaWorld) {
  Account<World> account({}, kMove);
  REQUIRE(std::holds_alternative<Needed>(account.plan()));
  account.world.describe(account.made, "kept for the audit");
  const Observation seen = account.run();
  CHECK(std::holds_alternative<LeftAlone>(seen));
  CHECK(says(seen, "it changed since it was shown"));
  CHECK(account.ctx.effects.empty());

  // Between the look and the call.
  Account<World> later({}, kMove);
  REQUIRE(std::holds_alternative<Needed>(later.plan()));
  later.ctx.on_effect = [&] { later.world.describe(later.made, "kept for the audit"); };
  CHECK(std::holds_alternative<LeftAlone>(later.run()));
  CHECK(later.ctx.effects.size() == 1);
  CHECK(later.ctx.effects[0].outcome == "refused");
  CHECK_FALSE(later.world.is_disabled(later.made));
}

TEST_CASE_TEMPLATE("what must not be touched is neither disabled nor moved", World, FakeWorld, SambaWorld) {
  for (const auto& params : {kDisable, kMove}) {
    for (const ComputerSpec& spec : {ComputerSpec{.is_critical = true}, ComputerSpec{.is_domain_controller = true},
                                     ComputerSpec{.ou = "OU=Workstations"}}) {
      Account<World> account(spec, params);
      CHECK(std::holds_alternative<Blocked>(account.plan()));
      CHECK(std::holds_alternative<Blocked>(account.run()));
      Computer computer = account.now();
      CHECK(thrown_by([&] { account.world.directory().disable_computer(computer, ""); }).code == ErrorCode::refused);
      CHECK(thrown_by([&] { account.world.directory().move_computer(computer, kRetired); }).code == ErrorCode::refused);
      CHECK_FALSE(account.world.is_disabled(account.made));
    }
  }
  Account<World> guarded({.is_protected = true}, kMove);
  CHECK(says(guarded.plan(), "protected from accidental deletion"));
}

TEST_CASE_TEMPLATE("a unit that is not there, or has such a name already, is said when the plan is made", World,
                   FakeWorld, SambaWorld) {
  const std::string nowhere = "OU=Nowhere,DC=corp,DC=example,DC=test";
  Account<World> account({}, {{"action", "move"}, {"move_to", nowhere}});
  const Observation seen = account.plan();
  CHECK(std::holds_alternative<Blocked>(seen));
  CHECK(says(seen, "there is no " + nowhere));
  CHECK(says(seen, "create it, or correct move_to"));
  CHECK(thrown_by([&] { account.world.directory().move_computer(account.now(), nowhere); }).code == ErrorCode::refused);
  const MadeComputer twin = account.world.add_computer({.ou = "OU=Retired"});
  CHECK(account.world.directory()
            .why_not_into({.dn = "CN=" + twin.name + ",OU=Servers,DC=corp,DC=example,DC=test"}, kRetired)
            .find("has another CN=" + twin.name + " already") != std::string::npos);

  AdRecords records(account.world.directory(), {.kind = AdActionKind::move, .move_to = nowhere});
  CHECK(thrown_by([&] { (void)records.check({}); }).code == ErrorCode::not_found);
  AdRecords good(account.world.directory(), {.kind = AdActionKind::move, .move_to = kRetired});
  CHECK_FALSE(good.check({}).empty());
}

TEST_CASE_TEMPLATE("recovery knows what became of a change by what the account is now", World, FakeWorld, SambaWorld) {
  Account<World> account({}, kMove);
  REQUIRE(std::holds_alternative<Needed>(account.plan()));
  const std::string state = account.ctx.planned.records->at(0).id;
  const std::string place = account.ctx.planned.records->at(1).id;
  // Died before the first call, or before it took effect.
  CHECK(std::holds_alternative<Needed>(account.recover(state)));
  // Died between the two: the first is known to be done, and the rest is done by the next attempt.
  account.world.directory().disable_computer(account.now(), "Retired by CORP\\alice");
  CHECK(std::holds_alternative<Satisfied>(account.recover(state)));
  CHECK(std::holds_alternative<Needed>(account.recover(place)));
  CHECK(std::holds_alternative<Satisfied>(account.run()));
  REQUIRE(account.ctx.effects.size() == 1);
  CHECK(account.ctx.effects[0].spec.target == place);
  // Died after the second.
  CHECK(std::holds_alternative<Satisfied>(account.recover(place)));
  // Somebody deleted it: that is not what was asked for, and nobody can tell what became of the call.
  account.world.delete_computer(account.made);
  CHECK(std::holds_alternative<Unknown>(account.recover(place)));
  CHECK(std::holds_alternative<LeftAlone>(account.run()));
}

TEST_CASE("a change holds only while the old value is what it was") {
  SambaWorld world;
  const MadeComputer made = world.add_computer();
  DomainServer& server = world.server();
  directory::Endpoint endpoint = directory::Endpoint::parse(server.text("ldaps"), false);
  endpoint.ca_file = server.text("ca");
  const auto connection = directory::Connection::open(endpoint, std::chrono::seconds{5});
  REQUIRE_FALSE(connection->bind(server.text("bind_dn"), server.password("svc-decom")));
  const directory::Base account = directory::Base::of(directory::Guid::parse(made.guid).value());
  const Thrown stale = thrown_by([&] {
    connection->modify(account, {{.attribute = "userAccountControl", .from = {"4130"}, .to = {"4098"}}}, "it");
  });
  CAPTURE(stale.text);
  CHECK(stale.code == ErrorCode::precondition);
  CHECK_FALSE(world.is_disabled(made));
  const directory::Connection::Change right{.attribute = "userAccountControl", .from = {"4096"}, .to = {"4098"}};
  world.describe(made, "somebody was faster");
  CHECK(thrown_by([&] {
          connection->modify(account, {right, {.attribute = "description", .from = {"none"}, .to = {"ours"}}}, "it");
        }).code == ErrorCode::precondition);
  CHECK_FALSE(world.is_disabled(made));  // all of it or nothing
  connection->modify(account, {right}, "it");
  CHECK(world.is_disabled(made));
  CHECK(thrown_by([&] {
          connection->move(account, "CN=" + made.name, *directory::Dn::parse("OU=Nowhere," + server.text("base_dn")),
                           "it");
        }).code != ErrorCode::internal);
  CHECK(world.dn_of(made).find("OU=Servers") != std::string::npos);
}

namespace {

/// As a file of records.d has it, for the domain of that server.
std::string definition_of(DomainServer& server) {
  const DirectoryOptions options = server.options();
  return nlohmann::json{{"url", options.urls},
                        {"base_dn", options.base_dn},
                        {"bind_dn", options.bind_dn},
                        {"password_file", options.password_file.string()},
                        {"ca_file", options.ca_file.string()},
                        {"computer_ous", options.computer_ous},
                        {"timeout", "3s"}}
      .dump();
}

}  // namespace

TEST_CASE("two domains with an account each: both are shown, and each is decided by its own facts") {
  DomainServer corp;
  DomainServer emea;  // a forest of its own; its accounts bear other host names
  corp.call("add_computers", {{{"name", "TWO01"}, {"children", {"service"}}}});
  emea.call("add_computers", {{{"name", "TWO01"}, {"dns", "two01.emea.example.test"}}});
  const auto exists = [](DomainServer& server) { return !server.call("computer", {"TWO01"}).is_null(); };
  const auto is_disabled = [](DomainServer& server) {
    return server.call("computer", {"TWO01"}).at("disabled").get<bool>();
  };
  const auto records = std::make_shared<RecordSystems>(
      RecordWorld{.secret_file = [](const std::string& name) { return std::filesystem::path(name); },
                  .clock = &system_clock()},
      all_record_kinds());
  const StepRegistry registry = built_in_steps(records);
  FakeVms vms{system_clock()};

  struct Seen {
    Observation planned;
    std::vector<SeenRecord> shown;
    Observation ran;
  };
  const auto run = [&](DomainServer& server, const std::string& system, const std::string& host_name,
                       std::map<std::string, std::string> params) {
    FakeContext ctx(system_clock(), vms,
                    {.identity = {"vc-1", "vm-1", "50-1"},
                     .name = "two01",
                     .vcenter = "lab",
                     .family = OsFamily::windows,
                     .guest_host_name = host_name,
                     .power = PowerState::on,
                     .tools = "running"});
    ctx.planned = {.name = system,
                   .kind = kAdComputerKind,
                   .params = std::move(params),
                   .system = system,
                   .definition = definition_of(server)};
    Seen seen{.planned = LeftAlone{}, .shown = {}, .ran = LeftAlone{}};
    ctx.rehearses = true;
    seen.planned = registry.make(ctx.planned)->observe(ctx);
    ctx.rehearses = false;
    seen.shown = ctx.records;
    const auto* needed = std::get_if<Needed>(&seen.planned);
    ctx.planned.records = needed != nullptr ? needed->records : std::vector<FrozenRecord>{};
    const auto step = registry.make(ctx.planned);
    seen.ran = step->observe(ctx);
    if (const auto* to_do = std::get_if<Needed>(&seen.ran)) {
      step->apply(ctx, *to_do);
      seen.ran = step->observe(ctx);
    }
    return seen;
  };

  // A name without its domain says nothing of whose it is.
  for (DomainServer* server : {&corp, &emea})
    CHECK(std::holds_alternative<LeftAlone>(run(*server, "ad", "two01", {}).ran));

  const Seen other = run(emea, "ad-emea", "two01.corp.example.test", {});
  CHECK(std::holds_alternative<LeftAlone>(other.ran));
  REQUIRE(other.shown.size() == 1);
  CHECK(other.shown[0].left_alone.find("the account is of two01.emea.example.test") != std::string::npos);

  const Seen own = run(emea, "ad-emea", "two01.emea.example.test", {{"action", "disable"}});
  CHECK(says(own.planned, "disable TWO01$"));
  CHECK(says(own.planned, "in ad-emea"));
  CHECK(std::holds_alternative<Satisfied>(own.ran));
  CHECK(is_disabled(emea));
  CHECK(exists(corp));
  CHECK_FALSE(is_disabled(corp));

  CHECK(std::holds_alternative<Satisfied>(run(corp, "ad-corp", "two01.corp.example.test", {}).ran));
  CHECK_FALSE(exists(corp));
  CHECK(exists(emea));
}
