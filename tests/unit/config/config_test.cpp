#include "daemon/config/config.hpp"

#include "tests/unit/config/folder.hpp"

using namespace decom;
using namespace decom::test;

TEST_CASE("a good configuration is read whole") {
  const Folder folder;
  const Config config = folder.load(kGood);
  CHECK(config.engine.workers == 8);
  CHECK(config.vcenters.at(0).name == "lab");
  CHECK(config.vcenters.at(0).user_format == "CORP\\{sam}");
  CHECK(config.directory->urls == std::vector<std::string>{"ldaps://dc1.corp.example.test"});
  CHECK(config.auth.roles.at(Role::operator_).size() == 2);
  CHECK(config.plans.size() >= 3);
}

TEST_CASE("every mistake is said at once, with its line, its column and what was expected") {
  const Folder folder;
  const auto mistakes = folder.mistakes(R"([daemon]
workers = "five"
sokcet = "/run/x"
state_dir = "relative"
log_level = "loud"
[[vcenter]]
name = "lab"
url = "http://vcenter.example.com/sdk"
username = "u"
password_file = "missing.password"
thumbprint = "SHA256:12"
[directory]
url = "ldap://dc1"
base_dn = 5
bind_dn = "x"
password_file = "ad.password"
vcenter_user = "everybody"
[roles]
operator = [1, ""]
king = ["x"]
[bogus]
a = 1
)");
  const auto has = [&](const std::string& text) {
    return std::ranges::any_of(mistakes, [&](const std::string& line) { return line.find(text) != std::string::npos; });
  };
  CHECK(has("decomd.toml:2:11 'daemon.workers' is a string; expected a whole number from 1 to 128"));
  CHECK(has("decomd.toml:3:1 unknown key 'daemon.sokcet': did you mean 'socket'?"));
  CHECK(has("decomd.toml:4:13 'daemon.state_dir' is 'relative'; expected an absolute path"));
  CHECK(has("decomd.toml:5:13 'daemon.log_level' is 'loud'"));
  CHECK(has("decomd.toml:8:7 'vcenter.url' is 'http://vcenter.example.com/sdk'; expected https://HOST/sdk"));
  CHECK(has("decomd.toml:10:17 'vcenter.password_file': cannot read the secret"));
  CHECK(has("decomd.toml:11:14 'vcenter.thumbprint' is not 'SHA256:' and 64 hexadecimal digits"));
  CHECK(has("decomd.toml:13:7 'directory.url' is ldap:// without starttls = true"));
  CHECK(has("decomd.toml:14:11 'directory.base_dn' is a whole number; expected a string"));
  CHECK(has("decomd.toml:17:16 'directory.vcenter_user' has neither {sam} nor {upn}"));
  CHECK(has("decomd.toml:19:13 'roles.operator' is a whole number; expected a string"));
  CHECK(has("decomd.toml:19:16 'roles.operator' has an empty name"));
  CHECK(has("decomd.toml:20:1 unknown key 'roles.king'"));
  CHECK(has("decomd.toml:21:2 unknown key 'bogus'"));
  CHECK(mistakes.size() == 14);
}

TEST_CASE("what is missing altogether is said") {
  const Folder folder;
  const auto mistakes = folder.mistakes("");
  REQUIRE(mistakes.size() == 3);
  CHECK(mistakes[0].find("no [[vcenter]]") != std::string::npos);
  CHECK(mistakes[1].find("no [directory]") != std::string::npos);
  CHECK(mistakes[2].find("no [roles]") != std::string::npos);
}

TEST_CASE("a vCenter whose certificate nothing vouches for is a mistake") {
  const Folder folder;
  const auto mistakes = folder.mistakes(R"([[vcenter]]
name = "lab"
url = "https://vcenter.example.com/sdk"
username = "u"
password_file = "ad.password"
)");
  CHECK(std::ranges::any_of(mistakes, [](const std::string& line) {
    return line.find("decomd.toml:1:1 'vcenter.ca_file' is missing: by it, or by a thumbprint") != std::string::npos;
  }));
}

TEST_CASE("a syntax error names its place") {
  const Folder folder;
  const auto mistakes = folder.mistakes("[daemon]\nworkers = = 5\n");
  REQUIRE_FALSE(mistakes.empty());
  CHECK(mistakes[0].find("decomd.toml:2:") != std::string::npos);
  CHECK(mistakes[0].find("syntax error") != std::string::npos);
}

TEST_CASE("an empty secret is a mistake, and so is a folder in its place") {
  const Folder folder;
  folder.write("vc.password", "\n");
  const auto mistakes = folder.mistakes(kGood);
  REQUIRE(mistakes.size() == 1);
  CHECK(mistakes[0].find("is empty") != std::string::npos);
}

TEST_CASE("relative secrets are looked for below CREDENTIALS_DIRECTORY first") {
  const Folder folder;
  const auto other = std::filesystem::temp_directory_path() / ("decom-credentials-" + std::to_string(::getpid()));
  std::filesystem::create_directories(other);
  std::ofstream(other / "vc.password") << "from systemd\n";
  ::setenv("CREDENTIALS_DIRECTORY", other.c_str(), 1);
  CHECK(folder.load(kGood).vcenters.at(0).password_file == other / "vc.password");
  ::unsetenv("CREDENTIALS_DIRECTORY");
  std::filesystem::remove_all(other);
}

TEST_CASE("two vCenters of one name are a mistake") {
  const Folder folder;
  const auto mistakes = folder.mistakes(
      kGood +
      "[[vcenter]]\nname = \"lab\"\nurl = \"https://b/sdk\"\nusername = \"u\"\npassword_file = \"vc.password\"\n"
      "ca_file = \"ca.pem\"\n");
  REQUIRE(mistakes.size() == 1);
  CHECK(mistakes[0].find("is 'lab', as another [[vcenter]] is") != std::string::npos);
}

TEST_CASE("a plan is held against the kinds of steps") {
  const Folder folder;
  folder.write("plans.d/10-db.toml", R"(priority = 10
[when]
name = "db-*"
family = ["linux", "bsd"]
[[step]]
kind = "vsphere.power_off"
[[step]]
kind = "vsphere.explode"
[[step]]
name = "Destroy It"
kind = "vsphere.destroy"
after = ["nothing"]
on_failure = "ignore"
colour = "red"
)");
  const auto mistakes = folder.mistakes(kGood);
  REQUIRE(mistakes.size() == 6);
  CHECK(mistakes[0].find("plans.d/10-db.toml:4:20 'when.family' is 'bsd'") != std::string::npos);
  CHECK(mistakes[1].find("'step.kind' is 'vsphere.explode', which is no kind of step; known are") != std::string::npos);
  CHECK(mistakes[2].find("'step.name' is 'Destroy It'") != std::string::npos);
  CHECK(mistakes[3].find("'step.after' is 'nothing', which is no earlier step") != std::string::npos);
  CHECK(mistakes[4].find("'step.on_failure' is 'ignore'; expected stop, warn or ask") != std::string::npos);
  CHECK(mistakes[5].find("unknown key 'colour'") != std::string::npos);
}

namespace {

const PlanStep& account_step(const Config& config, const std::string& plan) {
  const auto found = std::ranges::find(config.plans, plan, &PlanTemplate::name);
  REQUIRE(found != config.plans.end());
  const auto step = std::ranges::find(found->steps, std::string("ad.computer"), &PlanStep::kind);
  REQUIRE(step != found->steps.end());
  return *step;
}

/// A good configuration with this behind the first key of [directory].
std::string with_directory(const std::string& lines) {
  std::string text = kGood;
  const std::string place = "[directory]\n";
  text.insert(text.find(place) + place.size(), lines);
  return text;
}

}  // namespace

TEST_CASE("what becomes of a computer account is said by its step, or by [directory], and is in the plan") {
  using Params = std::map<std::string, std::string>;
  const Folder folder;
  CHECK(account_step(folder.load(kGood), "windows").params == Params{});
  folder.write("plans.d/keep.toml", "[[step]]\nkind = \"ad.computer\"\naction = \"delete\"\n");
  folder.write("plans.d/same.toml", "[[step]]\nkind = \"ad.computer\"\n");
  const Config config =
      folder.load(with_directory("computer_action = \"move\"\n"
                                 "computer_move_to = \"OU=Retired,DC=corp,DC=example,DC=test\"\n"));
  const Params moved{{"action", "move"}, {"move_to", "OU=Retired,DC=corp,DC=example,DC=test"}};
  CHECK(config.computer_action == AdAction{AdActionKind::move, "OU=Retired,DC=corp,DC=example,DC=test"});
  CHECK(account_step(config, "windows").params == moved);
  CHECK(account_step(config, "same").params == moved);
  CHECK(account_step(config, "keep").params == Params{{"action", "delete"}});
}

TEST_CASE("an action that cannot be done is a mistake of the configuration") {
  const Folder folder;
  const auto of_directory = [&](const std::string& lines) {
    const auto mistakes = folder.mistakes(with_directory(lines));
    return mistakes.empty() ? std::string{} : mistakes.front();
  };
  CHECK(of_directory("computer_action = \"burn\"\n").find("'burn'; expected delete, disable or move") !=
        std::string::npos);
  CHECK(of_directory("computer_action = \"move\"\n").find("needs 'move_to'") != std::string::npos);
  CHECK(of_directory("computer_move_to = \"OU=X,DC=corp,DC=example,DC=test\"\n").find("belongs to action") !=
        std::string::npos);
  CHECK(of_directory("computer_action = \"move\"\ncomputer_move_to = \"Retired\"\n").find("no distinguished name") !=
        std::string::npos);
  CHECK(of_directory("computer_action = \"move\"\ncomputer_move_to = \"OU=X,DC=other,DC=test\"\n")
            .find("not below DC=corp,DC=example,DC=test") != std::string::npos);

  folder.write("plans.d/a.toml", "[[step]]\nkind = \"ad.computer\"\naction = \"move\"\nmove_to = \"OU=X,DC=other\"\n");
  folder.write("plans.d/b.toml", "[[step]]\nkind = \"ad.computer\"\nmove_to = \"OU=X,DC=corp\"\n");
  const auto mistakes = folder.mistakes(kGood);
  REQUIRE(mistakes.size() == 2);
  CHECK(mistakes[1].find("b.toml:3") != std::string::npos);
  CHECK(mistakes[0].find("'move_to' of step computer is 'OU=X,DC=other'") != std::string::npos);
}

TEST_CASE("what becomes of records that came back is said by a step, or by its system") {
  const Folder folder;
  folder.write("plans.d/a.toml", "[[step]]\nkind = \"ad.computer\"\non_return = \"remove\"\n");
  const Config config = folder.load(kGood);
  const auto plan = std::ranges::find(config.plans, std::string("a"), &PlanTemplate::name);
  CHECK(plan->steps.at(0).on_return == OnReturn::remove);
  CHECK(account_step(config, "windows").on_return == OnReturn::warn);
  folder.write("plans.d/a.toml",
               "[[step]]\nkind = \"ad.computer\"\non_return = \"burn\"\n"
               "[[step]]\nkind = \"vsphere.destroy\"\non_return = \"remove\"\n");
  const auto mistakes = folder.mistakes(kGood);
  REQUIRE(mistakes.size() == 2);
  CHECK(mistakes[0].find("'burn'; expected warn or remove") != std::string::npos);
  CHECK(mistakes[1].find("a.toml:6:13 'on_return' is for steps that remove records") != std::string::npos);
}

TEST_CASE("when records are looked for again is a list of times, or none") {
  const Folder folder;
  using namespace std::chrono_literals;
  const auto with = [](const std::string& line) { return std::string(kGood) + "\n[aftercare]\n" + line + "\n"; };
  CHECK(folder.load(kGood).look_again == std::vector<std::chrono::milliseconds>{1h, 24h, 168h});
  CHECK(folder.load(with("look_again = [\"2d\", \"30m\"]")).look_again ==
        std::vector<std::chrono::milliseconds>{30min, 48h});
  CHECK(folder.load(with("look_again = []")).look_again.empty());
  const auto mistakes = folder.mistakes(with(R"(look_again = ["1h", "60m", "soon", "500d", 5]
look_agian = [])"));
  REQUIRE(mistakes.size() == 5);
  CHECK(mistakes[0].find("has '60m' twice") != std::string::npos);
  CHECK(mistakes[1].find("has 'soon'; expected durations") != std::string::npos);
  CHECK(mistakes[2].find("has '500d'; expected from 1s to 366d") != std::string::npos);
  CHECK(mistakes[3].find("is a whole number; expected a string") != std::string::npos);
  CHECK(mistakes[4].find("did you mean 'look_again'?") != std::string::npos);
}
