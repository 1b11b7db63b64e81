#include <set>

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/resource.h>

#include "common/base/json.hpp"
#include "daemon/api/event_json.hpp"
#include "daemon/server/event_ring.hpp"
#include "tests/unit/server/house.hpp"

using namespace decom;
using namespace decom::test;

namespace {

Event event_of(std::int64_t request, EventKind kind = EventKind::step_message, const std::string& text = "hello") {
  Event event;
  event.at = from_millis(1'767'225'600'000);
  event.request = request;
  event.machine = request == 0 ? std::optional<int>{} : 1;
  event.kind = kind;
  event.text = text;
  return event;
}

std::string stream_of(std::int64_t since, std::string_view more = "", std::string_view accept = "") {
  return get("/events?since=" + std::to_string(since) + std::string(more),
             accept.empty() ? "" : "Accept: " + std::string(accept) + "\r\n");
}

/// The numbers of all "id:" lines up to and with `last`.
std::vector<std::int64_t> numbers_until(Client& client, std::int64_t last) {
  std::vector<std::int64_t> numbers;
  const std::string text = client.receive_until("id: " + std::to_string(last) + "\n");
  for (std::size_t at = text.find("id: "); at != std::string::npos; at = text.find("id: ", at + 1))
    numbers.push_back(std::stoll(text.substr(at + 4)));
  return numbers;
}

std::vector<std::int64_t> from_to(std::int64_t from, std::int64_t to) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = from; i <= to; ++i) numbers.push_back(i);
  return numbers;
}

}  // namespace

TEST_CASE("the ring keeps the youngest and says where it begins") {
  EventRing ring(5, 3);
  std::vector<EncodedEvent> events;
  for (std::int64_t i = 4; i <= 10; ++i) {
    Event event = event_of(i % 2);
    event.seq = i;
    events.emplace_back(event);
  }
  ring.append(events);
  CHECK(ring.begin() == 7);
  CHECK(ring.end() == 10);
  CHECK(ring.covers(7));
  CHECK(!ring.covers(6));
  CHECK(!ring.covers(11));
  std::int64_t position = 7;
  auto taken = ring.take(position, {}, 1);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].seq == 8);
  CHECK(position == 8);
  taken = ring.take(position, {.request = 1, .machine = 1}, 1 << 20);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].seq == 9);
  CHECK(position == 10);
  CHECK(ring.take(position, {}, 1 << 20).empty());
}

TEST_CASE("one encoding serves both formats") {
  Event event = event_of(17);
  event.seq = 5;
  const EncodedEvent encoded(event);
  CHECK(encoded.as_event_stream() == "id: 5\nevent: step.message\ndata: " + encode_event(event) + "\n\n");
  CHECK(encoded.as_ndjson() == encode_event(event) + "\n");
}

TEST_CASE("a stream begins behind `since` and goes on live, without gap or repeat") {
  MemoryJournal journal;
  for (int i = 0; i < 20; ++i) journal.append(event_of(1));
  House house({}, journal);
  Client client(house.socket());
  CHECK(client.send(stream_of(5)));
  const auto head = client.receive_head();
  REQUIRE(head);
  CHECK(head->status == 200);
  CHECK(head->header("Content-Type") == "text/event-stream");
  CHECK(head->header("Cache-Control") == "no-store");
  CHECK(numbers_until(client, 20) == from_to(6, 20));
  for (int i = 0; i < 500; ++i) house.publish(event_of(2));
  CHECK(numbers_until(client, 520) == from_to(21, 520));
}

TEST_CASE("ndjson is one object a line") {
  House house;
  Client client(house.socket());
  CHECK(client.send(stream_of(0, "", "application/x-ndjson")));
  CHECK(client.receive_head()->header("Content-Type") == "application/x-ndjson");
  house.publish(event_of(3, EventKind::step_started, "line\nbreak"));
  client.receive_until("\r\n");  // the chunk's size
  const std::string line = client.receive_until("\n");
  const Json seen = Json::parse(line);
  CHECK(seen["seq"] == 1);
  CHECK(seen["text"] == "line\nbreak");
}

TEST_CASE("a client of HTTP/1.0 gets the bare lines") {
  MemoryJournal journal;
  journal.append(event_of(3, EventKind::request_finished));
  House house({}, journal);
  Client client(house.socket());
  CHECK(client.send("GET /events?since=0&until_settled=1 HTTP/1.0\r\nAccept: application/x-ndjson\r\n\r\n"));
  CHECK(client.receive_head()->header("Transfer-Encoding").empty());
  CHECK(Json::parse(client.receive_until("\n"))["seq"] == 1);
  CHECK(client.is_closed_by_server());
}

TEST_CASE("what lies before the ring is replayed from the store, and then it is live") {
  constexpr std::int64_t kOld = 12'345;
  MemoryJournal journal;
  for (std::int64_t i = 0; i < kOld; ++i) journal.append(event_of(1));
  House house({}, journal);
  Client client(house.socket());
  CHECK(client.send(stream_of(7)));
  CHECK(numbers_until(client, kOld) == from_to(8, kOld));
  house.publish(event_of(2));
  CHECK(numbers_until(client, kOld + 1) == from_to(kOld + 1, kOld + 1));
}

TEST_CASE("the store is read for replay only") {
  House house;
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(house.socket());
    CHECK(clients.back().send(stream_of(0)));
    CHECK(clients.back().receive_head()->status == 200);
  }
  const std::size_t before = house.journal.reads();
  house.publish(event_of(1));
  for (Client& client : clients) CHECK(numbers_until(client, 1) == from_to(1, 1));
  CHECK(house.journal.reads() <= before + 2);  // the tail's own, whoever listens
}

TEST_CASE("pruned is 410, and so is what never was") {
  MemoryJournal journal;
  for (std::int64_t i = 0; i < 20'000; ++i) journal.append(event_of(1));
  journal.prune(500);
  House house({}, journal);
  for (const std::int64_t since : {std::int64_t{0}, std::int64_t{499}, std::int64_t{20'001}}) {
    Client client(house.socket());
    const auto reply = client.ask(stream_of(since));
    REQUIRE(reply);
    CHECK(reply->status == 410);
    CHECK(Json::parse(reply->body)["code"] == "gone");
  }
  Client client(house.socket());
  CHECK(client.ask(stream_of(500))->status == 200);
}

TEST_CASE("a stream of one request shows that one, and of one machine that one") {
  House house;
  Client one(house.socket());
  CHECK(one.send(stream_of(0, "&request=7")));
  CHECK(one.receive_head()->status == 200);
  for (const std::int64_t request : {7, 8, 0, 7}) house.publish(event_of(request));
  CHECK(numbers_until(one, 4) == std::vector<std::int64_t>{1, 4});

  Client late(house.socket());
  CHECK(late.send(stream_of(0, "&request=7")));
  CHECK(numbers_until(late, 4) == std::vector<std::int64_t>{1, 4});
}

TEST_CASE("until_settled ends the stream behind the last event, cleanly") {
  House house;
  Client client(house.socket());
  SUBCASE("as it happens") {
    CHECK(client.send(stream_of(0, "&request=7&until_settled=1")));
    CHECK(client.receive_head()->status == 200);
    house.publish(event_of(8, EventKind::request_finished));
    house.publish(event_of(7));
    house.publish(event_of(7, EventKind::request_finished));
    house.publish(event_of(7));
    CHECK(numbers_until(client, 3) == std::vector<std::int64_t>{2, 3});
  }
  SUBCASE("of a request that had settled before") {
    house.publish(event_of(7));
    house.publish(event_of(7, EventKind::request_finished));
    house.publish(event_of(8));
    house.handler.on_stream = [](const HttpRequest&, EventStream& stream) { stream.settled_by = 3; };
    CHECK(client.send(stream_of(0, "&request=7&until_settled=1")));
    CHECK(numbers_until(client, 2) == std::vector<std::int64_t>{1, 2});
  }
  SUBCASE("of a request that had settled and lives again") {
    house.publish(event_of(7, EventKind::request_finished));
    house.handler.on_stream = [](const HttpRequest&, EventStream& stream) { stream.settles_after = 1; };
    CHECK(client.send(stream_of(0, "&request=7&until_settled=1")));
    CHECK(numbers_until(client, 1) == from_to(1, 1));
    house.publish(event_of(7, EventKind::request_finished));
    CHECK(numbers_until(client, 2) == from_to(2, 2));
  }
  SUBCASE("of one machine, though its request goes on") {
    house.handler.on_stream = [](const HttpRequest&, EventStream& stream) { stream.machine = 2; };
    CHECK(client.send(stream_of(0, "&request=7&until_settled=1")));
    CHECK(client.receive_head()->status == 200);
    Event second = event_of(7, EventKind::decommission_finished);
    second.machine = 2;
    house.publish(event_of(7, EventKind::decommission_finished));
    house.publish(second);
    house.publish(event_of(7));
    CHECK(numbers_until(client, 2) == from_to(2, 2));
  }
  CHECK(client.receive_until("0\r\n\r\n").ends_with("\r\n0\r\n\r\n"));
  CHECK(client.is_closed_by_server());
}

TEST_CASE("a heartbeat shows that a quiet stream lives") {
  ServerOptions options;
  options.heartbeat = 30ms;
  House house(options);
  Client client(house.socket());
  CHECK(client.send(stream_of(0)));
  CHECK(client.receive_head()->status == 200);
  for (int i = 0; i < 3; ++i) CHECK(client.receive_until("\n\n").find("\r\n: ") != std::string::npos);
  house.publish(event_of(1));
  CHECK(numbers_until(client, 1) == from_to(1, 1));
}

TEST_CASE("a watcher that leaves is forgotten at once") {
  ServerOptions options;
  options.connections_a_uid = 1;
  House house(options);
  {
    Client client(house.socket());
    CHECK(client.send(stream_of(0)));
    CHECK(client.receive_head()->status == 200);
  }
  std::optional<Reply> reply;
  for (int i = 0; i < 1000 && (!reply || reply->status != 200); ++i) reply = Client(house.socket()).ask(get("/1"));
  CHECK(reply->status == 200);
}

TEST_CASE("a stop ends open streams with a last chunk") {
  House house;
  Client client(house.socket());
  CHECK(client.send(stream_of(0)));
  CHECK(client.receive_head()->status == 200);
  house.publish(event_of(1));
  CHECK(numbers_until(client, 1) == from_to(1, 1));
  std::thread stopper([&] { house.stop(); });
  CHECK(client.receive_until("0\r\n\r\n").ends_with("0\r\n\r\n"));
  client.close();
  stopper.join();
  CHECK(house.server->connections() == 0);
}

TEST_CASE("threat 21: of 1,000 watchers 100 stall: the others see every event at once, and the stalled are dropped") {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE(limit.rlim_cur > 2'500);

  ServerOptions options;
  options.connections = options.connections_a_uid = 2'000;
  options.write_timeout = 2s;
  House house(options);
  std::vector<Client> watchers;
  for (int i = 0; i < 1'000; ++i) {
    watchers.emplace_back(house.socket());
    REQUIRE(watchers.back().send(stream_of(0)));
  }
  for (Client& client : watchers) REQUIRE(client.receive_head()->status == 200);

  // The first 100 never read again. 4 KiB an event fill what the kernel holds for them.
  const std::string text(4096, 't');
  std::chrono::nanoseconds worst{0};
  for (std::int64_t seq = 1; seq <= 100; ++seq) {
    const auto begin = std::chrono::steady_clock::now();
    house.publish(event_of(1, EventKind::step_message, text));
    for (std::size_t i = 100; i < watchers.size(); ++i)
      REQUIRE(numbers_until(watchers[i], seq) == std::vector<std::int64_t>{seq});
    worst = std::max<std::chrono::nanoseconds>(worst, std::chrono::steady_clock::now() - begin);
  }
  MESSAGE("slowest event: ", std::chrono::duration_cast<std::chrono::milliseconds>(worst).count(), " ms");
  // Waiting for a stalled one would take its write timeout. How fast it is, is no question for a sanitized build.
  CHECK(worst < options.write_timeout);
  const auto begin = std::chrono::steady_clock::now();
  while (house.server->connections() > 900 && std::chrono::steady_clock::now() - begin < 20s) {
    const std::int64_t seq = house.publish(event_of(1));
    REQUIRE(numbers_until(watchers[100], seq).back() == seq);
  }
  CHECK(house.server->connections() == 900);
}
