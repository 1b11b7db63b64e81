// Notices with real mail servers and a real HTTPS receiver, and with a real store.
#include "daemon/notices/notices.hpp"

#include <condition_variable>
#include <mutex>

#include <doctest/doctest.h>
#include <poll.h>

#include "common/base/crypto.hpp"
#include "daemon/notices/shape.hpp"
#include "tests/support/record_server.hpp"
#include "tests/unit/store/fixture.hpp"

using namespace decom;
using namespace decom::notices;
using namespace decom::test;
using namespace std::chrono_literals;

namespace {

using What = Verdict::What;
const std::string kPath = "/services/T0SECRET1/B0SECRET2/xXsecretXx";

struct World {
  World() {
    server().tell("mode https 200");
    server().tell("mode smtp ok");
    server().tell("forget");
    write("url", fmt::format("https://127.0.0.1:{}{}", port("https"), kPath));
    write("password", "pa55 word\n");
  }

  static RecordServer& server() {
    static RecordServer shared("notice_server.py");
    return shared;
  }
  static int port(const std::string& name) { return server().facts()[name]; }
  static nlohmann::json wait(const std::string& what, int count) {
    return nlohmann::json::parse(server().tell(fmt::format("wait {} {}", what, count)));
  }
  static nlohmann::json all(const std::string& what) { return nlohmann::json::parse(server().tell("all " + what)); }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(dir.path() / name, std::ios::binary) << content;
  }

  [[nodiscard]] ChannelOptions webhook(const std::string& shape = "generic") const {
    const auto found = std::ranges::find(shipped_shapes(), shape, &Shape::name);
    ChannelOptions channel{.name = "chat", .timeout = 5s};
    channel.way = WebhookOptions{.shape = shape,
                                 .body = found->body,
                                 .markup = found->markup,
                                 .url_file = dir.path() / "url",
                                 .trust = {.ca_file = server().text("ca")}};
    return channel;
  }
  [[nodiscard]] ChannelOptions mail(const std::string& server_name = "starttls") const {
    ChannelOptions channel{.name = "mail", .timeout = 5s};
    MailOptions mail{.server = "127.0.0.1",
                     .port = static_cast<std::uint16_t>(port(server_name)),
                     .security = server_name == "tls"    ? MailSecurity::tls
                                 : server_name == "none" ? MailSecurity::none
                                                         : MailSecurity::starttls,
                     .from = "decom@example.test",
                     .to = {"ops@example.test"},
                     .trust = {.ca_file = server().text("ca")}};
    if (server_name != "none") {
      mail.username = "decom";
      mail.password_file = dir.path() / "password";
    }
    channel.way = mail;
    return channel;
  }

  Verdict carry(const ChannelOptions& channel) {
    Notice notice{.kind = Notice::Kind::test, .id = "test-1", .host = "decom.example.test"};
    notice.draft.at = clock.now();
    return make_courier(channel, clock)->carry(notice, {});
  }

  TempDir dir;
  ManualClock clock;
};

WebhookOptions& webhook_of(ChannelOptions& channel) { return std::get<WebhookOptions>(channel.way); }
MailOptions& mail_of(ChannelOptions& channel) { return std::get<MailOptions>(channel.way); }

}  // namespace

TEST_CASE_FIXTURE(World, "a webhook gets one signed POST") {
  auto channel = webhook();
  write("header", "Authorization: Bearer abc");
  write("key", "sign with this");
  webhook_of(channel).header_file = dir.path() / "header";
  webhook_of(channel).sign_file = dir.path() / "key";
  const Verdict verdict = carry(channel);
  CHECK(verdict.what == What::delivered);
  const auto posts = wait("posts", 1);
  REQUIRE(posts.size() == 1);
  const auto& headers = posts[0]["headers"];
  CHECK(posts[0]["path"] == kPath);
  CHECK(headers["Content-Type"] == "application/json");
  CHECK(headers["Authorization"] == "Bearer abc");
  const std::string signed_text =
      headers["X-Decom-Timestamp"].get<std::string>() + "." + posts[0]["body"].get<std::string>();
  CHECK(headers["X-Decom-Signature"] == "sha256=" + hmac_sha256_hex(Secret{"sign with this"}, signed_text));
}

TEST_CASE_FIXTURE(World, "what a webhook answers decides what becomes of the notice, and its address is in no text") {
  struct Row {
    const char* mode;
    What what;
  };
  for (const Row& row :
       {Row{"204", What::delivered}, Row{"400", What::never}, Row{"404", What::never}, Row{"403", What::never},
        Row{"307", What::never}, Row{"429", What::later}, Row{"503", What::later}, Row{"echo", What::never}}) {
    CAPTURE(row.mode);
    server().tell(std::string("mode https ") + row.mode);
    const Verdict verdict = carry(webhook());
    CHECK(verdict.what == row.what);
    CHECK(verdict.text.find("SECRET") == std::string::npos);
    CHECK(verdict.text.find("secret") == std::string::npos);
    if (row.mode == std::string("429")) CHECK(verdict.after == 7s);
    if (row.mode == std::string("503")) CHECK(verdict.text == "cannot tell 127.0.0.1: HTTP 503: said 503");
  }
  CHECK(all("posts").size() == 8);  // no redirect was followed

  server().tell("mode https hang");
  auto channel = webhook();
  channel.timeout = 300ms;
  CHECK(carry(channel).what == What::later);
  channel.timeout = 30s;
  webhook_of(channel).trust = {};
  const Verdict untrusted = carry(channel);
  CHECK(untrusted.what == What::never);
  CHECK(untrusted.text.find("secret") == std::string::npos);
  write("url", "https://127.0.0.1:1" + kPath);
  const Verdict unreachable = carry(channel);
  CHECK(unreachable.what == What::later);
  CHECK(unreachable.text.find("secret") == std::string::npos);
  write("url", "ftp://example.test" + kPath);
  CHECK(carry(channel).what == What::never);
  webhook_of(channel).url_file = dir.path() / "absent";
  CHECK(carry(channel).what == What::never);
}

TEST_CASE_FIXTURE(World, "a mail goes over TLS with a login, by each way") {
  for (const char* way : {"starttls", "tls", "none"}) {
    CAPTURE(way);
    server().tell("forget");
    const Verdict verdict = carry(mail(way));
    CHECK_MESSAGE(verdict.what == What::delivered, verdict.text);
    const auto mails = wait("mails", 1);
    CHECK(mails[0]["from"] == "decom@example.test");
    CHECK(mails[0]["to"] == nlohmann::json{"ops@example.test"});
    CHECK(mails[0]["login"] == (way != std::string("none")));
    CHECK(mails[0]["text"].get<std::string>().find("Subject: decom: this is a test\r\n") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(World, "what a mail server answers decides what becomes of the notice") {
  auto channel = mail();
  mail_of(channel).to = {"ops@example.test", "gone@example.test", "boss@example.test"};
  const Verdict partly = carry(channel);
  CHECK(partly.what == What::delivered);
  CHECK(partly.text == "gone@example.test was not taken: 550 5.1.1 nobody of that name");
  CHECK(wait("mails", 1)[0]["to"] == nlohmann::json{"ops@example.test", "boss@example.test"});
  mail_of(channel).to = {"gone@example.test"};
  const Verdict nobody = carry(channel);
  CHECK_MESSAGE(nobody.what == What::never, nobody.text);
  CHECK(nobody.text.find("550 5.1.1 nobody") != std::string::npos);

  server().tell("mode smtp defer");
  const Verdict deferred = carry(mail());
  CHECK_MESSAGE(deferred.what == What::later, deferred.text);
  CHECK(deferred.text.find("451 4.3.0 not now") != std::string::npos);
  server().tell("mode smtp reject");
  CHECK(carry(mail()).what == What::never);

  channel = mail();
  mail_of(channel).trust = {};
  const Verdict untrusted = carry(channel);
  CHECK(untrusted.what == What::never);
  CHECK(untrusted.text.find("certificate") != std::string::npos);
  channel = mail("none");
  mail_of(channel).security = MailSecurity::starttls;
  CHECK(carry(channel).text.find("does not offer STARTTLS") != std::string::npos);
  channel = mail("silent");
  channel.timeout = 300ms;
  CHECK(carry(channel).what == What::later);
  mail_of(channel).port = 1;
  CHECK(carry(channel).what == What::later);
}

namespace {

/// A store in which machines are retired, and what tells of it.
struct Site : World {
  Site() { listen(); }
  ~Site() {
    stop();
    store.store->on_grown({});
  }

  void listen() {
    store.store->on_grown([this](std::int64_t last) {
      const std::lock_guard guard(mutex);
      if (notices) notices->grown(last);
      grown.notify_all();
    });
  }
  void start(std::vector<ChannelOptions> channels) {
    auto made = std::make_unique<Notices>(*store.store, store.clock, std::move(channels));
    made->start();
    const std::lock_guard guard(mutex);
    notices = std::move(made);
    notices->grown(store.store->last_seq());
  }
  void stop() {
    std::unique_ptr<Notices> old;
    {
      const std::lock_guard guard(mutex);
      old = std::move(notices);
    }
    old.reset();
  }
  /// Until a look at the store after a commit says so.
  void until(const std::function<bool()>& holds) {
    std::unique_lock lock(mutex);
    REQUIRE(grown.wait_for(lock, 60s, [&] {
      lock.unlock();
      const bool now = holds();
      lock.lock();
      return now;
    }));
  }
  /// A receiver has a notice a moment before its sender knows so.
  void until_told(const std::string& channel, std::int64_t count) const {
    const auto told = [&] {
      const auto all = notices->status();
      return std::ranges::any_of(
          all, [&](const ChannelStatus& one) { return one.options.name == channel && one.told >= count; });
    };
    for (int i = 0; i < 6000 && !told(); ++i) ::poll(nullptr, 0, 10);
    REQUIRE(told());
  }
  std::int64_t submit(int first, int count) {
    std::vector<int> machines;
    for (int i = 0; i < count; ++i) machines.push_back(first + i);
    return store.submit(machines, {.reason = "end of life", .ticket = "CHG-1"});
  }
  void fail_all(int count) {
    for (int i = 0; i < count; ++i)
      store.store->settle(store.claim().decommission.id, Trigger::fail, "cannot reach it");
  }
  static std::vector<std::string> whats(const nlohmann::json& posts) {
    std::vector<std::string> all;
    for (const auto& post : posts) all.push_back(nlohmann::json::parse(post["body"].get<std::string>())["what"]);
    return all;
  }

  StoreFixture store;
  std::mutex mutex;
  std::condition_variable grown;
  std::unique_ptr<Notices> notices;
};

const std::vector<std::string> kHandful{"start", "failure", "finish"};

}  // namespace

TEST_CASE_FIXTURE(Site, "40 machines are a handful of messages, while a mail server that hangs stops nobody else") {
  auto hanging = mail("silent");
  hanging.timeout = 200ms;
  start({webhook(), hanging});
  const std::int64_t request = submit(1, 40);
  fail_all(40);
  const auto posts = wait("posts", 3);
  CHECK(whats(posts) == kHandful);
  const auto failure = nlohmann::json::parse(posts[1]["body"].get<std::string>());
  CHECK(failure["title"] == fmt::format("decom: request {}: 40 machines failed", request));
  CHECK(failure["text"].get<std::string>().find("Failed: and 20 more") != std::string::npos);
  // What nobody could be told of is a warning of the request, once its time is over.
  until([&] {
    store.clock.advance(11min);
    return store.store->failed_notices(request).size() == 3;
  });
  CHECK(store.store->failed_notices(request)[0].text.starts_with(
      "notice of start to mail: cannot send mail by 127.0.0.1"));
  CHECK(all("posts").size() == 3);  // and nobody is told of that
  until_told("chat", 3);
  stop();
  start({webhook(), mail()});
  submit(100, 1);
  fail_all(1);
  CHECK(whats(wait("posts", 6)) ==
        std::vector<std::string>{"start", "failure", "finish", "start", "failure", "finish"});
  CHECK(wait("mails", 3).size() == 3);
}

TEST_CASE_FIXTURE(Site, "what was not told before a restart is told after it, and nothing else") {
  start({webhook(), mail("silent")});  // whose first attempt is under way when all ends
  submit(1, 3);
  fail_all(3);
  until_told("chat", 3);
  stop();
  store.reopen();
  listen();
  start({webhook(), mail()});
  const auto mails = wait("mails", 3);
  CHECK(mails.size() == 3);
  CHECK(mails[2]["text"].get<std::string>().find("is over: 3 failed") != std::string::npos);
  CHECK(all("posts").size() == 3);
  until_told("mail", 3);
  stop();
  start({webhook(), mail()});
  submit(10, 1);
  fail_all(1);
  CHECK(wait("posts", 6).size() == 6);
  CHECK(wait("mails", 6).size() == 6);
}

TEST_CASE_FIXTURE(Site, "after a long stop one message sums up what happened") {
  start({webhook()});
  submit(200, 1);
  fail_all(1);
  until_told("chat", 3);
  stop();
  server().tell("forget");
  for (int i = 0; i < 5; ++i) {
    submit(10 * i + 1, 2);
    fail_all(2);
  }
  store.clock.advance(3h);
  start({webhook()});
  const auto posts = wait("posts", 1);
  CHECK(whats(posts) == std::vector<std::string>{"summary"});
  const auto body = nlohmann::json::parse(posts[0]["body"].get<std::string>());
  CHECK(body["requests"].size() == 5);
  CHECK(body["requests"][0]["failed"] == 2);
  CHECK(body["requests"][0]["state"] == "failed");
  submit(100, 1);
  fail_all(1);
  CHECK(whats(wait("posts", 4)).back() == "finish");
}

TEST_CASE_FIXTURE(Site, "a refused password is tried once, until its file is written anew or somebody tests") {
  write("password", "wrong");
  start({mail()});
  const std::int64_t request = submit(1, 2);
  fail_all(2);
  until([&] { return store.store->failed_notices(request).size() == 3; });
  CHECK(server().tell("logins") == "1");
  CHECK(store.store->failed_notices(request)[1].text.find("not tried again") != std::string::npos);
  write("password", "pa55 word");
  const auto tests = notices->test({"mail"}, 10s);
  REQUIRE(tests.size() == 1);
  CHECK_MESSAGE(tests[0].ok, tests[0].text);
  CHECK(tests[0].text.starts_with("ops@example.test by 127.0.0.1:"));
  submit(10, 1);
  fail_all(1);
  CHECK(wait("mails", 4).size() == 4);
  CHECK_THROWS_WITH_AS(notices->test({"mial"}, 1s), "there is no channel 'mial': did you mean 'mail'?", Error);
}

TEST_CASE_FIXTURE(Site, "a reload takes channels away and brings new ones, which hear of what comes") {
  start({mail()});
  submit(1, 1);
  fail_all(1);
  wait("mails", 3);
  notices->replace({webhook()});
  store.store->set_freeze(true, "an incident", store.alice);
  const auto posts = wait("posts", 1);
  CHECK(whats(posts) == std::vector<std::string>{"attention"});
  CHECK(posts[0]["body"].get<std::string>().find("an incident") != std::string::npos);
  const auto status = notices->status();
  REQUIRE(status.size() == 1);
  CHECK(status[0].options.name == "chat");
  CHECK(status[0].where == fmt::format("https://127.0.0.1:{}", port("https")));
}
