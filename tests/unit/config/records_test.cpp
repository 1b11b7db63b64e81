// Files of records.d: what they give, and that every mistake is said with its place.
#include <algorithm>
#include <filesystem>
#include <string>

#include "daemon/config/record_file.hpp"
#include "tests/unit/config/folder.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;

namespace {

const RecordDefinition& system_of(const Config& config, const std::string& name) {
  const auto found = std::ranges::find(config.systems, name, &RecordDefinition::name);
  REQUIRE(found != config.systems.end());
  return *found;
}

/// A kind that keeps whatever its definitions say.
RecordKind keeper(const std::string& name) {
  class Nothing final : public RecordSystem {
   public:
    std::vector<Record> find(const Machine&, const RecordCall&) override { return {}; }
    std::optional<Record> read(const Machine&, const std::string&, const RecordCall&) override { return {}; }
    std::string remove(const Machine&, const Record&, const RecordCall&) override { return {}; }
    std::string check(const RecordCall&) override { return {}; }
  };
  return {.name = name,
          .summary = "keeps all",
          .make = [](DefinitionReader& reader, const RecordWorld&) -> std::unique_ptr<RecordSystem> {
            std::int64_t port = 0;
            reader.table("server", [&](DefinitionReader& server) {
              server.require("host");
              std::string host;
              server.string("host", host);
              server.integer("port", port, 1, 65'535);
            });
            reader.tables("zone", [&](DefinitionReader& zone) {
              std::string zone_name;
              zone.string("name", zone_name);
            });
            std::string language;
            reader.string("language", language);
            (void)reader.take("language_command");
            return std::make_unique<Nothing>();
          },
          .freeze =
              [](nlohmann::json& definition, std::vector<Finding>& mistakes) {
                if (definition.value("language", "") == "broken") mistakes.push_back({"/language", "cannot be frozen"});
                definition["hash"] = "abc";
              }};
}

std::vector<std::string> mistakes_of(const std::string& file, const Languages& languages = {}) {
  const Folder folder;
  folder.write("records.d/one.toml", file);
  Mistakes mistakes;
  const std::vector<RecordKind> kinds{keeper("keep")};
  const auto read = read_record_files(folder.path() / "records.d", {kinds, RecordWorld{}, languages}, mistakes);
  CHECK(read.empty() == !mistakes.empty());
  std::vector<std::string> lines;
  for (const Finding& finding : mistakes.findings())
    lines.push_back(finding.where.substr(finding.where.rfind('/') + 1) + " " + finding.what);
  return lines;
}

}  // namespace

TEST_CASE("a file of records.d is one system, and shipped plans have it behind the machine") {
  const Folder folder;
  folder.write("records.d/dns-corp.toml", R"(kind = "fake"
system = "corp"
summary = "the names of corp"
deadline = "5s"
on_failure = "ask"
unverified = "not tried with Windows Server 2025"
[when]
family = ["windows", "linux"]
)");
  folder.write("records.d/20-cmdb.toml", "kind = \"fake\"\nname = \"cmdb\"\nsystem = \"c\"\nafter = \"dns-corp\"\n");
  folder.write("records.d/README", "no TOML file, and not read");
  const Config config = folder.load(kGood);
  REQUIRE(config.systems.size() == 2);
  const RecordDefinition& dns = system_of(config, "dns-corp");
  CHECK(dns.kind == "fake");
  CHECK(dns.summary == "the names of corp");
  CHECK(dns.deadline == 5s);
  CHECK(dns.on_failure == OnFailure::ask);
  CHECK(dns.unverified == "not tried with Windows Server 2025");
  CHECK(dns.rule.families == std::vector<OsFamily>{OsFamily::windows, OsFamily::linux_});
  CHECK(dns.definition == R"({"system":"corp"})");
  CHECK(dns.source.ends_with("records.d/dns-corp.toml"));
  CHECK(system_of(config, "cmdb").deadline == 30s);
  const auto windows = std::ranges::find(config.plans, "windows", &PlanTemplate::name);
  REQUIRE(windows != config.plans.end());
  std::vector<std::string> names;
  for (const PlanStep& step : windows->steps) names.push_back(step.name);
  CHECK(names == std::vector<std::string>{"power_off", "destroy", "ad_computer", "dns-corp", "cmdb"});
}

TEST_CASE("every mistake of a system is said at once, at its place") {
  const Folder folder;
  folder.write("records.d/a.toml", R"(kind = "fake"
deadline = "soon"
on_failure = "ignore"
colour = "red"
[when]
family = "bsd"
os = "x"
)");
  folder.write("records.d/b.toml", "kind = \"fax\"\n");
  folder.write("records.d/Bad Name.toml", "kind = \"fake\"\nsystem = \"x\"\n");
  folder.write("records.d/destroy.toml", "kind = \"fake\"\nsystem = \"x\"\n");
  folder.write("records.d/e.toml", "name = = 1\n");
  folder.write("records.d/f.toml", "system = \"x\"\n");
  const auto mistakes = folder.mistakes(kGood);
  const auto has = [&](const std::string& text) {
    return std::ranges::any_of(mistakes, [&](const std::string& line) { return line.find(text) != std::string::npos; });
  };
  CHECK(has("records.d/a.toml:2:12 'deadline' is wrong"));
  CHECK(has("records.d/a.toml:3:14 'on_failure' is 'ignore'; expected stop, warn or ask"));
  CHECK(has("records.d/a.toml:4:10 unknown key 'colour'"));
  CHECK(has("records.d/a.toml:6:10 'when.family' is 'bsd'"));
  CHECK(has("records.d/a.toml:7:1 unknown key 'when.os'"));
  CHECK(has("records.d/a.toml:1:1 'system' is missing"));
  CHECK(has("records.d/b.toml:1:8 'kind' is 'fax', which is no kind of system; known are fake"));
  CHECK(has("the file's own is 'Bad Name'; expected lower-case letters"));
  CHECK(has("the file's own is 'destroy', which is a step of the shipped plans"));
  CHECK(has("records.d/e.toml:1:8 syntax error"));
  CHECK(has("records.d/f.toml:1:1 'kind' is missing"));
  CHECK(mistakes.size() == 11);
}

TEST_CASE("what a kind says of a definition has the line and the column of the file") {
  CHECK(
      mistakes_of("kind = \"keep\"\n[server]\nport = \"x\"\n[[zone]]\nname = \"a\"\n[[zone]]\nname = 5\ncolor = 1\n") ==
      std::vector<std::string>{
          "one.toml:2:1 'host' is missing", "one.toml:3:8 'port' is a string; expected a whole number from 1 to 65535",
          "one.toml:7:8 'name' is a whole number; expected a string", "one.toml:8:9 unknown key 'color'"});
  CHECK(mistakes_of("kind = \"keep\"\nserver = 1979-05-27\n").front() ==
        "one.toml:2:10 is a date or time; write it as a string");
  CHECK(mistakes_of("kind = \"keep\"\nserver = {host = \"a\", port = 1}\n").empty());
}

TEST_CASE("a script's language is the configuration's, and its command is frozen with the system") {
  const Languages languages{{"python", {"python3", "-c", "{}"}}, {"broken", {"x", "{}"}}};
  CHECK(mistakes_of("kind = \"keep\"\nlanguage = \"ruby\"\n", languages) ==
        std::vector<std::string>{"one.toml:2:12 'language' is 'ruby'; decomd.toml defines broken, python"});
  CHECK(mistakes_of("kind = \"keep\"\nlanguage = \"ruby\"\n") ==
        std::vector<std::string>{"one.toml:2:12 'language' is 'ruby'; decomd.toml defines none: [language.NAME]"});
  CHECK(mistakes_of("kind = \"keep\"\nlanguage_command = [\"sh\"]\n", languages) ==
        std::vector<std::string>{"one.toml:2:20 the command of a language belongs into decomd.toml: [language.NAME]"});
  CHECK(mistakes_of("kind = \"keep\"\nlanguage = \"broken\"\n", languages) ==
        std::vector<std::string>{"one.toml:2:12 cannot be frozen"});

  const Folder folder;
  folder.write("records.d/one.toml", "kind = \"keep\"\nlanguage = \"python\"\n");
  Mistakes none;
  const std::vector<RecordKind> kinds{keeper("keep")};
  const auto read = read_record_files(folder.path() / "records.d", {kinds, RecordWorld{}, languages}, none);
  REQUIRE(read.size() == 1);
  CHECK(read[0].definition == R"({"hash":"abc","language":"python","language_command":["python3","-c","{}"]})");
}

TEST_CASE("a language is a command with one place for the script") {
  const Folder folder;
  CHECK(folder.mistakes(kGood + "[language.python]\ncommand = [\"python3\", \"-c\", \"{}\"]\n").empty());
  const auto mistakes = folder.mistakes(kGood +
                                        "[language.a]\ncommand = [\"python3\"]\n[language.b]\n[language.c]\n"
                                        "command = [\"{}\", \"x\"]\n[language]\nd = 1\n");
  CHECK_FALSE(mistakes.empty());
  const auto again = folder.mistakes(kGood + "[language.a]\ncommand = [\"python3\"]\n[language.b]\ncolor = 1\n");
  REQUIRE(again.size() == 3);
  CHECK(again[0].find("'command' is to be a program and its arguments, one of which is \"{}\"") != std::string::npos);
  CHECK(again[1].find("'language.b.command' is missing") != std::string::npos);
  CHECK(again[2].find("unknown key 'language.b.color'") != std::string::npos);
}

TEST_CASE("an order that leads nowhere or in a circle, and names that two have, are mistakes") {
  const Folder folder;
  folder.write("records.d/a.toml", "kind = \"fake\"\nsystem = \"x\"\nafter = [\"b\"]\n");
  folder.write("records.d/b.toml", "kind = \"fake\"\nsystem = \"x\"\nafter = \"a\"\n");
  folder.write("records.d/c.toml", "kind = \"fake\"\nsystem = \"x\"\nafter = [\"ad_computr\", \"destroy\"]\n");
  auto mistakes = folder.mistakes(kGood);
  REQUIRE(mistakes.size() == 3);
  CHECK(mistakes[0].find("a.toml:3:9 'after' leads in a circle: a would come after itself") != std::string::npos);
  CHECK(mistakes[1].find("b.toml:3:9 'after' leads in a circle") != std::string::npos);
  CHECK(mistakes[2].find("c.toml:3:9 'after' is 'ad_computr', which is neither a system nor a step of the shipped plans"
                         ": did you mean 'ad_computer'?") != std::string::npos);
  folder.write("records.d/b.toml", "kind = \"fake\"\nsystem = \"x\"\nname = \"a\"\n");
  mistakes = folder.mistakes(kGood);
  CHECK(std::ranges::any_of(mistakes, [](const std::string& line) {
    return line.starts_with("records.d/b.toml") && line.find("the system 'a' is also in") != std::string::npos;
  }));
}

TEST_CASE("a step of a site's plan names a system that is configured") {
  const Folder folder;
  folder.write("records.d/dns.toml", "kind = \"fake\"\nsystem = \"x\"\non_failure = \"warn\"\n");
  folder.write("plans.d/a.toml", R"([[step]]
kind = "vsphere.destroy"
[[step]]
kind = "fake"
system = "dns"
[[step]]
kind = "fake"
name = "again"
system = "dns"
after = "destroy"
on_failure = "ask"
[step.when]
name = "web*"
)");
  const Config config = folder.load(kGood);
  const auto plan = std::ranges::find(config.plans, "a", &PlanTemplate::name);
  REQUIRE(plan != config.plans.end());
  CHECK(plan->steps[1].name == "dns");
  CHECK(plan->steps[1].system == "dns");
  CHECK(plan->steps[1].on_failure == OnFailure::warn);
  CHECK(plan->steps[2].on_failure == OnFailure::ask);
  CHECK(plan->step_rules.at("again").names == std::vector<std::string>{"web*"});

  folder.write("plans.d/a.toml",
               "[[step]]\nkind = \"fake\"\nsystem = \"dms\"\n[[step]]\nname = \"x\"\nkind = \"fake\"\n");
  const auto mistakes = folder.mistakes(kGood);
  REQUIRE(mistakes.size() == 2);
  CHECK(
      mistakes[0].find("a.toml:3:10 'step.system' is 'dms', which no file of records.d defines; of kind fake there is "
                       "dns") != std::string::npos);
  CHECK(mistakes[1].find("a.toml:4:1 'step.system' is missing") != std::string::npos);
}

namespace {

const std::string kEmea = R"(kind = "ad.computer"
url = "ldaps://dc1.emea.example.test"
base_dn = "DC=emea,DC=example,DC=test"
bind_dn = "svc-decom@emea.example.test"
password_file = "emea.password"
)";

std::vector<std::string> mistakes_of_emea(const std::string& more) {
  const Folder folder;
  folder.write("records.d/ad-emea.toml", kEmea + more);
  folder.secret("emea.password", "secret\n");
  Mistakes mistakes;
  const RecordWorld world{.secret_file = [&](const std::string& name) { return folder.path() / name; }};
  (void)read_record_files(folder.path() / "records.d", {all_record_kinds(), world, {}}, mistakes);
  std::vector<std::string> texts;
  for (const Finding& finding : mistakes.findings()) texts.push_back(finding.where + " " + finding.what);
  return texts;
}

}  // namespace

TEST_CASE("one more domain is a system, beside that of [directory]") {
  const Folder folder;
  folder.write("records.d/ad-emea.toml", kEmea + "action = \"disable\"\n");
  folder.secret("emea.password", "secret\n");
  folder.write("plans.d/both.toml", R"([[step]]
kind = "ad.computer"
[[step]]
kind = "ad.computer"
system = "ad-emea"
action = "delete"
)");
  const auto records = std::make_shared<RecordSystems>(RecordWorld{.secret_file = secret_files_of(folder.path() / "x")},
                                                       all_record_kinds());
  folder.write("decomd.toml", kGood);
  const Config config = load_config(folder.path() / "decomd.toml", built_in_steps(records));
  CHECK(system_of(config, "ad-emea").kind == "ad.computer");
  const auto windows = std::ranges::find(config.plans, "windows", &PlanTemplate::name);
  REQUIRE(windows != config.plans.end());
  std::vector<std::string> names;
  for (const PlanStep& step : windows->steps) names.push_back(step.name);
  CHECK(names == std::vector<std::string>{"power_off", "destroy", "ad_computer", "ad-emea"});
  const auto both = std::ranges::find(config.plans, "both", &PlanTemplate::name);
  REQUIRE(both != config.plans.end());
  CHECK(both->steps[0].system.empty());
  CHECK(both->steps[1].name == "ad-emea");
  CHECK(both->steps[1].params.at("action") == "delete");
  CHECK(with_action(R"({"action":"move","move_to":"OU=X"})", {{"action", "disable"}, {"deadline", "1s"}}) ==
        R"({"action":"disable"})");
  CHECK(with_action(R"({"action":"move","move_to":"OU=X"})", {{"deadline", "1s"}}) ==
        R"({"action":"move","move_to":"OU=X"})");
}

TEST_CASE("a domain that cannot be used is a mistake of its file") {
  CHECK(mistakes_of_emea("").empty());
  const auto has = [](const std::string& more, const std::string& text) {
    const auto all = mistakes_of_emea(more);
    CAPTURE(all.size());
    return all.size() == 1 && all.front().find(text) != std::string::npos;
  };
  CHECK(has("action = \"burn\"\n", "ad-emea.toml:6:10 'action' is 'burn'; expected delete, disable or move"));
  CHECK(has("action = \"move\"\n", "needs 'move_to'"));
  CHECK(has("action = \"move\"\nmove_to = \"OU=Retired,DC=corp\"\n", "ad-emea.toml:7:11 'move_to' is"));
  CHECK(has("starttls = true\n", "ldaps is under TLS from its first byte"));
  CHECK(has("computer_ous = \"OU=Servers,DC=corp\"\n", "is not below DC=emea,DC=example,DC=test"));
  CHECK(has("passwort = \"x\"\n", "unknown key 'passwort'"));
}

TEST_CASE("a monitoring that says how it is silenced has a step for that, in the shipped plans and in a site's own") {
  const auto recipe = [](const std::string& file) {
    std::ifstream in(std::string{DECOM_SOURCE_DIR} + "/packaging/records.d/" + file);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  const Folder folder;
  folder.write("records.d/icinga.toml", recipe("icinga2.toml"));
  folder.write("records.d/alertmanager.toml", recipe("alertmanager.toml"));
  folder.write("records.d/kea.toml", recipe("kea.toml"));
  for (const std::string name : {"icinga", "alertmanager", "kea"}) {
    folder.write(name + "-ca.pem", "certificate\n");
    folder.secret(name + ".password", "secret\n");
  }
  folder.write("decomd.toml", kGood);
  const auto records = std::make_shared<RecordSystems>(
      RecordWorld{.secret_file = secret_files_of(folder.path() / "x"), .clock = &system_clock()}, all_record_kinds());
  const auto load = [&] { return load_config(folder.path() / "decomd.toml", built_in_steps(records)); };
  const auto mistakes = [&] {
    std::string all;
    try {
      (void)load();
    } catch (const Error& e) {
      for (const Finding& finding : e.findings()) all += finding.where + " " + finding.what + "\n";
    }
    return all;
  };
  folder.write("plans.d/own.toml", R"([[step]]
kind = "vsphere.power_off"
[[step]]
kind = "silence"
system = "icinga"
[[step]]
kind = "silence"
name = "hush"
system = "alertmanager"
on_failure = "stop"
)");
  const Config config = load();
  CHECK(system_of(config, "icinga").silences);
  CHECK_FALSE(system_of(config, "kea").silences);
  const auto linux_ = std::ranges::find(config.plans, "linux", &PlanTemplate::name);
  REQUIRE(linux_ != config.plans.end());
  CHECK(linux_->steps[0].name == "silence_alertmanager");
  CHECK(linux_->steps[1].name == "silence_icinga");
  CHECK(linux_->steps[2].name == "power_off");
  const auto own = std::ranges::find(config.plans, "own", &PlanTemplate::name);
  REQUIRE(own != config.plans.end());
  CHECK(own->steps[1].name == "silence_icinga");
  CHECK(own->steps[1].on_failure == OnFailure::warn);
  CHECK(own->steps[2].name == "hush");
  CHECK(own->steps[2].on_failure == OnFailure::stop);

  folder.write("plans.d/own.toml",
               "[[step]]\nkind = \"silence\"\nsystem = \"kea\"\n[[step]]\nkind = \"silence\"\nsystem = \"x\"\n");
  CHECK(mistakes().find("own.toml:3:10 'step.system' is 'kea', which says nothing of how it is silenced: ") !=
        std::string::npos);
  CHECK(
      mistakes().find("own.toml:6:10 'step.system' is 'x', which no file of records.d defines; with a [silence] there "
                      "is alertmanager, icinga") != std::string::npos);
  folder.write("plans.d/own.toml", "[[step]]\nkind = \"silence\"\n");
  CHECK(mistakes().find("'step.system' is missing") != std::string::npos);
  folder.write("plans.d/own.toml", "[[step]]\nkind = \"vsphere.power_off\"\n");
  std::string twin = recipe("kea.toml");
  twin.replace(twin.find("name = \"kea\""), 12, "name = \"silence_icinga\"");
  folder.write("records.d/twin.toml", twin);
  CHECK(mistakes().find("twin.toml the system is called 'silence_icinga', as is the step that silences icinga") !=
        std::string::npos);
}

TEST_CASE("each recipe that is shipped has no mistakes, says what it was tried with, and is in the list of them") {
  const std::filesystem::path folder = std::string{DECOM_SOURCE_DIR} + "/packaging/records.d";
  const auto text_of = [](const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  const Folder secrets;
  secrets.secret("any", "secret\n");
  const RecordWorld world{.secret_file = [&](const std::string&) { return secrets.path() / "any"; },
                          .clock = &system_clock()};
  Mistakes mistakes;
  const auto systems = read_record_files(folder, {all_record_kinds(), world, {}}, mistakes);
  for (const Finding& finding : mistakes.findings()) FAIL_CHECK(finding.where << " " << finding.what);
  const std::string list = text_of(folder / "README.md");
  for (const RecordDefinition& system : systems) {
    CAPTURE(system.source);
    const std::string text = text_of(system.source);
    CHECK(text.starts_with("# "));
    const bool tried = text.substr(0, text.find("kind = ")).find("Verified with ") != std::string::npos;
    CHECK(tried == system.unverified.empty());
    const std::string file = std::filesystem::path{system.source}.filename();
    CHECK(list.find(fmt::format("| [{0}]({0}) |", file)) != std::string::npos);
  }
  CHECK(systems.size() >= 4);
}

TEST_CASE("files that a system names are looked at, and what is wrong has the line and the column") {
  const Folder folder;
  folder.secret("good.secret", "s3cret\n", 0640);
  folder.secret("open.secret", "s3cret\n", 0644);
  folder.secret("empty.secret", "\n");
  folder.secret("open.keytab", std::string("\x05\x02\0", 3), 0604);
  folder.write("records.d/cmdb.toml",
               "kind = \"http\"\nca_file = \"away.pem\"\n[credential]\n"
               "type = \"bearer\"\ntoken_file = \"open.secret\"\n");
  folder.write("records.d/dns.toml", "kind = \"dns\"\n[tsig]\nname = \"k\"\nsecret_file = \"empty.secret\"\n");
  folder.write("records.d/gss.toml", "kind = \"dns\"\n[gss]\nkeytab_file = \"open.keytab\"\n");
  folder.write("records.d/emea.toml", kEmea);
  folder.write("records.d/own.toml", "kind = \"exec\"\n[secrets]\nGOOD = \"good.secret\"\nAWAY = \"away.secret\"\n");
  Mistakes mistakes;
  const RecordWorld world{.secret_file = [&](const std::string& name) { return folder.path() / name; },
                          .clock = &system_clock()};
  const Languages none;
  CHECK(read_record_files(folder.path() / "records.d", {all_record_kinds(), world, none}, mistakes).empty());
  std::string all;
  for (const Finding& finding : mistakes.findings()) all += finding.where + " " + finding.what + "\n";
  INFO(all);
  const auto path = [&](const std::string& name) { return (folder.path() / name).string(); };
  for (const std::string& expected : {
           path("records.d/cmdb.toml") + ":2:11 'ca_file': cannot read " + path("away.pem") + ": No such file",
           path("records.d/cmdb.toml") + ":5:14 'token_file': others can reach the secret " + path("open.secret"),
           path("records.d/dns.toml") + ":4:15 'secret_file': the secret " + path("empty.secret") + " is empty",
           path("records.d/gss.toml") + ":3:15 'keytab_file': others can reach the secret " + path("open.keytab"),
           path("records.d/emea.toml") + ":5:17 'password_file': cannot read " + path("emea.password") +
               ": No such file",
           path("records.d/own.toml") + ":4:8 'AWAY': cannot read " + path("away.secret") + ": No such file",
       })
    CHECK_MESSAGE(all.find(expected) != std::string::npos, expected);
  CHECK(all.find("GOOD") == std::string::npos);
}
