#include "cli/render/aftercare.hpp"
#include "cli/render/events.hpp"
#include "cli/render/machines.hpp"
#include "cli/render/output.hpp"
#include "cli/render/people.hpp"
#include "cli/render/plan.hpp"
#include "cli/render/problem.hpp"
#include "cli/render/progress.hpp"
#include "cli/render/records.hpp"
#include "cli/render/requests.hpp"
#include "common/base/text.hpp"
#include "tests/unit/cli_render/golden.hpp"

using namespace decom;
using namespace decom::cli;

namespace {

constexpr std::string_view kHostile = "evil\x1b[31m\x9b\n\xe2\x80\xae\tx";
const Style kPipe{};
const Style kTerminal{.color = true, .unicode = true, .width = 100, .height = 30};
const Timestamp kNow = parse_rfc3339("2026-03-01T08:16:30Z");

api::Machine machine(int number) {
  api::Machine one;
  one.id = fmt::format("lab:vm-{}", number);
  one.name = fmt::format("web-{:02}", number);
  one.vcenter = "lab";
  one.instance_uuid = "5000-1";
  one.power = number % 2 == 0 ? "off" : "on";
  one.family = "linux";
  one.guest_full_name = "Debian GNU/Linux 12 (64-bit)";
  one.host_name = one.name + ".corp.example.test";
  one.ip_addresses = {fmt::format("10.1.2.{}", number), "fd00::1"};
  one.folder = "prod/web";
  one.owner = "alice";
  one.cpus = 2;
  one.memory_mb = 4096;
  one.disks = {{"Hard disk 1", std::int64_t{20} << 30, "[ds1] web/web.vmdk"}};
  one.snapshots = {"before upgrade"};
  one.tags = {"env:prod"};
  one.attributes = {{"owner", "alice"}};
  one.annotation = "first line\nsecond line";
  one.created = "2024-05-06T07:08:09.000Z";
  return one;
}

api::Machine hostile() {
  api::Machine one = machine(66);
  for (std::string* text : {&one.name, &one.annotation, &one.host_name, &one.folder, &one.owner, &one.guest_full_name})
    *text = kHostile;
  one.ip_addresses = {std::string(kHostile)};
  one.tags = {"=1+1", std::string(kHostile)};
  return one;
}

api::Step step(std::string name, std::string state, std::string message = {}) {
  return {.name = name,
          .kind = "vsphere." + name,
          .irreversible = name == "destroy",
          .state = std::move(state),
          .message = std::move(message),
          .attempts = 1,
          .not_before = {},
          .started = "2026-03-01T08:15:10.000Z",
          .finished = {}};
}

api::Request request() {
  api::Request one;
  one.id = 17;
  one.created = "2026-03-01T08:15:00.000Z";
  one.requester = "CORP\\alice";
  one.state = "running";
  one.options.reason = "attic cleanup";
  one.options.ticket = "CHG-1";
  one.last_event = 40;
  const auto add = [&](int ordinal, std::string state, std::string reason, std::vector<api::Step> steps) {
    api::Decommission decommission;
    decommission.id = fmt::format("17.{}", ordinal);
    decommission.ordinal = ordinal;
    decommission.machine = machine(ordinal);
    decommission.plan = "linux";
    decommission.state = std::move(state);
    decommission.reason = std::move(reason);
    decommission.started = "2026-03-01T08:15:10.000Z";
    decommission.steps = std::move(steps);
    one.machines.push_back(decommission);
  };
  add(1, "running", "",
      {step("power_off", "succeeded"), step("destroy", "running", "runs as task-77"), step("ad", "pending")});
  add(2, "succeeded", "",
      {step("power_off", "already"), step("destroy", "succeeded"), step("ad", "warned", "no account")});
  one.machines.back().finished = "2026-03-01T08:15:40.000Z";
  one.machines.back().warnings = 1;
  add(3, "needs_attention", "the outcome of destroy is not known",
      {step("power_off", "succeeded"), step("destroy", "unknown", "no answer, and no such task"),
       step("ad", "pending")});
  add(4, "holding", "decomd waits for ad",
      {step("power_off", "succeeded"), step("destroy", "succeeded"), step("ad", "deferred")});
  one.machines.back().not_before = "2026-03-01T09:00:00.000Z";
  return one;
}

api::Event event(std::int64_t seq, std::string kind, std::string text, Json data = Json::object(),
                 std::string level = "info") {
  return {.seq = seq,
          .at = "2026-03-01T08:15:20.000Z",
          .request = 17,
          .decommission = "17.1",
          .step = "destroy",
          .kind = std::move(kind),
          .level = std::move(level),
          .text = std::move(text),
          .data = std::move(data)};
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

void check_no_control(const std::string& text) {
  for (const char c : text) CHECK((static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\r'));
  CHECK(text.find("\xc2\x9b") == std::string::npos);
  CHECK(text.find("\xe2\x80\xae") == std::string::npos);
}

}  // namespace

TEST_CASE("machines look as they always did") {
  const std::vector<api::Machine> machines{machine(1), machine(2), hostile()};
  check_golden("search.table", machine_table(machines, false, kPipe));
  check_golden("search.wide", machine_table(machines, true, kPipe));
  check_golden("search.terminal",
               machine_table(machines, false, {.color = true, .unicode = true, .width = 60, .height = 20}));
  check_golden("show.machine", machine_story(machine(1), kPipe));
  api::Mirror away{.vcenter = "lab",
                   .loaded = true,
                   .connected = false,
                   .machines = 3,
                   .as_of = {},
                   .age_ms = 95'000,
                   .trouble = "connection refused"};
  api::Mirror unread{
      .vcenter = "other", .loaded = false, .connected = false, .machines = 0, .as_of = {}, .age_ms = {}, .trouble = {}};
  api::Mirror fine{
      .vcenter = "third", .loaded = true, .connected = true, .machines = 9, .as_of = {}, .age_ms = 4, .trouble = {}};
  check_golden("search.mirrors", mirror_warnings({away, unread, fine}, kPipe));
}

TEST_CASE("rows for programs") {
  const Json items = std::vector<api::Machine>{machine(1), hostile()};
  check_golden("search.csv", as_csv(machine_fields(), items));
  CHECK(as_lines("name", Json::array({{{"name", "a\nlab:vm-9"}}, {{"name", "b"}}})) == "a\\x0alab:vm-9\nb\n");
  CHECK(as_template("{{name}}\\t{{ .ip_addresses.0 }} {{attributes.none}}", Json::array({items[0]})) ==
        "web-01\t10.1.2.1 \n");
  CHECK_THROWS_WITH_AS(as_template("{{nmae}}", Json::array({{{"name", 1}}})),
                       "--format: there is no 'nmae'; there are: name", Error);
  CHECK(as_ndjson(items, true).find('\x1b') == std::string::npos);
  CHECK(Json::parse(as_json(items, true))[1]["name"] == Json::parse(as_json(items, false))[1]["name"]);
}

TEST_CASE("what was looked for again after the end is told in one line") {
  api::Request one = request();
  std::vector<api::Step>& steps = one.machines[1].steps;
  CHECK(looked_again(one.machines[1]).empty());
  const auto look = [](std::string after, std::string state, int attempts, int found) {
    return api::Aftercare{.kind = "look",
                          .after = std::move(after),
                          .due = "not yet",
                          .state = std::move(state),
                          .attempts = attempts,
                          .found = found,
                          .said = ""};
  };
  steps[1].aftercare = {look("1h", "waiting", 0, 0)};
  CHECK(request_story(one, kNow, kPipe).find("looks again") != std::string::npos);
  CHECK(request_story(one, kNow, kPipe).find("looked again") == std::string::npos);
  steps[1].aftercare = {look("1h", "done", 1, 0), look("1d", "done", 1, 2), look("7d", "waiting", 0, 0)};
  steps[2].aftercare = {look("1h", "done", 1, 0), look("1d", "waiting", 3, 0), look("7d", "waiting", 0, 0)};
  CHECK(looked_again(one.machines[1]) ==
        "1h nothing came back, 1d 2 records came back (destroy); ad could not be asked yet, 7d on not yet");
  CHECK(request_summary(one, kNow, kPipe).find("17.2 looked again: 1h nothing") != std::string::npos);
  CHECK(request_story(one, kNow, kPipe).find("looked again") != std::string::npos);
  steps[0].aftercare = {{.kind = "lift", .after = "0ms", .due = "", .state = "done", .attempts = 1, .said = "gone"}};
  CHECK(lifted(one.machines[1]) == "power_off: gone");
}

TEST_CASE("requests look as they always did") {
  check_golden("status.request", request_story(request(), kNow, kPipe));
  check_golden("status.machine", machine_of_request_story(request(), request().machines[2], kNow, kPipe));
  check_golden("status.live", request_summary(request(), kNow, kPipe));
  check_golden("cancel.report", cancel_report(request(), {"17.1", "17.2", "17.3"}, kPipe));
  api::RequestRow row{.id = 17,
                      .created = "2026-03-01T08:15:00.000Z",
                      .finished = {},
                      .requester = "CORP\\alice",
                      .reason = "attic cleanup",
                      .ticket = "CHG-1",
                      .state = "running",
                      .machines = 7,
                      .counts = {{"running", 2}, {"succeeded", 5}},
                      .warnings = 1,
                      .names = {"web-01", "web-02"}};
  check_golden("list.table", request_table({row}, false, kNow, kPipe));
  check_golden("list.wide", request_table({row}, true, kNow, kPipe));
}

TEST_CASE("a plan says what will die") {
  api::Plan plan;
  plan.options.reason = "attic cleanup";
  plan.options.not_before = "2026-03-02T05:00:00Z";
  const api::PlannedStep off{"power_off", "vsphere.power_off", false, false, "every plan",
                             "needed",    "it is on",          "",    {}};
  const api::PlannedStep destroy{"destroy", "vsphere.destroy", true, false, "every plan",
                                 "needed",  "2 disks, 40 GiB", "",   {}};
  const api::PlannedStep ad{"ad", "ad.computer", false, true, "left out by --skip", {}, {}, "", {}};
  const api::PlannedStep dns{"dns",
                             "dns",
                             true,
                             false,
                             "every plan",
                             "needed",
                             "remove A web-01 10.1.2.1 from dns-corp",
                             "dns-corp",
                             {{"1", "A web-01 10.1.2.1", {"name web-01", "address 10.1.2.1"}, {}},
                              {"2", "PTR 1.2.1.10 \x1b[31mweb-01", {"address 10.1.2.1"}, "one fact only"}}};
  plan.machines = {{machine(1), "linux", {off, destroy, ad, dns}}, {hostile(), "linux", {off}}};
  check_golden("plan.dry_run", render_plan(plan, kPipe));
  for (auto& planned : plan.machines)
    for (auto& one : planned.steps) one.observation.reset();
  check_golden("plan.question", render_plan(plan, kTerminal) + question_of(plan) + "\n");
}

TEST_CASE("a plan says what is disabled or moved, and not that it is removed") {
  const std::string account = "WEB01$ (CN=WEB01,OU=Servers,DC=corp)";
  const api::PlannedStep ad{"ad",
                            "ad.computer",
                            true,
                            false,
                            "every plan",
                            {},
                            {},
                            "",
                            {{"1", account, {"the VM is called web01"}, {}, "disable"},
                             {"1#place", account + " to OU=Retired,DC=corp", {"the VM is called web01"}, {}, "move"},
                             {"2", "WEB02$ (CN=WEB02,OU=Servers,DC=corp)", {}, "it is disabled already", "disable"}}};
  api::Plan plan;
  plan.machines = {{machine(1), "linux", {ad}}};
  check_golden("plan.retired", render_plan(plan, kPipe));
  api::RecordsAnswer answer;
  answer.items = {{"lab:vm-1",
                   "web-01",
                   {},
                   {{"ad",
                     "ad.computer",
                     "found",
                     {{"1", account, "proven", {}, {}, "", "disable", ""},
                      {"2", account, "forbidden", {}, {}, "critical", "move", ""},
                      {"3", account, "proven", {}, {}, "", "disable", "is disabled"}},
                     {},
                     "",
                     5}}}};
  check_golden("records.retired", record_table(record_rows(answer), false, kPipe));
}

TEST_CASE("an error in a query is shown in its place") {
  const Error error{ErrorCode::usage, "there is no field 'oss'; did you mean os:?", {{"4:3", "no such field"}}};
  check_golden("error.query", render_error(error, "web oss:linux", kPipe));
  check_golden("error.findings", render_error({ErrorCode::ambiguous,
                                               "2 machines are named 'web'",
                                               {{"lab:vm-1", "prod"}, {"", std::string(kHostile)}}},
                                              {}, kPipe));
  CHECK(render_error({ErrorCode::usage, "x", {{"99:1", "beyond"}}}, "web", kPipe).find('^') == std::string::npos);
}

TEST_CASE("people and checks look as they always did") {
  check_golden("whoami", render_whoami({"CORP\\alice",
                                        "alice@corp.example.test",
                                        "S-1-5-21-1",
                                        {"viewer", "operator"},
                                        "2026-03-01T16:15:00Z",
                                        1000},
                                       kPipe));
  check_golden("doctor", render_checks({{"socket", "ok", "/run/decomd/decomd.sock", ""},
                                        {"vcenter lab: rights", "error", "no right to delete", "grant it\nand again"}},
                                       kPipe));
  check_golden("freeze", render_freeze({true, "CORP\\alice", "storage incident", "2026-03-01T08:15:00Z"}, kPipe) +
                             render_freeze({}, kPipe));
}

TEST_CASE("nothing from outside moves a cursor") {
  const std::vector<api::Machine> machines{hostile()};
  api::Request bad = request();
  bad.requester = bad.options.reason = kHostile;
  bad.machines[0].machine = hostile();
  bad.machines[0].reason = bad.machines[0].steps[1].message = kHostile;
  Progress progress;
  progress.load(bad);
  progress.apply(event(50, "step.message", std::string(kHostile), {}, "warning"));
  api::Plan plan;
  plan.machines = {
      {hostile(), std::string(kHostile), {{std::string(kHostile), "x", true, false, std::string(kHostile), {}, {}}}}};
  for (const std::string& text :
       {machine_table(machines, false, kPipe), machine_table(machines, true, kPipe), machine_story(hostile(), kPipe),
        as_csv(machine_fields(), machines), as_lines("name", machines),
        as_template("{{name}} {{annotation}}", machines), request_story(bad, kNow, kPipe),
        request_summary(bad, kNow, kPipe), cancel_report(bad, {}, kPipe),
        event_line(event(1, "step.message", std::string(kHostile)), kPipe), render_plan(plan, kPipe), question_of(plan),
        render_error({ErrorCode::conflict, std::string(kHostile), {{std::string(kHostile), std::string(kHostile)}}}, {},
                     kPipe),
        mirror_warnings({{.vcenter = std::string(kHostile), .loaded = false, .trouble = std::string(kHostile)}}, kPipe),
        render_checks({{std::string(kHostile), "error", std::string(kHostile), std::string(kHostile)}}, kPipe),
        joined(progress_lines(progress, kNow, {.color = false, .unicode = true, .width = 80, .height = 24}, 20))})
    check_no_control(text);
}

TEST_CASE("the picture of a watch at several widths, and never wider") {
  Progress progress;
  progress.load(request());
  CHECK_FALSE(progress.apply(
      event(41, "step.progress", "web-01: destroy 43%: deleting", {{"percent", 43}, {"what", "deleting"}})));
  CHECK_FALSE(
      progress.apply(event(42, "step.message", "web-01: destroy the disk is large", {{"name", "web-01"}}, "warning")));
  for (const std::size_t width : {30, 60, 80, 120}) {
    const Style style{.color = false, .unicode = width != 60, .width = width, .height = 20};
    const auto lines = progress_lines(progress, kNow, style, 19);
    for (const std::string& line : lines) CHECK(display_width(line) <= width);
    check_golden(fmt::format("watch.{}", width), joined(lines));
  }
  check_golden("watch.short",
               joined(progress_lines(progress, kNow, {.color = false, .unicode = true, .width = 80, .height = 4}, 3)));
}

TEST_CASE("events move the picture, and old ones do not") {
  Progress progress;
  progress.load(request());
  const auto destroy = [&] { return progress.requests().at(17).machines[0].now.steps[1]; };
  CHECK_FALSE(progress.apply(event(40, "step.finished", "old", {{"state", "failed"}})));
  CHECK(destroy().state == "running");
  CHECK_FALSE(progress.apply(
      event(41, "step.finished", "web-01: destroy succeeded: gone", {{"state", "succeeded"}, {"text", "gone"}})));
  CHECK(destroy().state == "succeeded");
  CHECK(destroy().message == "gone");
  CHECK(progress.apply(event(42, "decommission.finished", "done", {{"state", "succeeded"}})));
  CHECK_FALSE(progress.is_settled());
}

TEST_CASE("one event is one line") {
  check_golden("events",
               event_line(event(1, "step.handle", "web-01: destroy runs as task-77"), kPipe) + "\n" +
                   event_line(event(2, "step.finished", "web-01: destroy failed: no", {{"state", "failed"}}, "error"),
                              kTerminal) +
                   "\n");
}

TEST_CASE("the exit code of a request is that of its worst machine") {
  CHECK(exit_code_of({"succeeded", "succeeded"}) == 0);
  CHECK(exit_code_of({"succeeded", "cancelled"}) == 6);
  CHECK(exit_code_of({"failed", "failed"}) == 1);
  CHECK(exit_code_of({"succeeded", "failed", "cancelled"}) == 7);
  CHECK(exit_code_of({"succeeded", "failed", "needs_attention"}) == 8);
}

TEST_CASE("records of machines, system by system, with what is not theirs and what could not be read") {
  api::RecordsAnswer answer;
  answer.items.push_back(
      {"lab:vm-1",
       "web-01",
       {},
       {{"dns-corp",
         "dns",
         "found",
         {{"A web-01 10.1.2.1", "web-01 A 10.1.2.1", "proven", {"name web-01", "address 10.1.2.1"}, {}, {}},
          {"PTR 10.1.2.1", "10.1.2.1 PTR old", "foreign", {"address 10.1.2.1"}, {"its name is old"}, {}}},
         {},
         "",
         12},
        {"cmdb", "http", "unread", {}, "unreachable", "cannot connect to cmdb: refused", 3}}});
  answer.items.push_back({{},
                          std::string(kHostile),
                          {},
                          {{"dns-corp", "dns", "none", {}, {}, "", 9},
                           {"cmdb",
                            "http",
                            "found",
                            {{"7", std::string(kHostile), "forbidden", {"a", "b"}, {}, "it is ours"}},
                            {},
                            "",
                            9}}});
  const Json rows = record_rows(answer);
  check_golden("records.table", record_table(rows, false, kTerminal));
  check_golden("records.wide", record_table(rows, true, kPipe));
  check_golden("records.csv", as_csv(record_fields(), rows));
}

TEST_CASE("kinds and systems, and how systems answered") {
  api::Steps steps{{{"vsphere.destroy", "deletes the VM", true, false}, {"dns", "names", true, true}}, {}};
  check_golden("steps.none", render_steps(steps, kPipe));
  steps.systems.push_back({"dns-corp",
                           "dns",
                           "names of corp",
                           "/etc/decom/records.d/dns-corp.toml",
                           30'000,
                           {"destroy"},
                           "stop",
                           std::string(kHostile)});
  check_golden("steps", render_steps(steps, kTerminal));
  check_golden("steps.test", render_tests({{"dns-corp", "dns", true, {}, "zone corp, serial 17", 5},
                                           {"cmdb", "http", false, "denied", std::string(kHostile), 7'000}},
                                          kPipe));
}
