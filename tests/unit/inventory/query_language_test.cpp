#include <algorithm>

#include <doctest/doctest.h>

#include "common/base/error.hpp"
#include "daemon/inventory/search.hpp"
#include "tests/unit/inventory/some_machines.hpp"

namespace decom::inventory {
namespace {

const Timestamp kNow = parse_rfc3339("2026-01-01T12:00:00Z");

std::vector<Machine> park() {
  Machine web = full_machine();
  Machine db = machine_named("db-primary", 2);
  db.guest_host_name = "db1.corp.example.test";
  db.ip_addresses = {"10.1.20.3", "fd00::20"};
  db.power = PowerState::off;
  db.family = OsFamily::linux_;
  db.guest_id = "rhel9_64Guest";
  db.guest_full_name = "Red Hat Enterprise Linux 9 (64-bit)";
  db.folder = "Prod";
  db.cluster = "Cluster-B";
  db.cpus = 4;
  db.memory_mb = 65'536;
  db.tags = {"env:test"};
  db.attributes = {{"owner", "bob"}, {"ticket", "CHG-77"}};
  db.created = parse_rfc3339("2025-12-20T10:00:00Z");
  Machine old = machine_named("old web (retired)", 3);
  old.power = PowerState::suspended;
  old.family = OsFamily::ambiguous;
  old.is_template = true;
  old.folder = "Production/Old";
  old.annotation = "say \"hello\", or not";
  old.created = parse_rfc3339("2019-06-01T00:00:00Z");
  old.cpus = 1;
  old.memory_mb = 512;
  return {web, db, old};
}

/// Numbers of the references that a query finds, in order.
std::string hits(std::string_view text, const std::vector<Machine>& machines = park()) {
  const auto snapshot = std::make_shared<const Snapshot>(Snapshot{}.changed(machines, {}));
  const std::vector sources{snapshot};
  const Page page = find_page(sources, parse_query(text, {kNow, {"lab"}}), {{Field::id, {}}}, 100, std::nullopt);
  std::string found;
  for (const Machine& machine : page.machines) found += machine.identity.moref.substr(3);
  return found;
}

}  // namespace

TEST_CASE("what a query finds") {
  struct Row {
    std::string_view query;
    std::string_view found;
  };
  const Row rows[] = {
      {"", "123"},
      {"   ", "123"},
      // words
      {"web", "13"},
      {"WEB01", "1"},
      {"web old", "3"},
      {"10.1.2", "12"},
      {"corp.example", "12"},
      {"chg-1234", "1"},
      {"\"do not\"", "1"},
      {"\"old web\"", "3"},
      {"old\" \"web", "3"},
      {"(retired)", "3"},
      {"\"(retired)\"", "3"},
      {"w", "13"},
      {"we", "13"},
      {"b01", "1"},
      {"MÄRZ", ""},
      {"März", "1"},
      {"42110002", "2"},
      {"4211-0002", "2"},
      {"4211000", ""},
      {"42110001-0000-4000-8000-000000000001", "1"},
      {"110001-0000", "1"},
      {"abcd40008", "1"},
      {"fd00::5", "1"},
      {"fd00::20", "2"},
      {"10.1.0.0/16", "12"},
      {"fd00::/16", "12"},
      {"web*", "1"},
      {"*web*", "13"},
      {"db?.corp*", "2"},
      {"lab:vm-2", "2"},
      {"lab:vm-*", "123"},
      {"\"say \\\"hello\\\"\"", "3"},
      // and, or, not, parentheses
      {"web and 10.1", "1"},
      {"web01 or db", "12"},
      {"web01 OR db-primary old", "1"},
      {"(web01 or db) power:off", "2"},
      {"-web", "2"},
      {"!web", "2"},
      {"not web", "2"},
      {"!!web", "13"},
      {"!(web or db)", ""},
      {"-(web01 or db)", "3"},
      {"web -old", "1"},
      {"\"or\"", "123"},
      {"web01 or (db (power:on or power:off))", "12"},
      // name and host
      {"name:web01", "1"},
      {"name:web", ""},
      {"name:web*", "1"},
      {"name:*web*", "13"},
      {"name:w?b01", "1"},
      {"name:\"w?b01\"", ""},
      {"name:\"old web (retired)\"", "3"},
      {"NAME:Web01,db-primary", "12"},
      {"name:!web01", "23"},
      {"name:!web01,db-primary", "3"},
      {"-name:web01", "23"},
      {"host:web01", "1"},
      {"hostname:web01.corp.example.test", "1"},
      {"host:*.example.test", "12"},
      {"host:\"\"", "3"},
      {"host:*", "12"},
      {"-host:*", "3"},
      // addresses
      {"ip:10.1.2.3", "1"},
      {"ip:10.1.0.0/16", "12"},
      {"ip:10.1.16.0/20", "2"},
      {"ip:10.1.2.0/24,10.1.20.0/24", "12"},
      {"ip:!10.1.2.0/24", "23"},
      {"ip:0.0.0.0/0", "12"},
      {"ip:::/0", "12"},
      {"ip:fd00::/8", "12"},
      {"ip:fd00:0:0:0:0:0:0:20", "2"},
      {"ip:fd00::/127", ""},
      {"ip:fd00::4/127", "1"},
      {"ip:10.1.2*", "12"},
      {"ip:\"\"", "3"},
      // system and power
      {"os:windows", "1"},
      {"os:linux", "2"},
      {"os:windows,linux", "12"},
      {"os:ambiguous", "3"},
      {"os:!windows", "23"},
      {"os:\"server 2019\"", "1"},
      {"os:rhel9", "2"},
      {"family:linux", "2"},
      {"guest:enterprise", "2"},
      {"guest:\"\"", "3"},
      {"power:off", "2"},
      {"power:ON,suspended", "13"},
      {"tools:running", "1"},
      // places
      {"vcenter:lab", "123"},
      {"vcenter:other", ""},
      {"folder:Prod", "12"},
      {"folder:prod/web", "1"},
      {"folder:\"\"", ""},
      {"folder:*/Old", "3"},
      {"cluster:cluster-a", "1"},
      {"cluster:cluster-?", "12"},
      {"datacenter:dc1", "1"},
      {"esx:esx01", "1"},
      {"pool:gold", "1"},
      // tags, attributes, snapshots
      {"tag:prod", "1"},
      {"tag:env:prod", "1"},
      {"tag:env:*", "12"},
      {"tag:\"\"", "3"},
      {"owner:bob", "2"},
      {"owner:CORP\\alice", "1"},
      {"owner:*alice", "1"},
      {"owner:\"\"", "3"},
      {"attr.ticket:chg*", "2"},
      {"attr.ticket:*", "2"},
      {"attr.\"cost centre\":4711", "1"},
      {"\"attr.Cost Centre\":4711", "1"},
      {"attr.empty:*", ""},
      {"attr.ticket:\"\"", "13"},
      {"snapshot:yes", "1"},
      {"snapshot:no", "23"},
      {"snapshot:>2", "1"},
      {"snapshot:3", "1"},
      {"snapshot:before*", "1"},
      {"snapshots:0", "23"},
      // identities
      {"uuid:42110002-0000-4000-8000-000000000002", "2"},
      {"uuid:564d0001", "1"},
      {"uuid:4211*0003", "3"},
      {"moref:vm-3", "3"},
      {"moref:vm-?", "123"},
      {"id:lab:vm-1", "1"},
      // numbers, sizes and dates
      {"cpu:8", "1"},
      {"cpu:>=4", "12"},
      {"cpu:<4", "3"},
      {"cpu:2..6", "2"},
      {"cpu:!8", "23"},
      {"memory:16", "1"},
      {"memory:16GB", "1"},
      {"memory:>16", "2"},
      {"memory:<=512MB", "3"},
      {"memory:0.5", "3"},
      {"ram:16384mb", "1"},
      {"created:<2020-01-01", "3"},
      {"created:2023-01-01", "1"},
      {"created:2023", "1"},
      {"created:>2023", "2"},
      {"created:>=2023", "12"},
      {"created:2019..2023-01", "13"},
      {"created:<30d", "2"},
      {"created:>1y", "13"},
      {"created:2w", "2"},
      {"created:<2023-01-01T00:00:00+01:00", "3"},
      {"booted:*", "1"},
      {"!booted:*", "23"},
      // yes and no, prose
      {"template:yes", "3"},
      {"template:no", "12"},
      {"managed:yes", "1"},
      {"managed:no", "23"},
      {"managed:com.example.*", "1"},
      {"annotation:delete", "1"},
      {"note:\"\"", "2"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.query);
    CHECK(hits(row.query) == row.found);
  }
}

TEST_CASE("a mistake is placed, and says what would do") {
  struct Row {
    std::string_view query;
    std::string_view where;
    std::string_view what;
  };
  const Row rows[] = {
      {"nme:web", "0:3", "there is no field 'nme'; nearest: name"},
      {"web colour:red", "4:6", "there is no field 'colour'"},
      {"web \"open", "4:5", "this quote is not closed"},
      {"(web or db", "0:1", "this ( is not closed"},
      {"web)", "3:1", "this ) has no ( before it"},
      {"web ()", "4:2", "nothing is in these parentheses"},
      {"web or", "4:2", "nothing follows or"},
      {"or web", "0:2", "nothing stands before this"},
      {"web or or db", "7:2", "nothing stands before this"},
      {"not", "0:3", "nothing follows not"},
      {"web !", "4:1", "nothing follows the negation"},
      {"name:", "0:5", "name lacks a value"},
      {"name:a,,b", "0:9", "name lacks a value"},
      {"power:up", "6:2", "power wants on, off, suspended or unknown, not 'up'"},
      {"cpu:many", "4:4", "cpu wants a number"},
      {"cpu:>", "4:1", "cpu wants a value behind the comparison"},
      {"memory:4 memory:>lots", "16:5", "memory wants a size"},
      {"created:<soon", "8:5", "created wants a date or an age"},
      {"created:2024-13-01", "8:10", "created wants a date or an age"},
      {"ip:10.1.2", "3:6", "ip wants an address"},
      {"ip:10.1.0.0/33", "3:11", "ip wants an address"},
      {"name:>5", "5:2", "name wants a text"},
      {"template:maybe", "9:5", "template wants yes or no"},
      {"uuid:xyz", "5:3", "uuid wants a UUID"},
      {"\"\"", "0:2", "these quotes are empty"},
      {"a\tb\x01", "3:1", "a control character"},
      {"\xff", "0:1", "the query is not UTF-8"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.query);
    try {
      (void)parse_query(row.query, {kNow, {"lab"}});
      FAIL_CHECK("was accepted");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::usage);
      REQUIRE(error.findings().size() == 1);
      CHECK(error.findings()[0].where == row.where);
      CHECK(error.findings()[0].what.substr(0, row.what.size()) == row.what);
    }
  }
}

TEST_CASE("a query is limited in length, depth and number of terms") {
  const ParseContext context{kNow, {}};
  CHECK_THROWS_AS((void)parse_query(std::string(kLongestQuery + 1, 'a'), context), Error);
  CHECK_THROWS_AS(
      (void)parse_query(std::string(kDeepestQuery + 1, '(') + "a" + std::string(kDeepestQuery + 1, ')'), context),
      Error);
  CHECK_NOTHROW((void)parse_query(std::string(kDeepestQuery, '(') + "a" + std::string(kDeepestQuery, ')'), context));
  CHECK_THROWS_AS((void)parse_query(std::string(1000, '!') + "a", context), Error);
  std::string words;
  for (std::size_t i = 0; i <= kMostTerms; ++i) words += "a ";
  CHECK_THROWS_AS((void)parse_query(words, context), Error);
}

TEST_CASE("every field is described, found by its names, and can be sorted by") {
  for (const FieldInfo& field : all_fields()) {
    CAPTURE(field.name);
    CHECK_FALSE(field.help.empty());
    const std::string name = field.field == Field::attr ? "attr.ticket" : std::string(field.name);
    REQUIRE(field_named(name));
    CHECK(field_named(name)->field == field.field);
    const auto snapshot = std::make_shared<const Snapshot>(Snapshot{}.changed(park(), {}));
    const std::vector sources{snapshot};
    CHECK(find_page(sources, Node{}, parse_sort("-" + name), 10, std::nullopt).machines.size() == 3);
  }
}

}  // namespace decom::inventory
