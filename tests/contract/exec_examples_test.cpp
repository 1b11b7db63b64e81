#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/contract/exec_site.hpp"

using namespace decom;
using namespace std::chrono_literals;

extern char** environ;

namespace {

const std::string kPage = std::string(DECOM_SOURCE_DIR) + "/man/decom-step.7";

std::string read_until_end(int fd, char end) {
  std::string text;
  for (char c = 0; ::read(fd, &c, 1) == 1 && c != end;) text += c;
  return text;
}

/// tests/cmdb, which ends with this.
class Cmdb {
 public:
  Cmdb() {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    std::string python = "/usr/bin/python3";
    std::string script = std::string(DECOM_SOURCE_DIR) + "/tests/cmdb/cmdb_server.py";
    std::array<char*, 3> argv{python.data(), script.data(), nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    REQUIRE(::posix_spawn(&child_, argv[0], &actions, nullptr, argv.data(), environ) == 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    leash_ = in[1];
    url = "http://127.0.0.1:" + read_until_end(out[0], '\n');
    ::close(out[0]);
    REQUIRE(url.size() > 17);
  }
  Cmdb(const Cmdb&) = delete;
  Cmdb& operator=(const Cmdb&) = delete;
  ~Cmdb() {
    ::close(leash_);
    ::waitpid(child_, nullptr, 0);
  }

  /// What was deleted, as the server itself says by another client.
  [[nodiscard]] std::string ledger() const {
    FILE* answer = ::popen(("curl -sf " + url + "/ledger").c_str(), "re");
    REQUIRE(answer != nullptr);
    const std::string text = read_until_end(::fileno(answer), '\0');
    ::pclose(answer);
    return text;
  }

  std::string url;

 private:
  pid_t child_ = -1;
  int leash_ = -1;
};

/// All that the page promises of its examples: two records of one name, one of which is the machine's. Of their
/// definition only where the CMDB is, and the program, are ours.
void live_through(const ExecSite& site, nlohmann::json definition) {
  const Cmdb cmdb;
  site.secret("cmdb.token", "let-me-in\n");
  definition["env"] = {{"CMDB", cmdb.url}};
  definition["secrets"] = {{"TOKEN", "cmdb.token"}};
  definition["network"] = true;
  definition["timeout"] = "30s";
  const auto system = site.load(definition);
  CHECK(system->check(call_for(60s)) == "cmdb 1; cmdb");
  const auto records = system->find(web01(), call_for(60s));
  REQUIRE(records.size() == 2);
  CHECK(records[0].id == "7");
  CHECK(records[0].is_proven());
  CHECK(records[1].id == "8");
  CHECK_FALSE(records[1].is_proven());
  CHECK(cmdb.ledger() == "[]");

  Record other = records[0];
  other.before += " ";
  CHECK(error_of([&] { (void)system->remove(web01(), other, call_for(60s)); }).starts_with("precondition: "));
  CHECK(cmdb.ledger() == "[]");
  CHECK_FALSE(system->remove(web01(), records[0], call_for(60s)).empty());
  CHECK(cmdb.ledger() == "[7]");
  CHECK_FALSE(system->read(web01(), "7", call_for(60s)));
  CHECK(system->read(web01(), "8", call_for(60s)) == records[1]);
  CHECK(error_of([&] { (void)system->remove(web01(), records[0], call_for(60s)); }).starts_with("gone: "));

  Machine attacker = web01();
  for (const char* name : {"*)(cn=*", "$(reboot)", "a;b", "x\ny", "\"},{\"", "../../", "wéb", "\" or true or \""}) {
    attacker.name = name;
    CHECK(system->find(attacker, call_for(60s)).empty());
  }
  Record hostile = records[1];
  for (const char* id : {"9\" or true or \"", "../hosts/9", "$(touch /tmp/x)", "9?"}) {
    hostile.id = id;
    CHECK(error_of([&] { (void)system->remove(web01(), hostile, call_for(60s)); }).starts_with("gone: "));
  }
  CHECK(cmdb.ledger() == "[7]");

  site.secret("cmdb.token", "wrong");
  const std::string refused = error_of([&] { (void)system->find(web01(), call_for(60s)); });
  CHECK_MESSAGE((refused.starts_with("denied: ") || refused.starts_with("busy: ") || refused.starts_with("protocol: ")),
                refused);
}

}  // namespace

TEST_CASE("the manual page's Python example works as it is printed" * doctest::skip(::geteuid() != 0)) {
  const ExecSite site;
  live_through(site, {{"command", site.program("cmdb", example_of(kPage, "cmdb.py"))}});
}

TEST_CASE("the manual page's shell example works as it is printed" * doctest::skip(::geteuid() != 0)) {
  const ExecSite site;
  live_through(site, {{"command", site.program("cmdb", example_of(kPage, "cmdb.sh"))}});
}

TEST_CASE("the manual page's Go example works as it is printed, within 50 MiB" * doctest::skip(::geteuid() != 0)) {
  const ExecSite site;
  const std::string source = site.program("cmdb.go", example_of(kPage, "cmdb.go"), 0644);
  const std::string program = site.folder() / "cmdb";
  const std::string build = "GO111MODULE=off GOFLAGS= CGO_ENABLED=0 GOCACHE=" + std::string(DECOM_SOURCE_DIR) +
                            "/build/gocache go build -p 2 -o " + program + " " + source;
  REQUIRE(std::system(build.c_str()) == 0);
  std::filesystem::permissions(program, std::filesystem::perms(0755));
  live_through(site, {{"command", program}});
}

TEST_CASE("the manual page's fifteen lines in a definition work as they are printed") {
  const std::string text = example_of(kPage, "fifteen.toml");
  const std::string quote = "\"\"\"\n";
  const auto begin = text.find(quote) + quote.size();
  const std::string code = text.substr(begin, text.rfind("\"\"\"") - begin);
  CHECK(std::ranges::count(code, '\n') == 15);
  CHECK(code.find('\\') == std::string::npos);  // TOML would read it
  const ExecSite site;
  live_through(site, python(code));
}

TEST_CASE("as an ordinary user everything holds that holds as root" * doctest::skip(::geteuid() != 0)) {
  // The daemon under systemd is one. This program again, by another user: what needs files of root is left out by
  // itself.
  using std::filesystem::perms;
  for (std::filesystem::path folder = DECOM_SOURCE_DIR; folder.has_relative_path(); folder = folder.parent_path()) {
    if ((status(folder).permissions() & perms::others_exec) != perms::none) continue;
    MESSAGE("left out: ", folder.native(), " is closed to other users, who cannot read the tests there");
    return;
  }
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const ExecSite site;  // where that user can read it
  const std::string copy = site.folder() / "contract_exec";
  std::filesystem::copy_file(self, copy);
  const std::string run = "setpriv --reuid 60984 --regid 60984 --clear-groups " + copy + " > /dev/null";
  CHECK(std::system(run.c_str()) == 0);
}
