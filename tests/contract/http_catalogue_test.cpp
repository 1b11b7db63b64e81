#include <algorithm>
#include <fstream>
#include <functional>
#include <future>
#include <memory>

#include <doctest/doctest.h>

#include "tests/support/recipe.hpp"
#include "tests/support/record_server.hpp"

using namespace decom;
using namespace std::chrono_literals;

namespace {

const std::string kUuid = "42110000-1111-2222-3333-444455556666";

RecordServer& server() {
  static RecordServer made("../catalogue/catalogue_server.py");
  return made;
}

/// For each system, what its recipe is to say and to send.
const nlohmann::json& expected() {
  static const nlohmann::json table = [] {
    std::ifstream file(std::string{DECOM_SOURCE_DIR} + "/tests/catalogue/expected.json");
    return nlohmann::json::parse(file);
  }();
  return table;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

/// What stands behind scheme and host.
std::string path_of(const std::string& url) {
  const std::size_t slash = url.find('/', url.find("//") + 2);
  return slash == std::string::npos ? std::string{} : url.substr(slash);
}

/// One system, asked by its recipe as it is shipped; only where it is, whom it trusts and who asks differ.
struct Site {
  explicit Site(const std::string& vendor, const std::string& account = "full", const nlohmann::json& more = {})
      : name(vendor) {
    account_is(account);
    nlohmann::json recipe = shipped_recipe(vendor + ".toml");
    const std::string base = server().text("url") + "/" + vendor;
    recipe["url"] = base + path_of(recipe["url"]);
    if (recipe["credential"].contains("token_url"))
      recipe["credential"]["token_url"] = base + path_of(recipe["credential"]["token_url"]);
    recipe["ca_file"] = server().text("ca");
    recipe["rate"] = 1000;
    recipe.merge_patch(expected().at(vendor).value("patch", nlohmann::json::object()));
    if (!more.is_null()) recipe.merge_patch(more);
    system = http_system(recipe, secrets.path());
  }

  void account_is(const std::string& account) const {
    const auto& secret = expected().at(name).at("secret");
    secrets.write(secret[0], replaced(secret[1], "SECRET", account + "-secret"));
  }
  [[nodiscard]] std::string tell(const std::string& verb, const std::string& rest = {}) const {
    return server().tell(verb + " " + name + (rest.empty() ? "" : " " + rest));
  }
  [[nodiscard]] std::vector<Record> find(const Machine& machine) const { return system->find(machine, within(20s)); }

  std::string name;
  SecretFolder secrets;
  std::unique_ptr<RecordSystem> system;
};

Machine web01() {
  Machine machine;
  machine.name = "web01";
  machine.power = PowerState::on;
  machine.guest_host_name = "web01.example.test";
  machine.ip_addresses = {"10.2.0.1", "2001:db8::1"};
  machine.bios_uuid = kUuid;
  machine.identity.vcenter_uuid = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
  machine.identity.moref = "vm-10201";  // as the service makes it of the address
  return machine;
}

/// As `expected` has it: the code's name, and what the text says; the secrets are in none.
template <typename Call>
void check_fails(const nlohmann::json& wanted, Call call) {
  try {
    call();
    FAIL_CHECK("it did not throw");
  } catch (const Error& e) {
    const std::string text = e.what();
    INFO(text);
    CHECK(to_string(e.code()) == wanted[0].get<std::string>());
    CHECK(text.find(wanted[1].get<std::string>()) != std::string::npos);
    CHECK(text.find("-secret") == std::string::npos);
  }
}

/// Runs `body` with each system, as on its first day, and the machine's record with its neighbour in it.
template <typename Body>
void with_each(Body body) {
  for (const auto& entry : expected().items()) {
    const std::string& name = entry.key();
    CAPTURE(name);
    server().tell("fresh " + name);
    const std::string neighbour =
        server().tell("make " + name + " web010 10.2.0.10 42110000-1111-2222-3333-444455550010");
    const std::string there = server().tell("state " + name + " " + neighbour);
    body(name, entry.value());
    CHECK(server().tell("state " + name + " " + neighbour) == there);
  }
}

/// The machine's own record; its id.
std::string make_ours(const std::string& name) { return server().tell("make " + name + " web01 10.2.0.1 " + kUuid); }

void remove_and_prove(const Site& site, const std::string& id, const nlohmann::json& wanted) {
  const auto found = site.find(web01());
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == id);
  CHECK(found[0].is_proven());
  CHECK(found[0].forbidden.empty());
  CHECK(found[0].done.empty());
  CHECK(site.tell("changes") == "[]");

  CHECK(site.system->remove(web01(), found[0], within(20s)) == wanted.at("said").get<std::string>());
  std::vector<std::string> sent;
  for (const std::string change : wanted.at("changes")) sent.push_back(replaced(change, "ID", id));
  CHECK(nlohmann::json::parse(site.tell("changes")).get<std::vector<std::string>>() == sent);
  CHECK(site.tell("state", id) == wanted.at("left").get<std::string>());

  const auto after = site.system->read(web01(), id, within(20s));
  CHECK(after.has_value() == (wanted.at("done") != ""));
  if (after) CHECK(after->done == wanted.at("done").get<std::string>());
  CHECK(site.find(web01()).size() == (after ? 1 : 0));
}

}  // namespace

TEST_CASE("catalogue: every recipe that has no real server here has its answers") {
  std::vector<std::string> names;
  for (const auto& entry : expected().items()) names.push_back(entry.key());
  CHECK(server().facts()["vendors"].get<std::vector<std::string>>() == names);
}

TEST_CASE("catalogue: the machine's record is found, removed by exactly the documented calls, and proven so") {
  with_each([](const std::string& name, const nlohmann::json& wanted) {
    const std::string id = make_ours(name);
    const Site site(name);
    const auto found = site.find(web01());
    REQUIRE(found.size() == 1);
    CHECK(found[0].what == wanted.at("what").get<std::string>());
    CHECK(site.system->read(web01(), id, within(20s)) == found[0]);
    remove_and_prove(site, id, wanted);
  });
}

TEST_CASE("catalogue: a virtual machine whose name is syntax somewhere is found by what else is known of it") {
  with_each([](const std::string& name, const nlohmann::json&) {
    const std::string id = make_ours(name);
    Machine machine = web01();
    machine.name = "web 01' or \"1\"=\"1^NQ (old)";
    const auto found = Site(name).find(machine);
    REQUIRE(found.size() == 1);
    CHECK(found[0].id == id);
    CHECK(found[0].is_proven());
  });
}

TEST_CASE("catalogue: the other way that a recipe describes works as well") {
  with_each([](const std::string& name, const nlohmann::json& wanted) {
    if (!wanted.contains("or")) return;
    const std::string id = make_ours(name);
    remove_and_prove(Site(name, "full", wanted["or"]["patch"]), id, wanted["or"]);
  });
}

TEST_CASE("catalogue: what is not there is proven by something that is; what goes meanwhile is told as gone") {
  with_each([](const std::string& name, const nlohmann::json&) {
    const Site site(name);
    CHECK(site.find(web01()).empty());
    CHECK_FALSE(site.system->check(within(20s)).empty());
    const std::string id = make_ours(name);
    const auto found = site.find(web01());
    REQUIRE(found.size() == 1);
    CHECK(site.tell("drop", id).empty());
    CHECK_FALSE(site.system->read(web01(), id, within(20s)));
    check_fails({"gone", "it is gone"}, [&] { site.system->remove(web01(), found[0], within(20s)); });
    CHECK(site.tell("changes") == "[]");
  });
}

TEST_CASE("catalogue: a missing right to remove is told, and changes nothing; who sees nothing finds nothing absent") {
  with_each([](const std::string& name, const nlohmann::json& wanted) {
    const std::string id = make_ours(name);
    const std::string there = server().tell("state " + name + " " + id);
    const Site reader(name, "reader");
    const auto found = reader.find(web01());
    REQUIRE(found.size() == 1);
    check_fails(wanted.at("reader"), [&] { reader.system->remove(web01(), found[0], within(20s)); });
    CHECK(reader.tell("state", id) == there);
    if (!wanted.contains("blind")) return;
    const Site blind(name, "blind");
    check_fails(wanted["blind"], [&] { (void)blind.find(web01()); });
    check_fails(wanted["blind"], [&] { blind.system->read(web01(), id, within(20s)); });
  });
}

TEST_CASE("catalogue: at the wrong path, view or table nothing is taken for gone") {
  with_each([](const std::string& name, const nlohmann::json&) {
    const std::string id = make_ours(name);
    const Site site(name);
    const auto found = site.find(web01());
    REQUIRE(found.size() == 1);
    CHECK(site.tell("mode", "misplaced").empty());
    const std::vector<std::function<void()>> calls{[&] { (void)site.find(web01()); },
                                                   [&] { (void)site.system->read(web01(), id, within(20s)); },
                                                   [&] { site.system->remove(web01(), found[0], within(20s)); }};
    for (const auto& call : calls) {
      try {
        call();
        FAIL_CHECK("it did not throw");
      } catch (const Error& e) {
        INFO(e.what());
        CHECK((e.code() == ErrorCode::denied || e.code() == ErrorCode::refused || e.code() == ErrorCode::protocol));
      }
    }
    CHECK(site.tell("mode", "normal").empty());
    CHECK(site.tell("changes") == "[]");
  });
}

TEST_CASE("catalogue: a wrong credential is told without it, and not sent twice") {
  with_each([](const std::string& name, const nlohmann::json&) {
    const Site site(name, "wrong");
    check_fails({"unauthenticated", "cannot "}, [&] { (void)site.find(web01()); });
    const std::string asked = site.tell("requests");
    check_fails({"unauthenticated", "is not sent again"}, [&] { (void)site.find(web01()); });
    CHECK(site.tell("requests") == asked);
    site.account_is("full");
    CHECK(site.find(web01()).empty());
  });
}

TEST_CASE("catalogue: busy and down are told apart, and pass") {
  with_each([](const std::string& name, const nlohmann::json& wanted) {
    const Site site(name);
    CHECK(site.tell("mode", "busy").empty());
    check_fails(wanted.at("busy"), [&] { (void)site.find(web01()); });
    CHECK(site.tell("mode", "normal").empty());
    CHECK(site.find(web01()).empty());
    nlohmann::json away{{"url", "https://127.0.0.1:1"}};
    if (name == "crowdstrike") away["credential"]["token_url"] = "https://127.0.0.1:1/oauth2/token";
    const Site down(name, "full", away);
    check_fails({"unreachable", "cannot be reached"}, [&] { (void)down.find(web01()); });
  });
}

TEST_CASE("catalogue: one that is slow is waited for as long as its recipe says, and no longer") {
  std::vector<std::future<std::string>> waiting;  // side by side: it is the same time for all
  for (const auto& entry : expected().items()) {
    server().tell("fresh " + entry.key());
    server().tell("mode " + entry.key() + " held");
    waiting.push_back(std::async(std::launch::async, [name = entry.key()]() -> std::string {
      const Site site(name, "full", {{"timeout", "3s"}});
      try {
        return site.find(web01()).empty() ? "found nothing" : "found something";
      } catch (const Error& e) {
        return std::string{to_string(e.code())};
      }
    }));
  }
  for (auto& one : waiting) CHECK(one.get() == "timed_out");
  for (const auto& entry : expected().items()) server().tell("mode " + entry.key() + " normal");
}

TEST_CASE("catalogue: a removal whose answer is not seen may have happened, and a look tells") {
  std::vector<std::future<std::string>> waiting;
  for (const auto& entry : expected().items()) {
    server().tell("fresh " + entry.key());
    const std::string id = make_ours(entry.key());
    const auto site = std::make_shared<Site>(entry.key(), "full", nlohmann::json{{"timeout", "3s"}});
    const auto found = site->find(web01());
    REQUIRE(found.size() == 1);
    server().tell("mode " + entry.key() + " late");
    waiting.push_back(std::async(std::launch::async, [site, record = found[0]]() -> std::string {
      try {
        return site->system->remove(web01(), record, within(20s));
      } catch (const Error& e) {
        return std::string{to_string(e.code())};
      }
    }));
  }
  for (auto& one : waiting) CHECK(one.get() == "lost");
  for (const auto& entry : expected().items()) {
    CAPTURE(entry.key());
    server().tell("mode " + entry.key() + " normal");
    const bool in_one = entry.value().at("changes").size() == 1;
    const Site site(entry.key());
    auto found = site.find(web01());
    if (entry.value().contains("patch")) found = site.find(web01());  // it is done after a look that still finds it
    CHECK(found.empty() == (in_one && entry.value().at("done") == ""));
    if (in_one && !found.empty()) CHECK(found[0].done == entry.value().at("done").get<std::string>());
  }
}

TEST_CASE("catalogue: another host's record of the same name is shown with what speaks against it") {
  with_each([](const std::string& name, const nlohmann::json&) {
    CHECK_FALSE(server().tell("make " + name + " web01 10.7.7.7 42110000-9999-9999-9999-444455556666").empty());
    const auto found = Site(name).find(web01());
    REQUIRE(found.size() == 1);
    CHECK_FALSE(found[0].against.empty());
    CHECK_FALSE(found[0].is_proven());
  });
}

TEST_CASE("catalogue: a managed object of another vCenter is another machine's") {
  server().tell("fresh veeam");
  const std::string id = make_ours("veeam");
  const Site site("veeam");
  CHECK(site.find(web01()).at(0).facts == std::vector<std::string>{"name web01", "managed object vm-10201"});
  Machine twin = web01();
  twin.identity.vcenter_uuid = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee";
  const auto found = site.find(twin);
  REQUIRE(found.size() == 1);
  CHECK(found[0].against == std::vector<std::string>{"it is of another vCenter"});
  const Site elsewhere("veeam", "full",
                       {{"control", {{"expect", {{"at", "/HierarchyRoot/UniqueId"}, {"equals", "no"}}}}}});
  server().tell("drop veeam " + id);
  check_fails({"denied", "cannot "}, [&] { (void)elsewhere.find(web01()); });
}

TEST_CASE("catalogue: what is on the second page is found") {
  with_each([](const std::string& name, const nlohmann::json& wanted) {
    if (!wanted.value("pages", false)) return;
    const Site site(name);
    CHECK(site.tell("cap", "2").empty());
    for (const char* other :
         {"10.7.7.7 42110000-9999-9999-9999-444455556666", "10.7.7.8 42110000-8888-8888-8888-444455556666"})
      CHECK_FALSE(site.tell("make", std::string{"web01 "} + other).empty());
    const std::string id = make_ours(name);
    const auto found = site.find(web01());
    CHECK(found.size() == 3);
    CHECK(std::ranges::count_if(found, &Record::is_proven) == 1);
    CHECK(std::ranges::any_of(found, [&](const Record& record) { return record.id == id && record.is_proven(); }));
  });
}
