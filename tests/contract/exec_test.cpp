#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/contract/exec_site.hpp"

using namespace decom;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kGood = R"(
import json, sys
verb, given = sys.argv[1], json.load(sys.stdin)
def say(**line): print(json.dumps(line))
if verb == "describe":
    say(type="result", status="ok", name="cmdb", version="1.0", can=["observe", "apply"], control="128 hosts")
elif verb == "observe":
    say(type="log", message="looking for " + given["machine"]["name"])
    say(type="progress", percent=50, message="half")
    say(type="record", id="host 7", what="host web01", before="name=web01", facts={"name": "web01", "ip": ["10.0.2.1"]})
    say(type="record", id="host 8", what="host web02", before="name=web02", facts={"name": "web02", "ip": "10.0.2.2"})
    say(type="result", status="ok", control="128 hosts")
else:
    assert given["record"] == {"id": "host 7", "what": "host web01", "before": "name=web01"}, given
    say(type="warning", message="it had a maintenance")
    say(type="result", status="ok", message="deleted host 7")
)";

Record host7() { return {.id = "host 7", .what = "host web01", .before = "name=web01"}; }

std::string apply_result(const ExecSite& site, const std::string& line) {
  const auto system = site.load(shell("printf '%s\\n' '" + line + "'"));
  return error_of([&] { (void)system->remove(web01(), host7(), call_for(30s)); });
}

}  // namespace

TEST_CASE("a program describes itself, finds records with their evidence, and removes the one that it is handed") {
  const ExecSite site;
  const auto system = site.load(python(kGood));
  CHECK(system->check(call_for(30s)) == "cmdb 1.0 (observe, apply); 128 hosts");

  std::vector<std::string> heard;
  RecordCall call = call_for(30s);
  call.say = [&](bool warning, const std::string& text) { heard.push_back((warning ? "! " : "") + text); };
  const auto records = system->find(web01(), call);
  REQUIRE(records.size() == 2);
  CHECK(records[0].id == "host 7");
  CHECK(records[0].before == "name=web01");
  CHECK(records[0].is_proven());
  CHECK(records[0].bears == std::vector<std::string>{"web01", "10.0.2.1"});
  CHECK_FALSE(records[1].is_proven());
  CHECK_FALSE(records[1].against.empty());
  CHECK(heard == std::vector<std::string>{"looking for web01", "50 % half"});

  CHECK(system->read(web01(), "host 7", call_for(30s)) == records[0]);
  CHECK_FALSE(system->read(web01(), "host 9", call_for(30s)));

  heard.clear();
  CHECK(system->remove(web01(), records[0], call) == "deleted host 7");
  CHECK(heard == std::vector<std::string>{"! it had a maintenance"});
}

TEST_CASE("what a program answers to apply becomes the code that the engine knows") {
  const ExecSite site;
  CHECK(apply_result(site, R"({"type":"result","status":"ok"})").empty());
  CHECK(apply_result(site, R"({"type":"result","status":"gone"})").starts_with("gone: "));
  CHECK(apply_result(site, R"({"type":"result","status":"denied","message":"role viewer"})") ==
        "denied: cannot remove 'host web01': the shell code says 'role viewer'");
  CHECK(apply_result(site, R"({"type":"result","status":"retry"})").starts_with("busy: "));
  CHECK(apply_result(site, R"({"type":"result","status":"failed"})").starts_with("refused: "));
  CHECK(apply_result(site, R"({"type":"result","status":"changed"})").starts_with("precondition: "));
  CHECK(apply_result(site, R"({"type":"record","id":"1"})").starts_with("lost: "));
}

TEST_CASE("absence is proven by a control alone") {
  const ExecSite site;
  const auto observe = [&](const std::string& line) {
    const auto system = site.load(shell("printf '%s\\n' '" + line + "'"));
    return error_of([&] { (void)system->find(web01(), call_for(30s)); });
  };
  CHECK(observe(R"({"type":"result","status":"ok","control":"128 hosts"})").empty());
  CHECK(observe(R"({"type":"result","status":"gone","control":"128 hosts"})").empty());
  CHECK(observe(R"({"type":"result","status":"ok"})").find("protocol: ") == 0);
  CHECK(observe(R"({"type":"result","status":"denied"})").find("denied: ") == 0);
  CHECK(observe(R"({"type":"result","status":"retry"})").find("busy: ") == 0);
  CHECK(observe(R"({"type":"result","status":"failed"})").find("refused: ") == 0);
}

TEST_CASE("arguments, environment and secrets reach the program, and nothing else does") {
  const ExecSite site;
  site.secret("cmdb.token", "hunter2-canary\n");
  const nlohmann::json further{{"args", {"--zone", "a b"}},
                               {"env", {{"CMDB_URL", "https://cmdb.example.test"}}},
                               {"secrets", {{"TOKEN", "cmdb.token"}}}};
  CHECK(told_by(site, "import sys; tell(sys.argv[1:])", further) == "['describe', '--zone', 'a b']");
  CHECK(told_by(site, "import os; tell(sorted(os.environ.items()))", further) ==
        "[('CMDB_URL', 'https://cmdb.example.test'), ('HOME', '/tmp'), ('LANG', 'C.UTF-8'), ('PATH', "
        "'/usr/local/bin:/usr/bin:/usr/sbin'), ('PWD', '/tmp'), ('TMPDIR', '/tmp')]");
  CHECK(told_by(site, "tell(open('/run/secrets/TOKEN').read())", further) == "hunter2-canary");
  // In no command line and no environment that it can see, its own and bwrap's among them.
  CHECK(told_by(site, R"(
import glob
def read(file):
  try: return open(file, 'rb').read()
  except PermissionError: return b''
texts = [read(f) for f in glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ')]
tell((len(texts) >= 4, any(b'python3' in t for t in texts), any(b'hunter' + b'2' in t for t in texts)))
)",
                further) == "(True, True, False)");
}

TEST_CASE("a program that was changed, or that others may change, is not run" * doctest::skip(::geteuid() != 0)) {
  const ExecSite site;
  const std::string good =
      "#!/bin/sh\nprintf '{\"type\":\"result\",\"status\":\"ok\",\"name\":\"n\",\"version\":\"1\"}\\n'\n";
  const std::string path = site.program("cmdb", good);
  const auto system = site.load({{"command", path}});
  CHECK(system->check(call_for(30s)).starts_with("n 1"));

  SUBCASE("other bytes") {
    (void)site.program("cmdb", good + "# changed\n");
    CHECK(error_of([&] { (void)system->check(call_for(30s)); }).find("precondition: ") == 0);
    CHECK(error_of([&] { (void)system->remove(web01(), host7(), call_for(30s)); }).find("changed since decomd read") !=
          std::string::npos);
    (void)site.program("cmdb", good);
    CHECK(system->check(call_for(30s)).starts_with("n 1"));
  }
  SUBCASE("a symbolic link in its place") {
    (void)site.program("other", good);
    std::filesystem::remove(path);
    std::filesystem::create_symlink(site.folder() / "other", path);
    CHECK(error_of([&] { (void)system->check(call_for(30s)); }).find("is a symbolic link") != std::string::npos);
  }
  SUBCASE("a symbolic link above it") {
    std::filesystem::create_directory_symlink(site.folder(), site.folder() / "steps");
    const auto mistakes = site.mistakes_of({{"command", (site.folder() / "steps/cmdb").string()}});
    REQUIRE(mistakes.size() == 1);
    CHECK(mistakes[0].starts_with("/command: cannot run '"));
    CHECK(mistakes[0].find("steps' is a symbolic link") != std::string::npos);
  }
  SUBCASE("everybody may write to it") {
    std::filesystem::permissions(path, std::filesystem::perms(0777));
    CHECK(error_of([&] { (void)system->check(call_for(30s)); }).find("chmod go-w") != std::string::npos);
    CHECK(error_of([&] { (void)system->remove(web01(), host7(), call_for(30s)); }).find("refused: ") == 0);
  }
  SUBCASE("its group may write to its folder") {
    std::filesystem::permissions(site.folder(), std::filesystem::perms(0775));
    CHECK(error_of([&] { (void)system->check(call_for(30s)); }).find("may be written to by others") !=
          std::string::npos);
  }
  SUBCASE("it belongs to somebody else") {
    REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
    CHECK(error_of([&] { (void)system->check(call_for(30s)); }).find("belongs to uid 65534") != std::string::npos);
  }
  SUBCASE("it is not executable, gone, a folder, a FIFO") {
    std::filesystem::permissions(path, std::filesystem::perms(0644));
    CHECK(error_of([&] { (void)system->check(call_for(30s)); }).find("is not executable") != std::string::npos);
    std::filesystem::remove(path);
    CHECK(error_of([&] { (void)system->check(call_for(30s)); }).find("No such file") != std::string::npos);
    std::filesystem::create_directory(path);
    CHECK(error_of([&] { (void)system->check(call_for(30s)); }).find("no regular file") != std::string::npos);
    std::filesystem::remove(path);
    REQUIRE(::mkfifo(path.c_str(), 0755) == 0);
    CHECK(error_of([&] { (void)system->check(call_for(30s)); }).find("no regular file") != std::string::npos);
  }
}

TEST_CASE("what cannot be started provably removed nothing" * doctest::skip(::geteuid() != 0)) {
  const ExecSite site;
  const auto nowhere =
      site.load({{"language", "none"}, {"language_command", {"no-such-language", "{}"}}, {"code", "x"}});
  const auto missing_secret = site.load([&] {
    auto definition = shell("true");
    definition["secrets"] = {{"TOKEN", "not-there"}};
    return definition;
  }());
  CHECK(error_of([&] { (void)missing_secret->remove(web01(), host7(), call_for(30s)); }).find("refused: ") == 0);
  // That one ran in vain, and nobody but itself can say so.
  CHECK(error_of([&] { (void)nowhere->remove(web01(), host7(), call_for(30s)); }).find("no-such-language") !=
        std::string::npos);
  std::stop_source stopped;
  stopped.request_stop();
  const auto good = site.load(shell("true"));
  CHECK(error_of([&] {
          (void)good->remove(web01(), host7(), call_for(30s, stopped.get_token()));
        }).find("cancelled: ") == 0);
}

TEST_CASE("every mistake of a definition is said at once") {
  const ExecSite site;
  const auto mistakes = site.mistakes_of({{"language", "ruby"},
                                          {"code", "puts 1"},
                                          {"memory", "50MB"},
                                          {"timeout", "2h"},
                                          {"env", {{"A B", "x"}}},
                                          {"secrets", {{"../x", "y"}}},
                                          {"netwrok", true}});
  std::string all;
  for (const std::string& mistake : mistakes) all += mistake + "\n";
  CHECK(all.find("/memory: 'memory' is '50MB'; expected a size such as '50MiB'") != std::string::npos);
  CHECK(all.find("/timeout: 'timeout' is 2h; expected") != std::string::npos);
  CHECK(all.find("/env/A B: ") != std::string::npos);
  CHECK(all.find("/secrets/..~1x: ") != std::string::npos);
  CHECK(all.find("/netwrok: unknown key 'netwrok': did you mean 'network'?") != std::string::npos);
  CHECK(mistakes.size() == 5);
  const auto undefined = site.load({{"language", "ruby"}, {"code", "puts 1"}});
  CHECK(error_of([&] { (void)undefined->check(call_for(30s)); }) ==
        "refused: cannot run the ruby code: [language.ruby] is not in decomd.toml");
  CHECK(site.mistakes_of(nlohmann::json::object()).size() == 1);
  CHECK(site.mistakes_of({{"command", "steps/cmdb"}}).size() == 1);
}
