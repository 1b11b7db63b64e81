#include "daemon/auth/auth.hpp"

#include <filesystem>

#include <doctest/doctest.h>
#include <stdlib.h>

#include "tests/support/manual_clock.hpp"

using namespace decom;
using namespace std::chrono_literals;

namespace {

/// A directory of three people and two groups, which can be taken away.
class SmallDirectory final : public Directory {
 public:
  std::map<std::string, std::set<std::string>> groups_of{{"S-alice", {"S-operators"}}, {"S-bob", {}}};
  std::set<std::string> disabled;
  bool away = false;
  int reads = 0;

  Person authenticate(std::string_view name, const Secret& password) override {
    reach();
    if (password.expose() != "right") throw Error{ErrorCode::unauthenticated, "wrong user name or password"};
    return person("S-" + std::string(name));
  }
  Person read_person(const std::string& sid) override {
    ++reads;
    reach();
    return person(sid);
  }
  std::string group_sid(const std::string& name) override {
    reach();
    if (name == "Operators") return "S-operators";
    if (name == "Admins") return "S-admins";
    throw Error{ErrorCode::not_found, "no group is named '{}'", name};
  }
  std::vector<Computer> find_computers(const std::vector<std::string>&) override { return {}; }
  std::optional<Computer> read_computer(const std::string&) override { return std::nullopt; }
  void remove_computer(const Computer&) override {}
  void remove_child(const std::string&, const ComputerChild&) override {}
  void disable_computer(const Computer&, const std::string&) override {}
  void move_computer(const Computer&, const std::string&) override {}
  std::string why_not_into(const Computer&, const std::string&) override { return {}; }
  bool exists(const std::string&) override { return false; }
  std::string check() override { return {}; }

 private:
  void reach() const {
    if (away) throw Error{ErrorCode::unreachable, "cannot reach dc1"};
  }
  Person person(const std::string& sid) {
    if (disabled.contains(sid)) throw Error{ErrorCode::denied, "the account is disabled"};
    if (!groups_of.contains(sid)) throw Error{ErrorCode::not_found, "nobody has the SID {}", sid};
    return {.sid = sid, .sam = sid.substr(2), .domain = "CORP", .group_sids = groups_of[sid]};
  }
};

struct Fixture {
  std::filesystem::path folder = [] {
    std::string name = (std::filesystem::temp_directory_path() / "decom-auth-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    return std::filesystem::path(name);
  }();
  ManualClock clock;
  Store store{{.state_dir = folder / "state"}, clock};
  SmallDirectory directory;
  Auth auth{{.roles = {{Role::operator_, {"Operators", "No Such Group"}}, {Role::admin, {"Admins"}}}},
            store,
            &directory,
            clock};

  ~Fixture() { std::filesystem::remove_all(folder); }
  Secret login(std::uint32_t uid = 1000) { return auth.login("alice", Secret("right"), uid).token; }
};

ErrorCode code_of(const auto& act) {
  try {
    act();
  } catch (const Error& e) {
    return e.code();
  }
  return ErrorCode::internal;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a login gives a token that names the person and the roles") {
  const Login login = auth.login("alice", Secret("right"), 1000);
  const Principal who = auth.authenticate(login.token.expose(), 1000);
  CHECK(who.sid == "S-alice");
  CHECK(who.has(Role::operator_));
  CHECK_FALSE(who.has(Role::admin));
  CHECK(login.expires == clock.now() + 8h);
}

TEST_CASE_FIXTURE(Fixture, "threat 5: a token of another uid, after logout, after expiry or of nobody is refused") {
  const Secret token = login();
  CHECK(code_of([&] { (void)auth.authenticate(token.expose(), 1001); }) == ErrorCode::unauthenticated);
  CHECK(code_of([&] { (void)auth.authenticate("", 1000); }) == ErrorCode::unauthenticated);
  CHECK(code_of([&] { (void)auth.authenticate("decom_x", 1000); }) == ErrorCode::unauthenticated);
  auth.logout(auth.authenticate(token.expose(), 1000));
  CHECK(code_of([&] { (void)auth.authenticate(token.expose(), 1000); }) == ErrorCode::unauthenticated);
  const Secret second = login();
  clock.advance(8h);
  CHECK(code_of([&] { (void)auth.authenticate(second.expose(), 1000); }) == ErrorCode::unauthenticated);
}

TEST_CASE_FIXTURE(Fixture, "a person in no group gets 'invalid permissions' and no session") {
  try {
    (void)auth.login("bob", Secret("right"), 1000);
    FAIL("let in");
  } catch (const Error& e) {
    CHECK(e.code() == ErrorCode::denied);
    CHECK(std::string(e.what()) == "invalid permissions");
  }
}

TEST_CASE_FIXTURE(Fixture, "threat 24: a wall clock that steps back does not lengthen the freshness of roles") {
  const Secret token = login();
  directory.groups_of["S-alice"] = {};
  clock.set_wall_clock(clock.now() - 4min);
  clock.advance(61s);
  CHECK(code_of([&] { (void)auth.authenticate(token.expose(), 1000); }) == ErrorCode::denied);
}

TEST_CASE_FIXTURE(Fixture, "threat 24: a wall clock that steps by years, either way, ends a login and lengthens none") {
  const Secret token = login();
  const Login nightly = auth.create_token(auth.authenticate(token.expose(), 1000), "nightly", 24h * 30);
  const Timestamp before = clock.now();
  clock.set_wall_clock(before - 1min);  // a correction
  CHECK(auth.authenticate(token.expose(), 1000).sid == "S-alice");
  for (const auto years : {-3, 3}) {
    clock.set_wall_clock(before + 24h * 365 * years);
    for (const Secret* one : {&token, &nightly.token})
      CHECK(code_of([&] { (void)auth.authenticate(one->expose(), 1000); }) == ErrorCode::unauthenticated);
  }
  clock.set_wall_clock(before);
  CHECK(auth.authenticate(nightly.token.expose(), 1000).sid == "S-alice");
}

TEST_CASE_FIXTURE(
    Fixture, "threat 7: a role that was taken away is gone at the next act at once, and for reading within a minute") {
  const Secret token = login();
  const Principal who = auth.authenticate(token.expose(), 1000);
  directory.groups_of["S-alice"] = {};
  CHECK(code_of([&] { (void)auth.refresh(who, Role::operator_); }) == ErrorCode::denied);
  clock.advance(61s);
  CHECK(code_of([&] { (void)auth.authenticate(token.expose(), 1000); }) == ErrorCode::denied);
}

TEST_CASE_FIXTURE(Fixture, "a disabled account is told so, and gets nothing") {
  const Secret token = login();
  directory.disabled.insert("S-alice");
  clock.advance(61s);
  CHECK(code_of([&] { (void)auth.authenticate(token.expose(), 1000); }) == ErrorCode::denied);
  CHECK(code_of([&] { (void)auth.refresh("S-alice", Role::operator_); }) == ErrorCode::denied);
}

TEST_CASE_FIXTURE(Fixture, "while the directory is away the last roles count for reading, and acts are refused") {
  const Secret token = login();
  directory.away = true;
  clock.advance(61s);
  const Principal who = auth.authenticate(token.expose(), 1000);
  CHECK(who.has(Role::operator_));
  const int reads = directory.reads;
  (void)auth.authenticate(token.expose(), 1000);
  CHECK(directory.reads == reads);  // left alone for a while
  CHECK(code_of([&] { (void)auth.refresh(who, Role::operator_); }) == ErrorCode::unreachable);

  // A daemon that was started anew knows them from the session.
  Auth again{{.roles = {{Role::operator_, {"Operators"}}}}, store, &directory, clock};
  CHECK(again.authenticate(token.expose(), 1000).has(Role::operator_));
}

TEST_CASE_FIXTURE(Fixture, "tokens for cron have a name, live as long as asked for, and are bound to the uid") {
  const Principal who = auth.authenticate(login().expose(), 1000);
  const Login token = auth.create_token(who, "nightly", 24h * 30);
  clock.advance(24h * 29);
  CHECK(auth.authenticate(token.token.expose(), 1000).sid == "S-alice");
  CHECK(code_of([&] { (void)auth.authenticate(token.token.expose(), 0); }) == ErrorCode::unauthenticated);
  CHECK(code_of([&] { (void)auth.create_token(who, "", 1h); }) == ErrorCode::invalid);
  CHECK(code_of([&] { (void)auth.create_token(who, "x", 24h * 400); }) == ErrorCode::invalid);
  CHECK(store.revoke_session(token.principal.session, who));
  CHECK(code_of([&] { (void)auth.authenticate(token.token.expose(), 1000); }) == ErrorCode::unauthenticated);
}

TEST_CASE_FIXTURE(Fixture, "threat 20: no token is stored") {
  const Secret token = login();
  CHECK_FALSE(store.find_session(token.expose()));
  for (const SessionRow& row : store.tokens_of("")) CHECK(row.token_hash != token.expose());
}
