#include "daemon/notices/words.hpp"

#include <doctest/doctest.h>

#include "common/base/json.hpp"
#include "common/base/text.hpp"
#include "daemon/notices/mail_message.hpp"
#include "daemon/notices/markup.hpp"
#include "daemon/notices/shape.hpp"

using namespace decom;
using namespace decom::notices;

namespace {

const Timestamp kNow = from_millis(1'767'225'600'000);
const std::string kHostile = "<!channel> @everyone *b* [x](http://evil) \r\nBcc: all@corp\x1b[31m\"}]";

Notice finish(int machines, const std::string& name = "web") {
  Notice notice;
  notice.id = "17-5";
  notice.host = "decom.example.test";
  notice.draft = {.request = 17, .at = kNow, .items = {{.seq = 5, .occasion = Occasion::finish, .text = "failed"}}};
  notice.facts = {.requester = "CORP\\alice", .requester_sam = "alice", .reason = "end of life", .ticket = "CHG-1"};
  for (int i = 1; i <= machines; ++i)
    notice.facts.machines.push_back({.ordinal = i,
                                     .name = name + std::to_string(i),
                                     .vcenter = "lab",
                                     .state = i % 4 == 0 ? DecommissionState::failed : DecommissionState::succeeded,
                                     .reason = "",
                                     .warnings = i == 1 ? 2 : 0});
  return notice;
}

WebhookOptions shaped(const std::string& name) {
  const auto shape = std::ranges::find(shipped_shapes(), name, &Shape::name);
  return {.shape = name, .body = shape->body, .markup = shape->markup};
}

void all_strings(const Json& value, std::string& into) {
  if (value.is_string()) into += value.get<std::string>() + "\n";
  if (value.is_structured())
    for (const Json& part : value) all_strings(part, into);
}

}  // namespace

TEST_CASE("the end of a request is a table with who, why and how to look") {
  const Words words = words_of(finish(40), Markup::plain);
  CHECK(words.title == "decom: request 17 is over: 30 succeeded, 10 failed");
  REQUIRE(words.lines.size() == 8);
  CHECK(words.lines[0].starts_with("30 succeeded: web1, web2, web3, web5"));
  CHECK(words.lines[0].ends_with("and 10 more"));
  CHECK(words.lines[1] == "10 failed: web4, web8, web12, web16, web20, web24, web28, web32, web36, web40");
  CHECK(words.lines[2] == "2 warnings");
  CHECK(words.lines[3] == "Asked for by CORP\\alice");
  CHECK(words.lines[4] == "Reason: end of life");
  CHECK(words.lines[5] == "Ticket: CHG-1");
  CHECK(words.lines[6] == "Look: decomctl status 17");
}

TEST_CASE("many failures are named up to twenty, and counted") {
  Notice notice = finish(40);
  notice.draft.items.clear();
  for (int i = 1; i <= 35; ++i)
    notice.draft.items.push_back(
        {.seq = i, .occasion = Occasion::failure, .machine = i, .name = "web" + std::to_string(i), .text = "it is on"});
  notice.draft.items.push_back({.seq = 40, .occasion = Occasion::attention, .machine = 40, .name = "db", .text = ""});
  const Words words = words_of(notice, Markup::plain);
  CHECK(words.title == "decom: request 17: 1 machine needs attention, 35 machines failed");
  CHECK(words.lines[0] == "Needs attention: 17.40 db");
  CHECK(words.lines[1] == "Failed: 17.1 web1: it is on");
  CHECK(words.lines[21] == "Failed: and 15 more");
}

TEST_CASE("a name from outside is shown in each shape, and is syntax in none") {
  const std::string slack = written(kHostile, Markup::slack);
  CHECK(slack.find('<') == std::string::npos);
  CHECK(slack.find("&lt;!channel&gt;") == 0);
  CHECK(slack.find("@everyone") == std::string::npos);
  const std::string discord = written(kHostile, Markup::discord);
  CHECK(discord.find("@everyone") == std::string::npos);
  CHECK(discord.find("\\*b\\*") != std::string::npos);
  CHECK(discord.find("\\[x\\]\\(http") != std::string::npos);
  for (const Markup markup : {Markup::plain, Markup::slack, Markup::discord, Markup::markdown}) {
    const std::string text = written(kHostile, markup, 400);
    CHECK(text.find_first_of("\r\n\x1b") == std::string::npos);
  }
  for (const Shape& shape : shipped_shapes()) {
    CAPTURE(shape.name);
    Notice notice = finish(3, kHostile);
    notice.facts.reason = kHostile;
    notice.facts.requester = kHostile;
    const Json body = Json::parse(body_of(shaped(std::string(shape.name)), notice));
    std::string said;
    all_strings(body, said);
    CHECK(said.find("status 17") != std::string::npos);
    if (shape.name != "generic") CHECK(said.find('\x1b') == std::string::npos);
  }
}

TEST_CASE("what the chat programs are sent") {
  const Notice notice = finish(4);
  const Json slack = Json::parse(body_of(shaped("slack"), notice));
  CHECK(slack["blocks"][0]["text"]["type"] == "plain_text");
  CHECK(slack["blocks"][0]["text"]["text"] == "decom: request 17 is over: 3 succeeded, 1 failed");
  const Json discord = Json::parse(body_of(shaped("discord"), notice));
  CHECK(discord["allowed_mentions"] == Json{{"parse", Json::array()}});
  const Json teams = Json::parse(body_of(shaped("teams"), notice));
  const Json& card = teams["attachments"][0]["content"]["body"];
  CHECK(card.size() == 1 + words_of(notice, Markup::plain).lines.size());
  CHECK(card[1]["inlines"][0]["text"] == "3 succeeded: web1, web2, web3");
  CHECK(!card[1].contains("each"));
  const Json generic = Json::parse(body_of(shaped("generic"), notice));
  CHECK(generic["what"] == "finish");
  CHECK(generic["level"] == "error");
  CHECK(generic["request"] == 17);
  CHECK(generic["counts"] == Json{{"succeeded", 3}, {"failed", 1}});
  CHECK(generic["machines"][3]["id"] == "17.4");
}

TEST_CASE("a text that is long stays within what the chat programs take") {
  Notice notice = finish(1000, std::string(300, '*'));
  notice.facts.reason = std::string(4000, '<');
  for (const char* shape : {"slack", "discord"}) {
    const Json body = Json::parse(body_of(shaped(shape), notice));
    const Json& text =
        shape == std::string("slack") ? body["blocks"][1]["text"]["text"] : body["embeds"][0]["description"];
    CHECK(text.get<std::string>().size() < 3000);
  }
}

TEST_CASE("a body of the site's own has variables, and no raw ones") {
  CHECK(mistakes_in_body(
            {{"text", "{{title}} {{look}}"}, {"parts", Json::array({{{"each", "line"}, {"t", "{{line}}"}}})}})
            .empty());
  const auto wrong = mistakes_in_body({{"a", "{{{title}}}"}, {"b", {{"c", "{{titel}}"}}}, {"d", "{{line}}"}});
  REQUIRE(wrong.size() == 3);
  CHECK(wrong[0].where == "/a");
  CHECK(wrong[1].where == "/b/c");
  CHECK(wrong[1].what.find("did you mean 'title'") != std::string::npos);
  CHECK(wrong[2].what.find("each") != std::string::npos);
}

TEST_CASE("a mail is plain text, and no name adds a header to it") {
  const MailOptions options{.server = "mail", .from = "decom@corp.test", .to = {"a@corp.test", "b@corp.test"}};
  const std::string plain = mail_message(options, finish(2), kNow);
  CHECK(plain.starts_with(
      "Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nFrom: decom@corp.test\r\nTo: a@corp.test,\r\n b@corp"));
  CHECK(plain.find("Subject: decom: request 17 is over: 2 succeeded\r\n") != std::string::npos);
  CHECK(plain.find("Message-ID: <decom.17-5@decom.example.test>\r\n") != std::string::npos);
  CHECK(plain.find("Auto-Submitted: auto-generated\r\n") != std::string::npos);
  CHECK(plain.find("\r\n\r\n2 succeeded: web1, web2\r\n") != std::string::npos);

  Notice hostile = finish(2, "b\xc3\xbc" + kHostile);
  hostile.draft = {.request = 0, .at = kNow, .items = {{.seq = 1, .occasion = Occasion::attention, .text = kHostile}}};
  hostile.kind = Notice::Kind::daemon;
  hostile.host = "h\r\nX-Evil: 1>";
  const std::string mail = mail_message(options, hostile, kNow);
  const std::string head = mail.substr(0, mail.find("\r\n\r\n"));
  for (const std::string& line : split(head, '\n')) {
    CHECK(line.size() < 200);
    CHECK((line.starts_with(" ") || line.find(": ") != std::string::npos));
    CHECK(!line.starts_with("Bcc"));
    CHECK(!line.starts_with("X-Evil"));
  }
  CHECK(header_text("gr\xc3\xbc\xc3\x9f") == "=?UTF-8?B?Z3LDvMOf?=");
  CHECK(header_text("=?UTF-8?B?eA==?=") == "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=");
  CHECK(is_mail_address("ops@example.com"));
  for (const char* bad : {"", "ops", "@x", "x@", "a b@c", "a@c\r\nRCPT", "<a@c>", "a@b,c@d"})
    CHECK(!is_mail_address(bad));
}

TEST_CASE("a channel hears of what it wants to hear of") {
  ChannelOptions channel;
  const Notice whole = finish(2);
  CHECK(notice_for(channel, whole.draft, whole.facts));
  channel.on = {Occasion::failure};
  CHECK(!notice_for(channel, whole.draft, whole.facts));
  channel.on = {Occasion::finish};
  channel.users = {"corp\\ALICE"};
  channel.vcenters = {"lab", "other"};
  CHECK(notice_for(channel, whole.draft, whole.facts));
  channel.users = {"bob"};
  CHECK(!notice_for(channel, whole.draft, whole.facts));
  channel.users = {"alice"};
  channel.vcenters = {"other"};
  CHECK(!notice_for(channel, whole.draft, whole.facts));
}
