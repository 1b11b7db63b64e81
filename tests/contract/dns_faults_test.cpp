#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <thread>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/dns_worlds.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/tcp_listener.hpp"

using namespace decom;
using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

namespace {

/// A box with an address, and the record of it as `find` returns it.
std::pair<Box, Record> furnished() {
  const Box box = next_box("lab.example.test");
  BindTsig::change({fmt::format("add {} 300 A {}", box.name, box.v4)});
  const auto found = make_dns(BindTsig::definition())->find(box.machine(), dns_call());
  REQUIRE(found.size() == 1);
  return {box, found[0]};
}

nlohmann::json with_key(const std::string& name, const std::string& file,
                        const std::string& algorithm = "hmac-sha256") {
  nlohmann::json definition = BindTsig::definition();
  definition["tsig"] = {{"name", name}, {"algorithm", algorithm}, {"secret_file", file}};
  return definition;
}

DnsThrown removal(const nlohmann::json& definition, const Box& box, const Record& record, Clock* clock = nullptr) {
  return dns_thrown_by([&] { make_dns(definition, clock)->remove(box.machine(), record, dns_call()); });
}

/// A file of a test, which goes with it.
class SecretFile {
 public:
  explicit SecretFile(const std::string& content) {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() / fmt::format("decom-dns-test-{}-{}", ::getpid(), ++count);
    std::ofstream{path_} << content;
  }
  ~SecretFile() { std::filesystem::remove(path_); }
  [[nodiscard]] std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string receive(int fd, std::size_t size) {
  std::string got(size, '\0');
  for (std::size_t at = 0; at < size;) {
    const ssize_t more = ::recv(fd, got.data() + at, size - at, 0);
    if (more <= 0) return {};
    at += static_cast<std::size_t>(more);
  }
  return got;
}

/// A message with its two bytes of length, or nothing at the end.
std::string receive_message(int fd) {
  const std::string size = receive(fd, 2);
  if (size.empty()) return {};
  return size + receive(fd, static_cast<std::size_t>(static_cast<unsigned char>(size[0])) << 8 |
                                static_cast<unsigned char>(size[1]));
}

int connect_to_bind() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(BindTsig::server().facts().at("port").get<std::uint16_t>());
  ::inet_pton(AF_INET, BindTsig::server().text("address").c_str(), &address.sin_addr);
  REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

/// Stands between: passes questions and answers on until an update comes (opcode 5), and does `at_update` with it.
auto relay(std::function<void(int client, int bind, const std::string& update)> at_update) {
  return [at_update](int client) {
    const int bind = connect_to_bind();
    for (std::string message = receive_message(client); !message.empty(); message = receive_message(client)) {
      if ((static_cast<unsigned char>(message[4]) >> 3 & 0xf) == 5) {
        at_update(client, bind, message);
        break;
      }
      (void)::send(bind, message.data(), message.size(), MSG_NOSIGNAL);
      const std::string answer = receive_message(bind);
      (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    ::close(bind);
    ::shutdown(client, SHUT_RDWR);
  };
}

/// An answer without a signature to a message with its length: the question back, with that code (RFC 1035 4.1.1).
std::string unsigned_answer(const std::string& message, char rcode) {
  std::size_t end = 14;
  while (message[end] != '\0') end += static_cast<unsigned char>(message[end]) + 1U;
  std::string answer = message.substr(2, end + 3);
  answer[2] = static_cast<char>(answer[2] | 0x80);
  answer[3] = rcode;
  std::fill(answer.begin() + 6, answer.begin() + 12, '\0');
  return std::string{static_cast<char>(answer.size() >> 8), static_cast<char>(answer.size())} + answer;
}

/// Answers each question like that itself.
auto unsigned_to_all(char rcode) {
  return [rcode](int client) {
    for (std::string message = receive_message(client); !message.empty(); message = receive_message(client)) {
      const std::string answer = unsigned_answer(message, rcode);
      (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  };
}

nlohmann::json through(const TcpListener& listener) {
  nlohmann::json definition = BindTsig::definition();
  definition["server"] = fmt::format("127.0.0.1:{}", listener.port());
  definition["timeout"] = "500ms";
  return definition;
}

}  // namespace

TEST_CASE("a longer key signs as well") {
  const auto [box, record] = furnished();
  nlohmann::json definition = with_key("long-key", BindTsig::server().key("long-key"), "hmac-sha512");
  CHECK(make_dns(definition)->remove(box.machine(), record, dns_call()) == "deleted");
  CHECK(BindTsig::dig(box.name, "A").empty());
}

TEST_CASE("a wrong key, a wrong secret, a wrong clock and a missing right are told apart, and change nothing") {
  const auto [box, record] = furnished();
  const SecretFile secret("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\n");

  const auto unknown = removal(with_key("no-such-key", secret.path()), box, record);
  CHECK(unknown.code == ErrorCode::unauthenticated);
  CHECK(unknown.text.find("BADKEY") != std::string::npos);

  const auto wrong = removal(with_key("decom-key", secret.path()), box, record);
  CHECK(wrong.code == ErrorCode::unauthenticated);
  CHECK(wrong.text.find("(BADSIG); ours is in " + secret.path()) != std::string::npos);
  CHECK(wrong.text.find("c2Vj") == std::string::npos);

  ManualClock clock;
  const auto late = removal(BindTsig::definition(), box, record, &clock);
  CHECK(late.code == ErrorCode::unauthenticated);
  CHECK(late.text.find("BADTIME") != std::string::npos);

  const auto powerless = removal(with_key("other-key", BindTsig::server().key("other-key")), box, record);
  CHECK(powerless.code == ErrorCode::denied);
  CHECK(powerless.text.find("other-key may not") != std::string::npos);

  const SecretFile odd("not base64!");
  CHECK(removal(with_key("decom-key", odd.path()), box, record).code == ErrorCode::unauthenticated);
  CHECK(removal(with_key("decom-key", "/nowhere/dns.key"), box, record).code == ErrorCode::unauthenticated);
  const auto other = removal(with_key("decom-key", BindTsig::server().key("other-key")), box, record);
  CHECK(other.text.find("it has no key named decom-key") != std::string::npos);

  CHECK(BindTsig::dig(box.name, "A") == Lines{box.v4});
}

TEST_CASE("a zone that takes no updates refuses, and the check tells beforehand") {
  const Box box = next_box("static.example.test");
  nlohmann::json definition = BindTsig::definition();
  definition["zones"] = {"static.example.test"};
  const auto refused = dns_thrown_by([&] { make_dns(definition)->check(dns_call()); });
  CHECK(refused.code == ErrorCode::denied);
  CHECK(refused.text.find("static.example.test") != std::string::npos);
}

TEST_CASE("threat 11: a zone that the server does not serve is no proof of absence") {
  const Box box = next_box("elsewhere.example.test");
  nlohmann::json definition = BindTsig::definition();
  definition["zones"] = {"lab.example.test", "elsewhere.example.test"};
  const auto dns = make_dns(definition);
  CHECK(dns_thrown_by([&] { dns->find(box.machine(), dns_call()); }).code == ErrorCode::denied);
  CHECK(dns_thrown_by([&] { dns->read(box.machine(), box.name + ". A " + box.v4, dns_call()); }).code ==
        ErrorCode::denied);

  definition["zones"] = {"example.test"};  // above what it serves
  CHECK(dns_thrown_by([&] { make_dns(definition)->find(box.machine(), dns_call()); }).code == ErrorCode::denied);
}

TEST_CASE("ids that nobody wrote, and those of other zones, are refused") {
  const auto dns = make_dns(BindTsig::definition());
  const Box box = next_box("lab.example.test");
  for (const char* id :
       {"", "x", "a.lab.example.test. ANY 1", "a.lab.example.test A 10.0.2.1", "a.lab.example.test. NS b.",
        "a.lab.example.test. A 10.0.2.1 ; x", "a.lab.example.test. A 10.0.2.1\n", "a.other.test. A 10.0.2.1",
        "lab.example.test. SOA a. b. 1 2 3 4 5"}) {
    CAPTURE(id);
    CHECK(dns_thrown_by([&] { dns->read(box.machine(), id, dns_call()); }).code == ErrorCode::refused);
  }
}

TEST_CASE("a server that is down is unreachable, and the next of the list is asked") {
  const auto [box, record] = furnished();
  std::uint16_t free_port = 0;
  { free_port = TcpListener{}.port(); }
  nlohmann::json definition = BindTsig::definition();
  const std::string dead = fmt::format("127.0.0.1:{}", free_port);
  definition["server"] = dead;
  CHECK(removal(definition, box, record).code == ErrorCode::unreachable);
  CHECK(dns_thrown_by([&] { make_dns(definition)->find(box.machine(), dns_call()); }).code == ErrorCode::unreachable);

  definition["server"] = {dead, BindTsig::server().text("server")};
  CHECK(make_dns(definition)->find(box.machine(), dns_call()).size() == 1);
  CHECK(make_dns(definition)->remove(box.machine(), record, dns_call()) == "deleted");
}

TEST_CASE("a server that accepts and says nothing costs its timeout, no more, and no work") {
  const auto [box, record] = furnished();
  const TcpListener silent;
  const auto dns = make_dns(through(silent));
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t work = std::clock();
  CHECK(dns_thrown_by([&] { dns->find(box.machine(), dns_call()); }).code == ErrorCode::timed_out);
  CHECK(dns_thrown_by([&] { dns->read(box.machine(), record.id, dns_call()); }).code == ErrorCode::timed_out);
  CHECK(dns_thrown_by([&] { dns->remove(box.machine(), record, dns_call()); }).code == ErrorCode::timed_out);
  CHECK(std::chrono::steady_clock::now() - start < 11s);
  CHECK(std::clock() - work < CLOCKS_PER_SEC / 4);

  // The caller's deadline holds where it is the shorter one.
  nlohmann::json patient = through(silent);
  patient["timeout"] = "1m";
  RecordCall call = dns_call();
  call.deadline = std::chrono::steady_clock::now() + 200ms;
  CHECK(dns_thrown_by([&] { make_dns(patient)->find(box.machine(), call); }).code == ErrorCode::timed_out);
}

TEST_CASE("a stop ends the wait for a silent server") {
  std::stop_source stop;
  const TcpListener silent([&](int) { stop.request_stop(); });
  nlohmann::json definition = through(silent);
  definition["timeout"] = "1m";
  RecordCall call = dns_call();
  call.stop = stop.get_token();
  const Box box = next_box("lab.example.test");
  const auto stopped = dns_thrown_by([&] { make_dns(definition)->find(box.machine(), call); });
  CHECK(stopped.code == ErrorCode::cancelled);
}

TEST_CASE("a server that hangs up, or babbles, is no proof of anything") {
  const Box box = next_box("lab.example.test");
  const TcpListener rude([](int fd) { ::shutdown(fd, SHUT_RDWR); });
  const auto hung_up = dns_thrown_by([&] { make_dns(through(rude))->find(box.machine(), dns_call()); });
  CHECK((hung_up.code == ErrorCode::timed_out || hung_up.code == ErrorCode::unreachable));

  const TcpListener babbling([](int fd) {
    std::array<char, 512> question{};
    (void)::recv(fd, question.data(), question.size(), 0);
    const std::string_view http = "HTTP/1.1 400 Bad Request\r\n\r\n";
    const std::string answer = std::string{"\0\x1c", 2} + std::string{http};
    (void)::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
  });
  CHECK(dns_thrown_by([&] { make_dns(through(babbling))->find(box.machine(), dns_call()); }).code ==
        ErrorCode::protocol);
}

TEST_CASE("an update whose answer is not seen is lost, whether it was executed or not") {
  const auto [box, record] = furnished();
  const TcpListener swallows(relay([](int, int, const std::string&) {}));
  CHECK(removal(through(swallows), box, record).code == ErrorCode::lost);
  CHECK(BindTsig::dig(box.name, "A") == Lines{box.v4});

  const TcpListener executes(relay([](int, int bind, const std::string& update) {
    (void)::send(bind, update.data(), update.size(), MSG_NOSIGNAL);
    (void)receive_message(bind);
  }));
  CHECK(removal(through(executes), box, record).code == ErrorCode::lost);
  CHECK(BindTsig::dig(box.name, "A").empty());
  CHECK_FALSE(make_dns(BindTsig::definition())->read(box.machine(), record.id, dns_call()));
}

TEST_CASE("an answer whose signature is broken proves nothing") {
  const auto [box, record] = furnished();
  const TcpListener forges(relay([](int client, int bind, const std::string& update) {
    (void)::send(bind, update.data(), update.size(), MSG_NOSIGNAL);
    std::string answer = receive_message(bind);
    answer[5] = static_cast<char>(answer[5] | 5);  // REFUSED, says somebody in between
    (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
  }));
  CHECK(removal(through(forges), box, record).code == ErrorCode::lost);
}

TEST_CASE("an unsigned SERVFAIL is as good as no answer, and what else is unsigned is believed even less") {
  const auto [box, record] = furnished();
  const TcpListener failing(unsigned_to_all(2));
  const auto dns = make_dns(through(failing));
  for (const auto& asked : {dns_thrown_by([&] { dns->find(box.machine(), dns_call()); }),
                            dns_thrown_by([&] { dns->read(box.machine(), record.id, dns_call()); }),
                            dns_thrown_by([&] { dns->remove(box.machine(), record, dns_call()); }),
                            dns_thrown_by([&] { dns->check(dns_call()); })}) {
    CHECK(asked.code == ErrorCode::busy);
    CHECK(asked.text.find("SERVFAIL, not signed with the key decom-key") != std::string::npos);
  }
  for (const char rcode : {'\0', '\3', '\5'}) {  // no such record, no such name, refused
    CAPTURE(static_cast<int>(rcode));
    const TcpListener liar(unsigned_to_all(rcode));
    CHECK(dns_thrown_by([&] { make_dns(through(liar))->find(box.machine(), dns_call()); }).code == ErrorCode::protocol);
  }

  // Of an update it says nothing: that may have been done, or still be done, all the same.
  const TcpListener swallows(relay([](int client, int, const std::string& update) {
    const std::string answer = unsigned_answer(update, 2);
    (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
  }));
  CHECK(removal(through(swallows), box, record).code == ErrorCode::lost);
  CHECK(BindTsig::dig(box.name, "A") == Lines{box.v4});

  const TcpListener executes(relay([](int client, int bind, const std::string& update) {
    (void)::send(bind, update.data(), update.size(), MSG_NOSIGNAL);
    (void)receive_message(bind);
    const std::string answer = unsigned_answer(update, 2);
    (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
  }));
  CHECK(removal(through(executes), box, record).code == ErrorCode::lost);
  CHECK(BindTsig::dig(box.name, "A").empty());
}

TEST_CASE("a server that cannot write its zone now says so, signed, and deletes once it can") {
  const auto [box, record] = furnished();
  // A folder where the journal of the zone belongs.
  const std::filesystem::path journal =
      std::filesystem::path{BindTsig::server().text("dir")} / "zones" / "lab.example.test.db.jnl";
  const std::filesystem::path kept = journal.string() + ".kept";
  std::filesystem::rename(journal, kept);
  std::filesystem::create_directory(journal);
  const auto busy = removal(BindTsig::definition(), box, record);
  std::filesystem::remove(journal);
  std::filesystem::rename(kept, journal);
  CHECK(busy.code == ErrorCode::busy);
  CHECK(busy.text.find("it cannot now (SERVFAIL)") != std::string::npos);
  CHECK(BindTsig::dig(box.name, "A") == Lines{box.v4});
  CHECK(make_dns(BindTsig::definition())->remove(box.machine(), record, dns_call()) == "deleted");
}

TEST_CASE("a zone that the server itself cannot load is no proof of absence, and nothing is removed until it can") {
  DnsServer bind;
  const Box box = next_box("lab.example.test");
  bind.change({fmt::format("add {} 300 A {}", box.name, box.v4)});
  const nlohmann::json definition = {{"server", bind.text("server")},
                                     {"zones", {"lab.example.test"}},
                                     {"tsig", {{"name", "decom-key"}, {"secret_file", bind.key("decom-key")}}}};
  const auto system = make_dns(definition);
  const auto found = system->find(box.machine(), dns_call());
  REQUIRE(found.size() == 1);
  const std::filesystem::path zone = std::filesystem::path{bind.text("dir")} / "zones" / "lab.example.test.db";
  const std::filesystem::path kept = zone.string() + ".kept";
  bind.tell("down");
  std::filesystem::rename(zone, kept);
  std::ofstream{zone} << "this is no zone\n";
  bind.tell("up");
  const auto asked = dns_thrown_by([&] { system->find(box.machine(), dns_call()); });
  CHECK(asked.code == ErrorCode::busy);
  CHECK(asked.text.ends_with(" now (SERVFAIL)"));  // signed, so that it is the server's own word
  const auto removed = dns_thrown_by([&] { system->remove(box.machine(), found[0], dns_call()); });
  CAPTURE(removed.text);
  CHECK(removed.code == ErrorCode::busy);
  CHECK(dns_thrown_by([&] { system->check(dns_call()); }).code == ErrorCode::busy);
  bind.tell("down");
  std::filesystem::rename(kept, zone);
  bind.tell("up");
  CHECK(system->find(box.machine(), dns_call()) == found);
  CHECK(bind.dig(box.name, "A") == Lines{box.v4});
  CHECK(system->remove(box.machine(), found[0], dns_call()) == "deleted");
}

TEST_CASE("a name that changes behind the look is not removed") {
  const auto [box, record] = furnished();
  const std::string name = box.name;
  const TcpListener between(relay([name](int client, int bind, const std::string& update) {
    BindTsig::change({fmt::format("add {} 300 A 10.0.2.252", name)});
    (void)::send(bind, update.data(), update.size(), MSG_NOSIGNAL);
    const std::string answer = receive_message(bind);
    (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
  }));
  nlohmann::json definition = through(between);
  definition["timeout"] = "5s";
  // The look behind it goes through the same relay, on a connection of its own.
  CHECK(removal(definition, box, record).code == ErrorCode::busy);
  CHECK(BindTsig::dig(box.name, "A") == Lines{box.v4, "10.0.2.252"});
}

TEST_CASE("without a right in the domain nothing is deleted, and it is said who may not") {
  const Box box = next_box("corp.example.test");
  SambaGss::change({fmt::format("add {} 300 A {}", box.name, box.v4)});
  nlohmann::json definition = SambaGss::definition();
  definition["gss"]["keytab_file"] = kerberos_domain().facts().at("keytabs").at("svc-noright");
  definition["gss"]["principal"] = "svc-noright@CORP.EXAMPLE.TEST";
  const auto dns = make_dns(definition);
  const auto found = dns->find(box.machine(), dns_call());
  REQUIRE(found.size() == 1);
  const auto denied = dns_thrown_by([&] { dns->remove(box.machine(), found[0], dns_call()); });
  CHECK(denied.code == ErrorCode::denied);
  CHECK(denied.text.find("svc-noright@CORP.EXAMPLE.TEST may not") != std::string::npos);
  CHECK(SambaGss::dig(box.name, "A") == Lines{box.v4});
}

TEST_CASE("a Kerberos logon that fails says why, and a refused keytab is not tried again") {
  DomainServer& domain = kerberos_domain();
  domain.call("add_user", {"svc-shortlived"});
  const std::string realm = domain.text("realm");
  const std::string keytabs =
      std::filesystem::path{domain.facts().at("keytabs").at("dns").get<std::string>()}.parent_path();
  const std::string keytab = keytabs + "/shortlived.keytab";
  // A keytab with a wrong password: what is left behind when it is changed in the directory.
  const ProgramEnd made = run_program(
      {"ktutil"},
      fmt::format("add_entry -password -p svc-shortlived@{} -k 1 -e aes256-cts\nWrong-canary!\nwkt {}\nquit\n", realm,
                  keytab));
  REQUIRE(std::filesystem::exists(keytab));
  nlohmann::json definition = BindGss::definition();
  definition["gss"]["keytab_file"] = keytab;
  definition["gss"]["principal"] = "svc-shortlived@" + realm;
  const auto before = domain.call("logons").size();
  const auto refused = dns_thrown_by([&] { make_dns(definition)->check(dns_call()); });
  CHECK(refused.code == ErrorCode::unauthenticated);
  CHECK(refused.text.find("Preauthentication failed") != std::string::npos);
  const auto tried = domain.call("logons").size();
  CHECK(tried > before);
  const auto again = dns_thrown_by([&] { make_dns(definition)->check(dns_call()); });
  CHECK(again.code == ErrorCode::unauthenticated);
  CHECK(again.text.find("not tried again") != std::string::npos);
  CHECK(domain.call("logons").size() == tried);
  // Written anew, it is tried.
  std::filesystem::last_write_time(keytab, std::filesystem::last_write_time(keytab) + 1s);
  CHECK(dns_thrown_by([&] { make_dns(definition)->check(dns_call()); }).text.find("Preauthentication failed") !=
        std::string::npos);

  definition = BindGss::definition();
  definition["gss"]["service"] = "DNS/nobody.example.test";
  CHECK(dns_thrown_by([&] { make_dns(definition)->check(dns_call()); }).code == ErrorCode::unauthenticated);
  definition = BindGss::definition();
  definition["gss"]["keytab_file"] = "/nowhere/x.keytab";
  CHECK(dns_thrown_by([&] { make_dns(definition)->check(dns_call()); }).code == ErrorCode::unauthenticated);
}

TEST_CASE("a KDC that is silent costs the timeout, and nothing is sent") {
  DomainServer& domain = kerberos_domain();
  const Box box = next_box("lab.example.test");
  BindGss::change({fmt::format("add {} 300 A {}", box.name, box.v4)});
  nlohmann::json definition = BindGss::definition();
  definition["timeout"] = "500ms";
  definition["transfer"] = false;
  const auto dns = make_dns(definition);
  const auto found = dns->find(box.machine(), dns_call());
  REQUIRE(found.size() == 1);
  domain.call("freeze");
  const auto start = std::chrono::steady_clock::now();
  const auto hung = dns_thrown_by([&] { dns->remove(box.machine(), found[0], dns_call()); });
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  domain.call("thaw");
  CHECK(hung.code == ErrorCode::unreachable);
  CHECK(BindGss::dig(box.name, "A") == Lines{box.v4});
}
