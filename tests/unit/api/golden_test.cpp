// Every JSON type and every event body, as a client sees it: a change of tests/golden/api is a change of the API.
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <doctest/doctest.h>

#include "common/api/problem.hpp"
#include "common/api/records.hpp"
#include "common/api/steps.hpp"
#include "daemon/api/event_json.hpp"
#include "daemon/api/to_wire.hpp"
#include "tests/unit/api/contract.hpp"
#include "tests/unit/api/house.hpp"

using namespace decom;
using namespace decom::test;

namespace {

const Timestamp kMoment = from_millis(1'767'225'600'250);

/// Also holds it against the schema of that name. With DECOM_GOLDEN=write it writes the file instead: look at the diff.
void check(const std::string& name, const Json& value, const std::string& schema) {
  const std::string path = DECOM_SOURCE_DIR "/tests/golden/api/" + name + ".json";
  const std::string text = value.dump(2) + "\n";
  if (const char* mode = std::getenv("DECOM_GOLDEN"); mode != nullptr && std::string(mode) == "write")
    std::ofstream(path, std::ios::binary) << text;
  std::ifstream in(path, std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(in), {}};
  CAPTURE(name);
  CHECK(text == golden);
  CHECK(violations(value, schema_of(schema)) == std::vector<std::string>{});
}
void check(const std::string& name, const Json& value) { check(name, value, name); }

RequestOptions some_options() {
  return {.reason = "replaced",
          .ticket = "CHG-1",
          .shutdown_timeout = std::chrono::minutes{2},
          .guest_shutdown = false,
          .skip = {"ad_computer"},
          .not_before = kMoment,
          .records_only = true};
}

Request some_request() {
  Request request{.id = 17, .created = kMoment, .requester = "CORP\\alice", .options = some_options()};
  Decommission machine;
  machine.request = 17;
  machine.ordinal = 3;
  machine.machine = some_machine(3, "web03");
  machine.plan.name = "windows";
  machine.state = DecommissionState::needs_attention;
  machine.reason = "nobody knows what became of it";
  machine.cancel_requested = true;
  machine.warnings = 1;
  machine.started = kMoment;
  machine.steps.push_back({.id = 1,
                           .ordinal = 0,
                           .name = "power_off",
                           .kind = "vsphere.power_off",
                           .irreversible = true,
                           .state = StepState::succeeded,
                           .message = "powered off",
                           .attempts = 1,
                           .started = kMoment,
                           .finished = kMoment,
                           .aftercare = {{.after = std::chrono::hours{1},
                                          .due = kMoment,
                                          .state = AftercareState::done,
                                          .attempts = 1,
                                          .said = "1 record is there again: host web03",
                                          .found = {"host web03"}}}});
  machine.steps.push_back({.id = 2,
                           .ordinal = 1,
                           .name = "destroy",
                           .kind = "vsphere.destroy",
                           .irreversible = true,
                           .state = StepState::unknown,
                           .message = "the answer was lost",
                           .attempts = 2,
                           .not_before = kMoment});
  request.decommissions.push_back(machine);
  return request;
}

PlanOffer some_offer() {
  PlanOffer offer{.id = "p1", .hash = "abc", .expires = kMoment, .options = some_options()};
  Plan plan{.name = "windows", .format = 1, .steps = {}};
  plan.steps.push_back({.name = "destroy", .kind = "vsphere.destroy", .irreversible = true, .why = "always"});
  plan.steps.push_back({.name = "dns",
                        .kind = "dns",
                        .irreversible = true,
                        .why = "configured",
                        .system = "dns-corp",
                        .records = {{{"A web01 10.0.0.1", "A web01 10.0.0.1", "b"}}}});
  offer.machines.push_back({some_machine(1, "web01"), plan});
  return offer;
}

}  // namespace

TEST_CASE("what people see of machines") {
  check("Machine", to_wire(some_machine(1, "web01")));
  const MirrorState mirror{.vcenter = "lab",
                           .uuid = "u",
                           .loaded = true,
                           .connected = false,
                           .machines = 3,
                           .as_of = kMoment,
                           .trouble = "cannot reach it"};
  check("Mirror", to_wire(mirror, kMoment + std::chrono::seconds{3}));
  api::VmPage page{.items = {to_wire(some_machine(1, "web01"))},
                   .total = 1000,
                   .total_is_at_least = true,
                   .next = "c",
                   .mirrors = {to_wire(MirrorState{.vcenter = "new"}, kMoment)}};
  check("VmPage", page);
  check("VmFields", api::VmFields{{{"ip", "an address, a glob or a CIDR"}}});
}

TEST_CASE("what people see of plans") {
  check("Plan", to_wire(some_offer(), {}));
  const std::vector<std::vector<StepPreview>> previews{
      {{{}, "needed", "would delete web01", {}, {}},
       {{},
        "needed",
        "remove A web01 from dns-corp",
        {{{"A web01 10.0.0.1", "A web01 10.0.0.1", "b"}, {"name web01", "address 10.0.0.1"}, ""},
         {{"PTR 1.0.0.10 web01", "PTR 1.0.0.10 web01", "b"}, {"name web01"}, "one fact only, name web01"}},
        {{{"A web01 10.0.0.1", "A web01 10.0.0.1", "b"}}}}}};
  check("Plan.observed", to_wire(some_offer(), previews), "Plan");
}

TEST_CASE("what people see of requests") {
  check("Request", to_wire(some_request(), 99, {{.at = kMoment, .request = 17, .text = "notice of start to ops: no"}}));
  const RequestRow row{.id = 17,
                       .created = kMoment,
                       .requester = "CORP\\alice",
                       .reason = "replaced",
                       .ticket = "CHG-1",
                       .state = DecommissionState::running,
                       .machines = 2,
                       .counts = {{DecommissionState::running, 1}, {DecommissionState::succeeded, 1}},
                       .warnings = 1,
                       .names = {"web01", "web02"},
                       .finished = std::nullopt};
  check("RequestPage", api::RequestPage{{to_wire(row)}, "r1.17.0"});
  check("CancelAnswer", api::CancelAnswer{17, {{"17.3", "web03", "running", true}}});
  check("RetryAnswer", api::RetryAnswer{17, {"17.3"}});
}

TEST_CASE("what people see of themselves") {
  Principal who{.sid = "S-1-5-21-1",
                .sam = "alice",
                .upn = "alice@corp.example.test",
                .domain = "CORP",
                .uid = 1000,
                .roles = {Role::operator_, Role::admin},
                .session = "s"};
  check("WhoAmI", to_wire(who, kMoment));
  check("LoginAnswer", api::LoginAnswer{"decom_t", to_rfc3339(kMoment), to_wire(who, kMoment)});
  const SessionRow row{.id = "t1",
                       .token_hash = "never shown",
                       .sam = "alice",
                       .domain = "CORP",
                       .is_token = true,
                       .name = "nightly",
                       .created = kMoment,
                       .expires = kMoment,
                       .revoked = kMoment};
  check("TokenPage", api::TokenPage{{to_wire(row)}});
  check("TokenAnswer", api::TokenAnswer{to_wire(row), "decom_t"});
}

TEST_CASE("what people see of the daemon") {
  check("Health", api::Health{"ok", "0.1.0"});
  check("Freeze", to_wire(FreezeState{}));
  check("Freeze.frozen", to_wire(FreezeState{true, "CORP\\root", "incident", kMoment}), "Freeze");
  api::RecordsBody look{.machines = {"web01"},
                        .ghost = {"web02", "web02.corp.example.test", {"10.0.0.2"}, "42-1"},
                        .systems = {"dns"},
                        .timeout_ms = 5000};
  check("RecordsBody", look);
  api::RecordsAnswer records;
  records.items.push_back(
      {"lab:vm-1",
       "web01",
       to_rfc3339(kMoment),
       {{"dns",
         "dns",
         "found",
         {{"A web01 10.0.0.1", "web01 A 10.0.0.1", "proven", {"name web01", "address 10.0.0.1"}, {}, {}}},
         {},
         "",
         12},
        {"cmdb", "http", "unread", {}, "unreachable", "cannot connect", 3}}});
  records.items.push_back({{}, "web02", {}, {{"dns", "dns", "none", {}, {}, "", 9}}});
  check("RecordsAnswer", records);
  check("Steps", api::Steps{{{"dns", "removes names", true, true}},
                            {{"dns-corp",
                              "dns",
                              "corp",
                              "/etc/decom/records.d/dns-corp.toml",
                              30'000,
                              {"destroy"},
                              "stop",
                              "not tried with Windows Server 2025"}}});
  check("StepsTestBody", api::StepsTestBody{{"dns-corp"}, 5000});
  check("StepsTestAnswer", api::StepsTestAnswer{{{"dns-corp", "dns", true, {}, "zone corp, serial 17", 5},
                                                 {"cmdb", "http", false, "denied", "403", 7}}});
  check("Notices", api::Notices{{{"ops",
                                  "webhook",
                                  "slack",
                                  "https://hooks.example.com:443",
                                  "/etc/decom/notices.d/ops.toml",
                                  {"start", "finish"},
                                  3,
                                  1,
                                  0,
                                  "2026-01-01T00:00:00.000Z",
                                  "",
                                  {}}}});
  check("NoticesTestBody", api::NoticesTestBody{{"ops"}, 5000});
  check("NoticesTestAnswer", api::NoticesTestAnswer{{{"ops", false, "HTTP 404", 12}}});
  check("Doctor", api::Doctor{{{"store", "ok", "schema 1", ""}}});
  check("Problem", api::Problem{"about:blank", "Conflict", 409, "conflict", "it lives", {{"web01", "in 17.3"}}});
}

TEST_CASE("what people send fits the contract as well") {
  check("LoginBody", api::LoginBody{"alice", "secret"});
  check("TokenBody", api::TokenBody{"nightly", 3600});
  check("PlanBody", api::PlanBody{{"lab:vm-1"}, to_wire(some_options())});
  check("SubmitBody", api::SubmitBody{"p1", "abc"});
  check("CancelBody", api::CancelBody{{"17.3"}});
  check("RetryBody", api::RetryBody{{"17.3"}, true});
  check("ResolveBody", api::ResolveBody{"17.3", "destroy", "done", "seen in vCenter"});
  check("FreezeBody", api::FreezeBody{"incident"});
  const RequestOptions options = some_options();
  CHECK(from_wire(to_wire(options)) == options);
}

TEST_CASE("every type of the contract has a file here") {
  for (const auto& [name, schema] : contract()["components"]["schemas"].items()) {
    // Parts of those above, and the one without keys.
    static const std::set<std::string> parts{
        "Nothing",          "ProblemItem",     "Disk",          "Options",     "Step",          "Decommission",
        "CancelledMachine", "RequestRow",      "Check",         "PlannedStep", "PlannedRecord", "PlannedMachine",
        "TokenRow",         "VmField",         "Event",         "FoundRecord", "Ghost",         "KindOfStep",
        "MachineRecords",   "SystemOfRecords", "SystemRecords", "SystemTest",  "Aftercare",     "NoticeChannel",
        "NoticeTest",       "FailedNotice"};
    CAPTURE(name);
    CHECK((parts.contains(name) || std::filesystem::exists(DECOM_SOURCE_DIR "/tests/golden/api/" + name + ".json")));
  }
}

TEST_CASE("every kind of event") {
  std::set<std::string> promised;
  for (const Json& kind : schema_of("Event")["properties"]["kind"]["enum"]) promised.insert(kind.get<std::string>());
  for (const EventKind kind : all_event_kinds()) {
    Event event{.seq = 5, .at = kMoment, .request = 17, .machine = 3, .kind = kind, .text = "what happened"};
    const std::string name{to_string(kind)};
    if (name.starts_with("step.") || name.starts_with("record.")) event.step = "destroy";
    if (name.starts_with("request.")) event.machine.reset();
    if (kind == EventKind::freeze_changed) event.request = 0, event.machine.reset();
    if (kind == EventKind::step_message) event.level = EventLevel::warning;
    event.data = R"({"state":"succeeded"})";
    check("Event." + name, Json::parse(encode_event(event)), "Event");
    promised.erase(name);
  }
  CHECK(promised.empty());
}

TEST_CASE("an event that a hand broke is still shown") {
  Event event{.seq = 5, .at = kMoment, .request = 17, .machine = 3, .text = "bad \xff\nbyte", .data = "{broken"};
  const std::string line = encode_event(event);
  CHECK(line.find('\n') == std::string::npos);
  const Json seen = Json::parse(line);
  CHECK(seen["data"] == Json::object());
  CHECK(violations(seen, schema_of("Event")).empty());
}
