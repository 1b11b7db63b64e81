// Search inside the daemon, beside a plain scan of the same texts in the same run.
//
//   bench_search [machines…]      10,000 and 100,000 unless told
//
// Times are processor time of the one thread that searches.
//
// The peer knows what can be known without an index: the folded text of each machine in one buffer, and columns for
// what is no text. It finds the same hits, sorted by name because it is stored so, and unpacks nothing.

#include "daemon/inventory/search.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>
#include <random>

#include <fmt/core.h>
#include <malloc.h>
#include <time.h>

#include "daemon/inventory/match.hpp"

namespace {

using namespace decom;
using namespace decom::inventory;
using Steady = std::chrono::steady_clock;

/// Of this thread alone: what others do on the machine is not in it.
double cpu_milliseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double milliseconds_since(Steady::time_point from) {
  return std::chrono::duration<double, std::milli>(Steady::now() - from).count();
}

std::string random_uuid_of(std::mt19937_64& random) {
  Uuid uuid{};
  for (std::uint8_t& byte : uuid) byte = static_cast<std::uint8_t>(random());
  return to_text(uuid);
}

Machine make_machine(int number, std::mt19937_64& random) {
  static constexpr std::array<std::string_view, 16> kRoles{"web",   "db",    "app",  "cache", "queue", "mail",
                                                           "proxy", "build", "ldap", "dns",   "print", "file",
                                                           "sap",   "etl",   "mon",  "vpn"};
  static constexpr std::array<std::string_view, 5> kSites{"fra", "muc", "ber", "ams", "zrh"};
  static constexpr std::array<std::string_view, 4> kStages{"prod", "test", "dev", "qa"};
  static constexpr std::array<std::string_view, 12> kNotes{"Owned by the platform team",
                                                           "Ticket CHG-",
                                                           "Do not power off before",
                                                           "Migrated from the old cluster",
                                                           "temporary",
                                                           "Backup nightly",
                                                           "see wiki page",
                                                           "Requested by",
                                                           "replaces host",
                                                           "licence bound",
                                                           "audit relevant",
                                                           "Scheduled for removal in"};
  Machine m;
  const auto role = kRoles[random() % kRoles.size()];
  const auto site = kSites[random() % kSites.size()];
  const auto stage = kStages[random() % kStages.size()];
  m.name = fmt::format("{}-{}-{}{:05}", site, stage, role, number);
  if (random() % 3 == 0)
    for (char& c : m.name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  m.vcenter = "lab";
  m.identity = {"11111111-0000-4000-8000-000000000001", fmt::format("vm-{}", 1'000 + number), random_uuid_of(random)};
  m.bios_uuid = random_uuid_of(random);
  m.datacenter = fmt::format("DC-{}", site);
  m.cluster = fmt::format("cl-{}-{:02}", stage, random() % 12);
  m.folder = fmt::format("{}/{}/{}", stage, role, site);
  m.host = fmt::format("esx{:03}.{}.corp.example.test", random() % 400, site);
  m.resource_pool = "Resources";
  const bool windows = random() % 100 < 40;
  m.family = windows ? OsFamily::windows : OsFamily::linux_;
  m.guest_id = windows ? "windows2019srv_64Guest" : "rhel8_64Guest";
  m.guest_full_name = windows ? "Microsoft Windows Server 2019 (64-bit)" : "Red Hat Enterprise Linux 8 (64-bit)";
  m.tools_guest_id = m.guest_id;
  m.power = random() % 10 == 0 ? PowerState::off : PowerState::on;
  if (m.power == PowerState::on) {
    m.tools = "running";
    m.guest_host_name = fmt::format("{}{:05}.{}.corp.example.test", role, number, site);
    m.ip_addresses = {fmt::format("10.{}.{}.{}", 1 + number / 65'536, number / 256 % 256, number % 256),
                      fmt::format("fe80::250:56ff:fe{:02x}:{:x}", random() % 256, random() % 65'536)};
  } else {
    m.tools = "not_running";
  }
  if (random() % 10 < 7)
    m.annotation = fmt::format("{} {} - {} {}", kNotes[random() % kNotes.size()], random() % 100'000,
                               kNotes[random() % kNotes.size()], random() % 1'000);
  m.attributes = {{"Owner", fmt::format("CORP\\user{:03}", random() % 400)},
                  {"Cost Centre", fmt::format("{}", 4'000 + random() % 60)},
                  {"Ticket", fmt::format("CHG-{:06}", random() % 1'000'000)}};
  m.tags = {fmt::format("env:{}", stage), fmt::format("backup:{}", random() % 2 == 0 ? "gold" : "none")};
  m.cpus = static_cast<std::int32_t>(1U << (random() % 5));
  m.memory_mb = std::int64_t{1'024} << (random() % 7);
  m.disks.push_back({.label = "Hard disk 1",
                     .capacity_bytes = 107'374'182'400,
                     .backing = fmt::format("[ds-{:02}] {}/{}.vmdk", random() % 40, m.name, m.name)});
  if (random() % 2 == 0)
    m.disks.push_back({.label = "Hard disk 2",
                       .capacity_bytes = 536'870'912'000,
                       .backing = fmt::format("[ds-{:02}] {}/{}_1.vmdk", random() % 40, m.name, m.name)});
  if (random() % 20 == 0) m.snapshots = {"before patch"};
  m.created = from_millis(1'500'000'000'000 + static_cast<std::int64_t>(random() % 260'000'000) * 1'000);
  m.booted = from_millis(1'740'000'000'000 + static_cast<std::int64_t>(random() % 25'000'000) * 1'000);
  return m;
}

/// The peer: what it takes to look at every machine.
class PlainScan {
 public:
  explicit PlainScan(const Snapshot& snapshot) {
    for (const auto& chunk : snapshot.chunks()) {
      for (std::size_t row = 0; row < chunk->rows(); ++row) {
        at_.push_back(text_.size());
        text_ += chunk->text(row);
        if (chunk->has_instance_uuid(row)) text_ += to_text(chunk->instance_uuid(row)) + '\0';
        if (chunk->has_bios_uuid(row)) text_ += to_text(chunk->bios_uuid(row)) + '\0';
        family_.push_back(chunk->family()[row]);
        power_.push_back(chunk->power()[row]);
      }
    }
    at_.push_back(text_.size());
  }

  std::size_t count(const std::vector<std::string>& words, std::optional<OsFamily> family,
                    std::optional<PowerState> power) const {
    std::size_t hits = 0;
    for (std::size_t i = 0; i + 1 < at_.size(); ++i) {
      if (family && family_[i] != static_cast<std::uint8_t>(*family)) continue;
      if (power && power_[i] != static_cast<std::uint8_t>(*power)) continue;
      bool all = true;
      for (const std::string& word : words)
        all = all && ::memmem(text_.data() + at_[i], at_[i + 1] - at_[i], word.data(), word.size()) != nullptr;
      hits += all ? 1U : 0U;
    }
    return hits;
  }
  std::size_t bytes() const { return text_.size(); }

 private:
  std::string text_;
  std::vector<std::size_t> at_;
  std::vector<std::uint8_t> family_;
  std::vector<std::uint8_t> power_;
};

struct Times {
  double p50;
  double p99;
};

Times measure(const std::function<void()>& once) {
  std::vector<double> times;
  const auto begun = Steady::now();
  while (times.size() < 30 || (milliseconds_since(begun) < 1'500 && times.size() < 1'000)) {
    const double from = cpu_milliseconds();
    once();
    times.push_back(cpu_milliseconds() - from);
  }
  std::ranges::sort(times);
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

struct Case {
  std::string query;
  std::string sort;
  std::vector<std::string> words;  ///< what the peer looks for; none: it has no way to ask that
  std::optional<OsFamily> family{};
  std::optional<PowerState> power{};
};

volatile std::size_t g_sink = 0;

void run(int count) {
  std::mt19937_64 random(42);
  const auto in_use = [] { return ::mallinfo2().uordblks + ::mallinfo2().hblkhd; };
  const std::size_t before = in_use();
  double making = 0;
  const double begun = cpu_milliseconds();
  Load load;
  for (int made = 0; made < count;) {
    const double from = cpu_milliseconds();
    std::vector<Machine> piece;
    for (int i = 0; i < 500 && made < count; ++i) piece.push_back(make_machine(made++, random));
    making += cpu_milliseconds() - from;
    load.add(std::move(piece));
  }
  const double packing = cpu_milliseconds() - begun - making;
  auto snapshot = std::make_shared<const Snapshot>(load.finish());
  const double loading = cpu_milliseconds() - begun - making;
  const std::size_t memory = in_use() - before;
  Chunk::Size size;
  for (const auto& chunk : snapshot->chunks()) {
    size.facts += chunk->size().facts;
    size.search += chunk->size().search;
  }
  const double machines = static_cast<double>(snapshot->machines());
  fmt::print("\n{} machines in {} chunks, packed in {:.0f} ms while they come, sorted and indexed in {:.0f} ms\n",
             snapshot->machines(), snapshot->chunks().size(), packing, loading - packing);
  fmt::print(
      "memory a machine: {:.0f} B on the heap; counted: {:.0f} B facts and their text, {:.0f} B for the search alone\n",
      static_cast<double>(memory) / machines, static_cast<double>(size.facts) / machines,
      static_cast<double>(size.search) / machines);
  const PlainScan plain(*snapshot);
  fmt::print("the peer scans {:.0f} B of text a machine\n\n", static_cast<double>(plain.bytes()) / machines);

  const std::string some_uuid = snapshot->chunks()[snapshot->chunks().size() / 2]->unpack(7).identity.instance_uuid;
  const std::string some_name = snapshot->chunks()[snapshot->chunks().size() / 3]->unpack(3).name;
  const std::vector<Case> cases{
      {some_name, "name", {std::string(snapshot->chunks()[snapshot->chunks().size() / 3]->name(3))}},
      {"web 10.1.2 os:windows", "name", {"web", "10.1.2"}, OsFamily::windows},
      {"web 10.1.2 os:windows power:on", "name", {"web", "10.1.2"}, OsFamily::windows, PowerState::on},
      {"chg-77 mail", "name", {"chg-77", "mail"}},
      {"nosuchmachine", "name", {"nosuchmachine"}},
      {some_uuid, "name", {some_uuid}},
      {"uuid:" + some_uuid, "name", {some_uuid}},
      {"name:fra-prod-web00*", "name", {"fra-prod-web00"}},
      {"ip:10.1.7.0/24", "name", {}},
      {"owner:CORP\\user077 power:off", "name", {}},
      {"attr.ticket:CHG-0001*", "name", {}},
      {"created:<2018-01-01 memory:>32 snapshot:yes", "name", {}},
      {"name:*web*77 -os:windows", "-memory", {}},
      {"qa", "name", {"qa"}},
      {"w", "name", {"w"}},
      {"example", "name", {"example"}},
      {"fra or muc", "name", {}},
      {"os:windows", "name", {}, OsFamily::windows},
      {"", "name", {}},
      {"example", "-memory", {"example"}},
      {"", "created", {}},
  };
  fmt::print("{:<48} {:<8} {:>8} {:>9} {:>9} | {:>9} {:>9} {:>7}\n", "query", "sort", "hits", "p50 ms", "p99 ms",
             "scan p50", "scan p99", "ratio");
  for (const Case& c : cases) {
    Page page;
    const Times ours = measure([&] {
      const Node node = parse_query(c.query, {system_clock().now(), {"lab"}});
      const std::vector sources{snapshot};
      page = find_page(sources, node, parse_sort(c.sort), 100, std::nullopt);
    });
    fmt::print("{:<48} {:<8} {:>7}{} {:>9.3f} {:>9.3f}", c.query, c.sort, page.total,
               page.total_is_at_least ? '+' : ' ', ours.p50, ours.p99);
    if (c.words.empty() && !c.family) {
      fmt::print(" |\n");
      continue;
    }
    std::size_t hits = 0;
    const Times theirs = measure([&] {
      hits = plain.count(c.words, c.family, c.power);
      g_sink = hits;
    });
    fmt::print(" | {:>9.3f} {:>9.3f} {:>6.1f}x{}\n", theirs.p50, theirs.p99, theirs.p50 / ours.p50,
               hits == page.total || page.total_is_at_least ? "" : fmt::format("  (the scan has {} hits)", hits));
  }

  fmt::print("\nlookups, p50 / p99 ms:");
  const auto lookup = [](std::string_view name, const std::function<void()>& once) {
    const Times times = measure(once);
    fmt::print("  {} {:.3f} / {:.3f}", name, times.p50, times.p99);
  };
  lookup("by reference", [&] {
    g_sink = snapshot->find(fmt::format("vm-{}", 1'000 + random() % static_cast<unsigned>(count)))->name.size();
  });
  lookup("by name", [&] { g_sink = snapshot->named(some_name).size(); });

  fmt::print("\nupdates, p50 / p99 ms:");
  for (const std::size_t changes : {std::size_t{1}, std::size_t{10}, std::size_t{100}}) {
    std::vector<Machine> entered;
    lookup(fmt::format("{} machines", changes), [&] {
      entered.clear();
      for (std::size_t i = 0; i < changes; ++i) {
        Machine machine = *snapshot->find(fmt::format("vm-{}", 1'000 + random() % static_cast<unsigned>(count)));
        machine.power = machine.power == PowerState::on ? PowerState::off : PowerState::on;
        entered.push_back(std::move(machine));
      }
      snapshot = std::make_shared<const Snapshot>(snapshot->changed(std::move(entered), {}));
    });
  }
  fmt::print("\n");
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<int> counts;
  for (int i = 1; i < argc; ++i) {
    int count = 0;
    const std::string_view text = argv[i];
    if (std::from_chars(text.data(), text.data() + text.size(), count).ec != std::errc{} || count < 1) {
      fmt::print(stderr, "usage: bench_search [machines…]\n");
      return 2;
    }
    counts.push_back(count);
  }
  if (counts.empty()) counts = {10'000, 100'000};
#ifndef NDEBUG
  fmt::print("NOT OPTIMISED: build the preset `release` for figures that mean something\n");
#endif
  for (const int count : counts) run(count);
}
