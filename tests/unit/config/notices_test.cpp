// Files of notices.d: what they give, and that every mistake is said with its place.
#include <algorithm>
#include <sstream>

#include "daemon/config/notice_file.hpp"
#include "tests/unit/config/folder.hpp"

using namespace decom;
using namespace decom::test;
using namespace decom::notices;
using namespace std::chrono_literals;

namespace {

struct Files : Folder {
  Files() {
    std::filesystem::create_directories(path() / "notices.d");
    write("chat.url", "https://hooks.example.com/services/T0/B0/secret\n");
    write("mail.password", "s3cret\n");
  }
  [[nodiscard]] std::vector<ChannelOptions> read(Mistakes& mistakes) const {
    return read_notice_files(path() / "notices.d",
                             {[this](const std::string& name) { return path() / name; }, {"lab", "prod"}}, mistakes);
  }
  [[nodiscard]] std::vector<std::string> mistakes_of(const std::string& file) const {
    write("notices.d/one.toml", file);
    Mistakes mistakes;
    const auto channels = read(mistakes);
    CHECK(channels.empty() == !mistakes.empty());
    std::vector<std::string> lines;
    for (const Finding& finding : mistakes.findings()) {
      CHECK(finding.what.find("secret") == std::string::npos);
      lines.push_back(finding.where.substr(finding.where.find("one.toml") + 9) + " " + finding.what);
    }
    return lines;
  }
};

bool has(const std::vector<std::string>& lines, const std::string& part) {
  return std::ranges::any_of(lines, [&](const auto& line) { return line.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE_FIXTURE(Files, "a webhook and a mail") {
  write("notices.d/chat.toml", R"(
kind = "webhook"
shape = "slack"
url_file = "chat.url"
on = ["failure", "finish"]
vcenters = "lab"
)");
  write("notices.d/ops-mail.toml", R"(
kind = "mail"
server = "mail.example.com"
security = "tls"
username = "decom"
password_file = "mail.password"
from = "decom@example.com"
to = ["ops@example.com", "boss@example.com"]
timeout = "20s"
give_up = "1h"
)");
  const Config config = load(kGood);
  REQUIRE(config.channels.size() == 2);
  CHECK(config.channels[0].name == "chat");
  CHECK(config.channels[0].on == std::set{Occasion::failure, Occasion::finish});
  const auto& webhook = std::get<WebhookOptions>(config.channels[0].way);
  CHECK(webhook.markup == Markup::slack);
  CHECK(webhook.body.contains("blocks"));
  CHECK(webhook.url_file == path() / "chat.url");
  const auto& mail = std::get<MailOptions>(config.channels[1].way);
  CHECK(mail.port == 465);
  CHECK(mail.to.size() == 2);
  CHECK(config.channels[1].on.size() == 4);
  CHECK(config.channels[1].give_up == 1h);
}

TEST_CASE_FIXTURE(Files, "every mistake at once, with line and column, and nothing of the address") {
  write("bad.url", "hooks.example.com/services/secret\n");
  const auto lines = mistakes_of(R"(kind = "webhook"
shape = "slak"
url_file = "bad.url"
on = ["finish", "end"]
vcenters = ["labb"]
markup = "slack"
colour = "red"
)");
  CHECK(lines.size() == 6);
  CHECK(has(lines, "2:9 'shape' is 'slak'; expected slack, teams, discord, generic"));
  CHECK(has(lines, "3:12 'url_file': "));
  CHECK(has(lines, "4:17 'on' has 'end'"));
  CHECK(has(lines, "5:13 'vcenters' has 'labb', which is no [[vcenter]]: did you mean 'lab'?"));
  CHECK(has(lines, "6:10 'markup' is of a [body]"));
  CHECK(has(lines, "7:1 unknown key 'colour'"));
  CHECK(has(mistakes_of("kind = \"pager\"\nx = 1\n"), "1:8 'kind' is 'pager'; expected webhook or mail"));
  CHECK(has(mistakes_of("shape = \"slack\"\n"), "'kind' is missing"));
}

TEST_CASE_FIXTURE(Files, "a body of the site's own has its mistakes in its lines") {
  const auto lines = mistakes_of(R"(kind = "webhook"
url_file = "chat.url"
[body]
text = "{{{title}}}"
[body.more]
who = "{{requestor}}"
lines = [{ each = "line", t = "{{line}}" }]
)");
  CHECK(lines.size() == 2);
  CHECK(has(lines, "4:8 has a raw variable"));
  CHECK(has(lines, "6:7 has no variable 'requestor' here: did you mean 'requester'?"));
}

TEST_CASE_FIXTURE(Files, "a mail that would be readable on the wire is a mistake") {
  const std::string mail = "kind = \"mail\"\nfrom = \"d@example.com\"\nto = \"o@example.com\"\n";
  CHECK(has(mistakes_of(mail + "server = \"mail.example.com\"\nsecurity = \"none\"\n"), "5:12 'security' is none"));
  CHECK(has(mistakes_of(mail + "server = \"localhost\"\nsecurity = \"none\"\nusername = \"x\"\npassword_file = "
                               "\"mail.password\"\n"),
            "'security' is none"));
  CHECK(mistakes_of(mail + "server = \"localhost\"\nsecurity = \"none\"\n").empty());
  CHECK(has(mistakes_of(mail + "server = \"mail.example.com:25\"\n"), "the port is a key of its own"));
  CHECK(has(mistakes_of(mail + "server = \"m\"\nusername = \"x\"\n"), "belong together"));
  CHECK(has(mistakes_of("kind = \"mail\"\nserver = \"m\"\nfrom = \"Decom <d@x>\"\nto = []\n"), "3:8 'from' has"));
}

TEST_CASE_FIXTURE(Files, "the examples that are shipped are good") {
  write("slack.url", "https://hooks.example.com/x");
  for (const auto& entry : std::filesystem::directory_iterator(DECOM_SOURCE_DIR "/packaging/notices.d")) {
    CAPTURE(entry.path().string());
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    CHECK(mistakes_of(text.str()).empty());
  }
}
