#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/json.hpp"
#include "tests/unit/server/house.hpp"

using namespace decom;
using namespace decom::test;

namespace {

std::string post(std::string_view more, std::string_view body) {
  return "POST /x HTTP/1.1\r\nHost: decom\r\n" + std::string(more) + "\r\n" + std::string(body);
}
std::string with_length(std::size_t size) { return "Content-Length: " + std::to_string(size) + "\r\n"; }

/// A GET whose head has exactly `size` bytes, to the last line end.
std::string head_of(std::size_t size) {
  const std::string least = get("/x", "X-Fill: \r\n");
  return get("/x", "X-Fill: " + std::string(size - least.size(), 'f') + "\r\n");
}

Json echo(const std::optional<Reply>& reply) {
  REQUIRE(reply);
  REQUIRE(reply->status == 200);
  return Json::parse(reply->body);
}

void check_problem(const std::optional<Reply>& reply, int status, std::string_view code) {
  REQUIRE(reply);
  CHECK(reply->status == status);
  CHECK(reply->header("Content-Type") == "application/problem+json");
  const Json body = Json::parse(reply->body);
  CHECK(body["status"] == status);
  CHECK(body["code"] == code);
}

}  // namespace

TEST_CASE("a request reaches the handler with the kernel's word for who sent it") {
  House house;
  Client client(house.socket());
  const Json seen = echo(client.ask(post("X-A: 1\r\n" + with_length(2), "{}")));
  CHECK(seen["method"] == "POST");
  CHECK(seen["path"] == "/x");
  CHECK(seen["body"] == "{}");
  CHECK(seen["headers"]["x-a"] == "1");
  CHECK(seen["uid"] == ::getuid());
  CHECK(seen["pid"] == ::getpid());
}

TEST_CASE("a connection is kept, and pipelined requests are answered in order") {
  House house;
  Client client(house.socket());
  CHECK(echo(client.ask(get("/1")))["path"] == "/1");
  CHECK(client.send(get("/2") + post(with_length(3), "abc") + get("/4")));
  CHECK(echo(client.receive())["path"] == "/2");
  CHECK(echo(client.receive())["body"] == "abc");
  CHECK(echo(client.receive())["path"] == "/4");
}

TEST_CASE("Connection: close and HTTP/1.0 end the connection behind the answer") {
  House house;
  Client client(house.socket());
  CHECK(client.ask(get("/1", "Connection: close\r\n"))->header("Connection") == "close");
  CHECK(client.is_closed_by_server());
  Client old(house.socket());
  CHECK(old.ask("GET /1 HTTP/1.0\r\n\r\n")->status == 200);
  CHECK(old.is_closed_by_server());
}

TEST_CASE("HEAD is answered without a body") {
  House house;
  Client client(house.socket());
  CHECK(client.send("HEAD /1 HTTP/1.1\r\nHost: x\r\n\r\n" + get("/2")));
  CHECK(client.receive(true)->status == 200);
  CHECK(echo(client.receive())["path"] == "/2");
}

TEST_CASE("a head of exactly the limit is taken and one byte more is not") {
  House house;
  for (const std::size_t size : {8191U, 8192U}) {
    Client client(house.socket());
    CHECK(client.ask(head_of(size))->status == 200);
  }
  Client client(house.socket());
  check_problem(client.ask(head_of(8193)), 431, "too_large");
  CHECK(client.is_closed_by_server());
  Client endless(house.socket());
  check_problem(endless.ask(head_of(100'000).substr(0, 99'000)), 431, "too_large");
}

TEST_CASE("a body of exactly the limit is taken and one byte more is not") {
  House house;
  constexpr std::size_t kLimit = 1024 * 1024;
  for (const std::size_t size : {kLimit - 1, kLimit}) {
    Client client(house.socket());
    CHECK(echo(client.ask(post(with_length(size), std::string(size, 'b'))))["size"] == size);
  }
  Client client(house.socket());
  check_problem(client.ask(post(with_length(kLimit + 1), std::string(kLimit + 1, 'b'))), 413, "too_large");
  CHECK(client.is_closed_by_server());
}

TEST_CASE("a refusal reaches a client that has not sent its body yet") {
  House house;
  Client client(house.socket());
  check_problem(client.ask(post(with_length(1U << 30U), "")), 413, "too_large");
}

TEST_CASE("chunked bodies are taken up to the limit") {
  ServerOptions options;
  options.body_limit = 10;
  House house(options);
  Client client(house.socket());
  CHECK(echo(client.ask(post("Transfer-Encoding: chunked\r\n", "4\r\nabcd\r\n6\r\nefghij\r\n0\r\n\r\n")))["body"] ==
        "abcdefghij");
  check_problem(client.ask(post("Transfer-Encoding: chunked\r\n", "4\r\nabcd\r\n7\r\nefghijk\r\n0\r\n\r\n")), 413,
                "too_large");
}

TEST_CASE("trailers do not become header fields") {
  House house;
  Client client(house.socket());
  const Json seen =
      echo(client.ask(post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\nAuthorization: Bearer stolen\r\n\r\n")));
  CHECK(!seen["headers"].contains("authorization"));
}

TEST_CASE("threat 9: smuggling is refused and nothing of it reaches the handler") {
  House house;
  const std::string tail = "0\r\n\r\n" + get("/smuggled");
  for (const std::string& more : {
           std::string("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
           std::string("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
           std::string("Transfer-Encoding: chunked, gzip\r\nContent-Length: 5\r\n"),
           std::string("Transfer-Encoding: gzip, chunked\r\n"),
           std::string("Transfer-Encoding: xchunked\r\n"),
           std::string("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
           std::string("Transfer-Encoding : chunked\r\n"),
           std::string("Transfer-Encoding:\x0b"
                       "chunked\r\n"),
           std::string("Content-Length: 5\r\nContent-Length: 5\r\n"),
           std::string("Content-Length: 5\r\nContent-Length: 0\r\n"),
           std::string("Content-Length: 5, 5\r\n"),
           std::string("Content-Length: +5\r\n"),
           std::string("Content-Length: -5\r\n"),
           std::string("Content-Length: 0x5\r\n"),
           std::string("Content-Length: 99999999999999999999999\r\n"),
           std::string("Host: twice\r\nContent-Length: 0\r\n"),
       }) {
    CAPTURE(more);
    Client client(house.socket());
    const auto reply = client.ask(post(more, tail));
    REQUIRE(reply);
    CHECK(reply->status >= 400);
    CHECK(reply->status < 500);
    CHECK(client.is_closed_by_server());
  }
  CHECK(house.handler.handled() == 0);
}

TEST_CASE("what is no HTTP is answered as such") {
  House house;
  for (const char* bytes :
       {"hello\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n" /* no Host */, "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: cake\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n\r\n\r\n"}) {
    CAPTURE(bytes);
    Client client(house.socket());
    const auto reply = client.ask(bytes);
    REQUIRE(reply);
    CHECK(reply->status >= 400);
    CHECK(reply->status < 500);
    CHECK(reply->header("Content-Type") == "application/problem+json");
  }
  CHECK(house.handler.handled() == 0);
}

TEST_CASE("a client that asks first is told to go on") {
  House house;
  Client client(house.socket());
  CHECK(client.send(post(with_length(2) + "Expect: 100-continue\r\n", "")));
  CHECK(client.receive_head()->status == 100);
  CHECK(echo(client.ask("ok"))["body"] == "ok");
  Client big(house.socket());
  CHECK(big.send(post(with_length(1U << 30U) + "Expect: 100-continue\r\n", "")));
  CHECK(big.receive()->status == 413);
}

TEST_CASE("threat 21: slow clients are cut at the deadline, however busy they look") {
  ServerOptions options;
  options.header_timeout = 300ms;
  options.body_timeout = 400ms;
  options.idle_timeout = 200ms;
  House house(options);
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::steady_clock::now() - begin; };

  SUBCASE("that say nothing") {
    Client client(house.socket());
    CHECK(client.is_closed_by_server());
    CHECK(seconds() >= 300ms);
  }
  SUBCASE("that dribble their head") {
    Client client(house.socket());
    const std::string text = head_of(4000);
    std::size_t sent = 0;
    while (sent < text.size() && seconds() < 10s && client.send(text.substr(sent, 1)) && client.hears_nothing_for(20ms))
      ++sent;
    CHECK(sent < text.size());
    CHECK(seconds() >= 300ms);
    CHECK(seconds() < 5s);
  }
  SUBCASE("that dribble their body") {
    Client client(house.socket());
    CHECK(client.send(post(with_length(4000), "")));
    std::size_t sent = 0;
    while (sent < 4000 && seconds() < 10s && client.send("b") && client.hears_nothing_for(20ms)) ++sent;
    CHECK(sent < 4000);
    CHECK(seconds() >= 400ms);
    CHECK(seconds() < 5s);
  }
  SUBCASE("that stay idle behind an answer") {
    Client client(house.socket());
    CHECK(client.ask(get("/1"))->status == 200);
    CHECK(client.is_closed_by_server());
    CHECK(seconds() >= 200ms);
  }
  CHECK(house.handler.handled() <= 1);
}

TEST_CASE("a client that does not read its answer is dropped") {
  ServerOptions options;
  options.write_timeout = 300ms;
  options.connections_a_uid = 1;
  House house(options);
  Client stalled(house.socket());
  CHECK(stalled.send(get("/big?size=50000000")));
  // Its place is free again only once it was dropped.
  std::optional<Reply> reply;
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < 15s) {
    Client next(house.socket());
    reply = next.ask(get("/1"));
    if (reply && reply->status == 200) break;
  }
  REQUIRE(reply);
  CHECK(reply->status == 200);
}

TEST_CASE("a big answer arrives whole") {
  House house;
  Client client(house.socket());
  CHECK(client.ask(get("/big?size=20000000"))->body.size() == 20'000'000);
}

TEST_CASE("threat 21: one uid has its limit of connections and the daemon has its own") {
  ServerOptions options;
  options.connections_a_uid = 3;
  SUBCASE("a uid: 429") {}
  SUBCASE("in all: 503") {
    options.connections_a_uid = 64;
    options.connections = 3;
  }
  House house(options);
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(house.socket());
    CHECK(clients.back().ask(get("/1"))->status == 200);
  }
  Client more(house.socket());
  const auto reply = more.ask(get("/1"));
  if (options.connections == 3) {
    check_problem(reply, 503, "overloaded");
  } else {
    check_problem(reply, 429, "rate_limited");
  }
  CHECK(reply->header("Retry-After") == "1");
  CHECK(clients.front().ask(get("/1"))->status == 200);

  clients.pop_back();
  std::optional<Reply> again;
  for (int i = 0; i < 1000 && (!again || again->status != 200); ++i) again = Client(house.socket()).ask(get("/1"));
  CHECK(again->status == 200);
}

TEST_CASE("a handler that throws, or forgets, costs its caller a 500 that says nothing") {
  House house;
  Client client(house.socket());
  for (const char* path : {"/throw", "/drop"}) {
    const auto reply = client.ask(get(path));
    check_problem(reply, 500, "internal");
    CHECK(reply->body.find("secret") == std::string::npos);
  }
  CHECK(client.ask(get("/1"))->status == 200);
}

TEST_CASE("threat 2: peers that close during accept authorise nobody and cost nothing") {
  House house;
  for (int i = 0; i < 2000; ++i) {
    Client client(house.socket());
    if (i % 3 == 0) client.send("GET /x HTTP/1.1\r\n");
    client.close();
  }
  Client client(house.socket());
  CHECK(echo(client.ask(get("/1")))["uid"] == ::getuid());
  CHECK(house.handler.handled() == 1);
}

TEST_CASE("threat 1: a client's own address says nothing of who it is") {
  House house;
  TemporaryFolder folder;
  std::vector<std::string> names{(folder.path() / ";uid=0;").string(), std::string("\0;uid=0;", 8),
                                 std::string("\0uid=0\npid=1\0gid=0", 18), (folder.path() / "a\nuid=0").string()};
  for (const std::string& name : names) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un own{};
    own.sun_family = AF_UNIX;
    name.copy(own.sun_path, sizeof own.sun_path - 1);
    const auto length =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (name[0] != '\0' ? 1 : 0));
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&own), length) == 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    house.socket().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const std::string text = get("/1", "X-Uid: 0\r\n");
    REQUIRE(::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    std::string answer(4096, '\0');
    const auto count = ::recv(fd, answer.data(), answer.size(), 0);
    REQUIRE(count > 0);
    answer.resize(static_cast<std::size_t>(count));
    const Json seen = Json::parse(answer.substr(answer.find("\r\n\r\n") + 4));
    CHECK(seen["uid"] == ::getuid());
    CHECK(seen["pid"] == ::getpid());
    ::close(fd);
  }
}

TEST_CASE("a stop lets what is being answered be answered, and ends what is idle") {
  House house;
  Client idle(house.socket());
  CHECK(idle.ask(get("/1"))->status == 200);
  Client held(house.socket());
  CHECK(held.send(get("/hold")));
  house.handler.wait_until_held(1);

  house.server->stop();
  CHECK(idle.is_closed_by_server());
  CHECK_THROWS(Client(house.socket()).ask(get("/1")).value());
  house.handler.let_go();
  CHECK(held.receive()->body == "held");
  house.stop();
}

TEST_CASE("a stop does not wait for ever for a handler") {
  ServerOptions options;
  options.write_timeout = 200ms;
  auto house = std::make_unique<House>(options);
  Client held(house->socket());
  CHECK(held.send(get("/hold")));
  house->handler.wait_until_held(1);
  house->stop();
  CHECK(held.is_closed_by_server());
  house->server.reset();
  house->handler.let_go();  // answers a server that is gone
}
