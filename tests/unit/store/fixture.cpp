#include "tests/unit/store/fixture.hpp"

#include <cstdlib>
#include <stdexcept>

#include <fmt/core.h>
#include <sqlite3.h>
#include <unistd.h>

#include "common/base/crypto.hpp"
#include "daemon/store/codec.hpp"

namespace decom::test {

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "decom-store-XXXXXX").native();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder");
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Principal person(const std::string& sam) {
  return {.sid = "S-1-5-21-1-2-3-" + std::to_string(sam.size()) + sam,
          .sam = sam,
          .upn = sam + "@corp.example.test",
          .domain = "CORP",
          .uid = 1000,
          .roles = {Role::operator_},
          .session = "session"};
}

Machine machine(int number) {
  return {.identity = {.vcenter_uuid = "vc-1",
                       .moref = fmt::format("vm-{}", number),
                       .instance_uuid = fmt::format("5000-{}", number)},
          .name = fmt::format("web{:02}", number),
          .vcenter = "lab",
          .guest_id = "rhel8_64Guest",
          .family = OsFamily::linux_,
          .guest_host_name = fmt::format("web{:02}.corp.example.test", number),
          .ip_addresses = {fmt::format("10.1.2.{}", number)},
          .power = PowerState::on,
          .attributes = {{"owner", "ops"}}};
}

Plan plan() {
  return {.name = "linux",
          .format = 1,
          .steps = {{.name = "power_off", .kind = "vsphere.power_off"},
                    {.name = "destroy", .kind = "vsphere.destroy", .irreversible = true},
                    {.name = "dns", .kind = "dns", .on_failure = OnFailure::warn}}};
}

std::unique_ptr<Store> StoreFixture::open() {
  return std::make_unique<Store>(StoreOptions{.state_dir = dir.path() / "state", .vfs = vfs, .aftercare = rules},
                                 clock);
}

void StoreFixture::reopen() {
  store.reset();
  store = open();
}

namespace {

struct Handle {
  explicit Handle(const std::filesystem::path& file) {
    if (sqlite3_open(file.c_str(), &db) != SQLITE_OK) throw std::runtime_error("cannot open the database by hand");
  }
  ~Handle() { sqlite3_close(db); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  sqlite3* db = nullptr;
};

}  // namespace

void StoreFixture::by_hand(const std::string& statements) {
  store.reset();
  const Handle handle(dir.path() / "state" / "decomd.db");
  char* message = nullptr;
  if (sqlite3_exec(handle.db, statements.c_str(), nullptr, nullptr, &message) != SQLITE_OK)
    throw std::runtime_error(message);
}

std::string StoreFixture::value_by_hand(const std::string& query) {
  store.reset();
  const Handle handle(dir.path() / "state" / "decomd.db");
  std::string value;
  sqlite3_exec(
      handle.db, query.c_str(),
      [](void* into, int count, char** columns, char** /*names*/) {
        if (count > 0 && columns[0] != nullptr) *static_cast<std::string*>(into) = columns[0];
        return 0;
      },
      &value, nullptr);
  return value;
}

PlanOffer StoreFixture::offer(const std::vector<int>& machines, RequestOptions options) {
  PlanOffer offer{.id = random_uuid(),
                  .hash = "",
                  .created = clock.now(),
                  .expires = clock.now() + std::chrono::minutes{15},
                  .requester_sid = alice.sid,
                  .options = std::move(options),
                  .machines = {}};
  for (const int number : machines) offer.machines.push_back({.machine = machine(number), .plan = plan()});
  for (PlannedMachine& planned : offer.machines)
    for (PlanStep& step : planned.plan.steps)
      for (const std::string& skip : offer.options.skip)
        if (step.name == skip) {
          step.skipped = true;
          step.why = "left out by --skip";
        }
  offer.hash = codec::hash_of(offer.options, offer.machines);
  store->save_plan(offer);
  return offer;
}

std::int64_t StoreFixture::submit(const std::vector<int>& machines, RequestOptions options) {
  const PlanOffer shown = offer(machines, std::move(options));
  return store->submit({.plan_id = shown.id, .plan_hash = shown.hash, .idempotency_key = "", .body_hash = ""}, alice)
      .request;
}

Claim StoreFixture::claim() {
  auto found = store->claim_next(8);
  if (!found) throw std::runtime_error("nothing to claim");
  return *std::move(found);
}

void StoreFixture::pass(const Claim& claim, std::size_t index, StepState state) {
  const auto attempt = store->begin_attempt(claim.decommission.steps.at(index).id);
  store->finish_attempt(attempt, {.state = state, .text = "as the test says"});
}

std::vector<std::string> StoreFixture::events_of(std::int64_t request) {
  std::vector<std::string> lines;
  for (const Event& event : store->events({.since = 0, .request = request}))
    lines.push_back(fmt::format("{} {}", to_string(event.kind), event.text));
  return lines;
}

}  // namespace decom::test
