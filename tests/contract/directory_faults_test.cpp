#include <array>
#include <ctime>
#include <fstream>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/directory/connection.hpp"
#include "tests/contract/directory_worlds.hpp"
#include "tests/support/tcp_listener.hpp"

using namespace decom;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr auto kShort = 400ms;

DirectoryOptions at(const std::string& url) {
  DirectoryOptions options = DomainServer::shared().options();
  options.urls = {url};
  options.starttls = url.starts_with("ldap://");
  options.timeout = kShort;
  return options;
}

/// What `call` throws, having waited about `kShort` for it and without turning in circles.
Thrown thrown_in_time(const auto& call) {
  (void)DomainServer::shared();  // its start is not what is measured
  const auto start = steady_clock::now();
  const std::clock_t work = std::clock();
  Thrown thrown = thrown_by(call);
  CHECK(steady_clock::now() - start < kShort + 10s);
  CHECK(std::clock() - work < CLOCKS_PER_SEC / 4);
  return thrown;
}

void accept_starttls(int fd) {
  std::array<char, 256> request{};
  (void)::recv(fd, request.data(), request.size(), 0);
  // LDAPMessage 1: extendedResp, success (RFC 4511 4.12)
  const unsigned char answer[] = {0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00};
  (void)::send(fd, answer, sizeof answer, MSG_NOSIGNAL);
}

std::unique_ptr<directory::Connection> service_connection(DomainServer& server) {
  directory::Endpoint endpoint = directory::Endpoint::parse(server.text("ldaps"), false);
  endpoint.ca_file = server.text("ca");
  auto connection = directory::Connection::open(endpoint, kShort);
  REQUIRE_FALSE(connection->bind(server.text("bind_dn"), server.password("svc-decom")));
  return connection;
}

std::vector<std::string> logons_since(DomainServer& server, std::size_t before) {
  std::vector<std::string> seen;
  for (const auto& logon : server.call("logons", {before}))
    seen.push_back(logon.at("account").get<std::string>() + " " + logon.at("status").get<std::string>());
  return seen;
}

}  // namespace

TEST_CASE("a server that accepts and stays silent costs the timeout and no more") {
  SUBCASE("before TLS") {
    const TcpListener silent;
    CHECK(thrown_in_time([&] { connect_active_directory(at(silent.url("ldaps")))->check(); }).code ==
          ErrorCode::timed_out);
    CHECK(thrown_in_time([&] { connect_active_directory(at(silent.url("ldap")))->check(); }).code ==
          ErrorCode::timed_out);
  }
  SUBCASE("after it agreed to StartTLS") {
    const TcpListener silent(accept_starttls);
    CHECK(thrown_in_time([&] { connect_active_directory(at(silent.url("ldap")))->check(); }).code ==
          ErrorCode::timed_out);
  }
}

TEST_CASE("refused, hung up and not LDAP are told apart from a bad certificate") {
  std::string nobody;
  {
    const TcpListener gone;
    nobody = gone.url("ldaps");
  }
  const Thrown refused = thrown_in_time([&] { connect_active_directory(at(nobody))->check(); });
  CHECK(refused.code == ErrorCode::unreachable);
  CHECK(refused.text.find("refused") != std::string::npos);

  const TcpListener rude([](int fd) { ::shutdown(fd, SHUT_RDWR); });
  for (const char* scheme : {"ldaps", "ldap"})
    CHECK(thrown_in_time([&] { connect_active_directory(at(rude.url(scheme)))->check(); }).code ==
          ErrorCode::unreachable);

  const TcpListener web([](int fd) { (void)::send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL); });
  CHECK(thrown_in_time([&] { connect_active_directory(at(web.url("ldaps")))->check(); }).code == ErrorCode::protocol);

  const Thrown lost = thrown_in_time([&] { connect_active_directory(at("ldaps://no-such-host.invalid"))->check(); });
  CHECK((lost.code == ErrorCode::unreachable || lost.code == ErrorCode::timed_out));
}

TEST_CASE("a hostile answer ends in an error") {
  // An LDAP message that claims 2 GiB, and one that is not BER.
  for (const std::string& answer : {std::string("\x30\x84\x7f\xff\xff\xff\x02\x01\x01", 9), std::string(64, '\xff')}) {
    const TcpListener hostile([&](int fd) { (void)::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL); });
    const Thrown thrown = thrown_in_time([&] { connect_active_directory(at(hostile.url("ldap")))->check(); });
    CAPTURE(thrown.text);
    CHECK((thrown.code == ErrorCode::unreachable || thrown.code == ErrorCode::protocol ||
           thrown.code == ErrorCode::timed_out));
  }
}

TEST_CASE("threat 13: an empty password opens no connection") {
  const TcpListener watched;
  const auto directory = connect_active_directory(at(watched.url("ldaps")));
  for (const std::string& password : {std::string{}, std::string("\0x", 2)})
    CHECK(thrown_by([&] { directory->authenticate("alice", Secret{password}); }).code == ErrorCode::unauthenticated);
  CHECK(watched.connections() == 0);
}

TEST_CASE("a domain controller that freezes in a session times out, and works again when it thaws") {
  SambaWorld world;
  DirectoryOptions options = world.server().options();
  options.timeout = kShort;
  const auto directory = connect_active_directory(options);
  const std::string alice = world.sid("alice");
  CHECK(directory->read_person(alice).sam == "alice");
  world.server().call("freeze");
  CHECK(thrown_in_time([&] { directory->read_person(alice); }).code == ErrorCode::timed_out);
  CHECK(thrown_in_time([&] { directory->authenticate("alice", Secret{"Passw0rd!"}); }).code == ErrorCode::timed_out);
  world.server().call("thaw");
  CHECK(directory->read_person(alice).sam == "alice");
}

TEST_CASE("a read goes on after a restart of the domain controller") {
  SambaWorld world;
  const std::string alice = world.sid("alice");
  const auto reads = [&] { return world.directory().read_person(alice).sam; };
  CHECK(reads() == "alice");
  world.server().call("restart");
  CHECK(reads() == "alice");
  const MadeComputer made = world.add_computer({.children = 1});
  const auto found = world.directory().find_computers({made.name});
  REQUIRE(found.size() == 1);
  world.server().call("restart");
  world.directory().remove_computer(found.front());
  CHECK_FALSE(world.has(made));

  world.server().call("down");
  CHECK(thrown_by(reads).code == ErrorCode::unreachable);
  world.server().call("up");
  CHECK(reads() == "alice");
}

TEST_CASE("a removal whose answer is not seen is lost, not refused: it may still happen") {
  SambaWorld world;
  const MadeComputer made = world.add_computer();
  const auto connection = service_connection(world.server());
  world.server().call("freeze");
  const Thrown lost =
      thrown_by([&] { connection->remove(directory::Base::of(*directory::Guid::parse(made.guid)), made.name); });
  CHECK(lost.code == ErrorCode::lost);
  CHECK(connection->is_broken());
  CHECK(thrown_by([&] { (void)connection->read(directory::Base::root(), {"dnsHostName"}); }).code ==
        ErrorCode::unreachable);
  CHECK(world.has(made));
  world.server().call("thaw");
  // Each look is a round trip; the server executes what lay in its socket all the time.
  const auto deadline = steady_clock::now() + 10s;
  while (world.has(made) && steady_clock::now() < deadline) world.server().call("pid");
  CHECK_FALSE(world.has(made));
}

TEST_CASE("a wrong password is sent once, to one domain controller") {
  SambaWorld world;
  DomainServer& server = world.server();
  const std::string person = world.add_person();
  world.directory().check();  // the service account is logged on from here
  std::size_t before = server.call("logons").size();
  CHECK(thrown_by([&] { world.directory().authenticate(person, Secret{"wrong"}); }).code == ErrorCode::unauthenticated);
  CHECK(logons_since(server, before) == std::vector<std::string>{person + " NT_STATUS_WRONG_PASSWORD"});

  before = server.call("logons").size();
  CHECK(world.directory().authenticate(person, Secret{"Passw0rd!"}).sam == person);
  CHECK(logons_since(server, before) == std::vector<std::string>{person + " NT_STATUS_OK"});
}

TEST_CASE("a refused service password is not tried again before its file is written anew") {
  DomainServer& server = DomainServer::shared();
  const std::filesystem::path file = std::filesystem::path{server.text("bind_password_file")}.parent_path() / "test";
  const auto write = [&](const std::string& password) { std::ofstream{file} << password; };
  write("wrong");
  DirectoryOptions options = server.options();
  options.password_file = file;
  options.urls.push_back(options.urls.front() + ":636");  // a second controller, as far as anybody can tell
  const auto directory = connect_active_directory(options);

  const std::size_t before = server.call("logons").size();
  const Thrown refused = thrown_by([&] { directory->authenticate("alice", server.password("alice")); });
  // Nobody may conclude that it is alice's password.
  CHECK(refused.code == ErrorCode::unreachable);
  CHECK(refused.text.find("svc-decom") != std::string::npos);
  for (int i = 0; i < 10; ++i) CHECK(thrown_by([&] { directory->check(); }).code == ErrorCode::unreachable);
  // Behind a look for computers there is no such person: its step fails, and is not tried again and again.
  CHECK(thrown_by([&] { directory->find_computers({"WEB01"}); }).code == ErrorCode::unauthenticated);
  CHECK(logons_since(server, before) == std::vector<std::string>{"svc-decom NT_STATUS_WRONG_PASSWORD"});

  write(server.password("svc-decom").expose());
  CHECK_NOTHROW((void)directory->check());

  std::filesystem::remove(file);
  CHECK(thrown_by([&] { connect_active_directory(options)->check(); }).code == ErrorCode::unreachable);
}

TEST_CASE("the next domain controller is asked when the first does not answer") {
  DomainServer& server = DomainServer::shared();
  const TcpListener silent;
  DirectoryOptions options = at(silent.url("ldaps"));
  options.urls.push_back(server.text("ldaps"));
  const auto directory = connect_active_directory(options);
  CHECK(directory->check().find(server.text("ldaps")) != std::string::npos);
  CHECK(directory->read_person(server.sid("alice")).sam == "alice");
  CHECK(silent.connections() == 1);  // the session is kept
}

TEST_CASE("many threads ask at once") {
  SambaWorld world;
  const std::string operators = world.directory().group_sid("Decom Operators");
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(8);
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        for (int j = 0; j < 5; ++j)
          if (world.directory().authenticate("alice", Secret{"Passw0rd!"}).group_sids.contains(operators)) ++right;
      });
  }
  CHECK(right == 40);
}
