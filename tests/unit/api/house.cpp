#include "tests/unit/api/house.hpp"

#include <future>

#include <doctest/doctest.h>
#include <stdlib.h>

#include "common/base/text.hpp"
#include "daemon/store/codec.hpp"
#include "tests/unit/api/contract.hpp"

namespace decom::test {

using namespace std::chrono_literals;

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "decom-api-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw Error{ErrorCode::internal, "mkdtemp"};
  path = name;
}
Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

namespace {

std::unique_ptr<Inventory> mirror_of(MemoryVcenter& vcenter, Clock& clock) {
  std::vector<std::unique_ptr<MirrorFeed>> feeds;
  feeds.push_back(vcenter.feed());
  return std::make_unique<Inventory>(std::move(feeds), clock);
}

}  // namespace

House::House(ApiOptions options)
    : auth({.roles = {{Role::viewer, {"Viewers"}},
                      {Role::operator_, {"Operators"}},
                      {Role::approver, {"Approvers"}},
                      {Role::admin, {"Admins"}}}},
           store, &directory, clock),
      inventory(mirror_of(vcenter, clock)),
      admission(
          {}, store, vcenters, *inventory, auth,
          [planner = std::make_shared<const Planner>(Planner::shipped(), registry, true)] { return planner; }, registry,
          clock),
      engine(
          {.workers = 2}, store, World{.vms = &vms, .directory = &directory, .live_bearers = {}, .protected_uuids = {}},
          registry, [](const Claim&, const KindTraits&) {}, clock),
      api(ApiWorld{.store = store,
                   .auth = auth,
                   .admission = admission,
                   .engine = engine,
                   .inventory = *inventory,
                   .book = book,
                   .registry = registry,
                   .vcenters = vcenters,
                   .directory = &directory,
                   .clock = clock},
          options) {
  directory.add_group("Approvers");
  directory.add_person({.sam = "alice", .groups = {"Operators"}});
  directory.add_person({.sam = "bob", .groups = {"Operators"}});
  directory.add_person({.sam = "carol", .groups = {"Viewers"}});
  directory.add_person({.sam = "root", .groups = {"Admins"}});
  directory.add_person({.sam = "stranger"});
  for (int i = 1; i <= 3; ++i) put_machine(i, fmt::format("web{:02}", i));
  inventory->start();
  inventory->wait_until_loaded(20s);
}

House::~House() { inventory->stop(); }

HttpAnswer House::ask_for(const std::string& method, const std::string& target, const std::string& body,
                          const std::string& token, Headers headers) {
  HttpRequest request{.method = method, .path = target.substr(0, target.find('?')), .headers = std::move(headers)};
  request.uid = uid;
  request.body = body;
  if (!token.empty()) request.headers["authorization"] = "Bearer " + token;
  if (const auto mark = target.find('?'); mark != std::string::npos) {
    for (const std::string& pair : split(target.substr(mark + 1), '&'))
      request.query.emplace(pair.substr(0, pair.find('=')), pair.substr(pair.find('=') + 1));
  }
  const std::string path = request.path;
  std::promise<HttpAnswer> promise;
  auto future = promise.get_future();
  api.handle(std::move(request), [&promise](HttpAnswer answer) { promise.set_value(std::move(answer)); });
  if (future.wait_for(20s) != std::future_status::ready) throw Error{ErrorCode::timed_out, "no answer"};
  HttpAnswer answer = future.get();
  if (const auto* response = std::get_if<HttpResponse>(&answer)) {
    const auto wrong = violations_of_answer(method, path, response->status, response->content_type, response->body);
    INFO(method, " ", target, ": ", response->body);
    CHECK(wrong == std::vector<std::string>{});
    if (response->status >= 400) CHECK(violations(Json::parse(response->body), schema_of("Problem")).empty());
  }
  return answer;
}

HttpResponse House::ask(const std::string& method, const std::string& target, const std::string& body,
                        const std::string& token, Headers headers) {
  return std::get<HttpResponse>(ask_for(method, target, body, token, std::move(headers)));
}

Json House::get(const std::string& target, const std::string& token) {
  const HttpResponse response = ask("GET", target, {}, token);
  INFO(target, ": ", response.body);
  REQUIRE(response.status == 200);
  return Json::parse(response.body);
}

std::string House::login(const std::string& sam, const std::string& password) {
  const HttpResponse response = ask("POST", "/v1/login", Json{{"user", sam}, {"password", password}}.dump());
  INFO(response.body);
  REQUIRE(response.status == 200);
  return Json::parse(response.body)["token"];
}

Principal House::principal(const std::string& sam) {
  const Login login = auth.login(sam, Secret("Passw0rd!"), uid);
  return login.principal;
}

Machine some_machine(int number, const std::string& name) {
  Machine machine;
  machine.identity = {.vcenter_uuid = "11111111-0000-4000-8000-000000000001",
                      .moref = fmt::format("vm-{}", number),
                      .instance_uuid = fmt::format("50000000-0000-4000-8000-{:012}", number)};
  machine.name = name;
  machine.vcenter = "lab";
  machine.folder = "Prod/Web";
  machine.datacenter = "DC1";
  machine.cluster = "C1";
  machine.host = "esx1.example.test";
  machine.guest_id = "windows2019srv_64Guest";
  machine.guest_full_name = "Microsoft Windows Server 2019 (64-bit)";
  machine.family = OsFamily::windows;
  machine.guest_host_name = name + ".corp.example.test";
  machine.ip_addresses = {fmt::format("10.0.0.{}", number)};
  machine.power = PowerState::on;
  machine.tools = "running";
  machine.bios_uuid = fmt::format("42000000-0000-4000-8000-{:012}", number);
  machine.annotation = "the note";
  machine.attributes = {{"Owner", "alice"}};
  machine.tags = {"env:prod"};
  machine.cpus = 2;
  machine.memory_mb = 4096;
  machine.disks = {{.label = "Hard disk 1", .capacity_bytes = 1 << 30, .backing = "[ds1] web/web.vmdk"}};
  machine.snapshots = {"before"};
  machine.created = from_millis(1'700'000'000'000);
  return machine;
}

void House::put_machine(int number, const std::string& name) { vcenter.put(some_machine(number, name)); }

PlanOffer House::offer(const std::string& sam, const std::vector<int>& numbers) {
  const Principal who = principal(sam);
  PlanOffer offer{.id = fmt::format("plan-{}-{}", sam, numbers.front()),
                  .hash = {},
                  .created = clock.now(),
                  .expires = clock.now() + 15min,
                  .requester_sid = who.sid,
                  .options = {.reason = "replaced", .ticket = "CHG-1"},
                  .machines = {}};
  const Planner planner(Planner::shipped(), registry, true);
  for (const int number : numbers) {
    const Machine machine = some_machine(number, fmt::format("web{:02}", number));
    offer.machines.push_back({machine, planner.plan_for(machine, offer.options)});
  }
  offer.hash = codec::hash_of(offer.options, offer.machines);
  store.save_plan(offer);
  return offer;
}

std::int64_t House::submit(const std::string& sam, const std::vector<int>& numbers) {
  const PlanOffer made = offer(sam, numbers);
  return store
      .submit({.plan_id = made.id, .plan_hash = made.hash, .idempotency_key = {}, .body_hash = {}}, principal(sam))
      .request;
}

std::string code_of(const HttpResponse& response) {
  return response.content_type == "application/problem+json" ? Json::parse(response.body).value("code", "") : "";
}

}  // namespace decom::test
