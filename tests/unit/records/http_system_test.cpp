#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include <doctest/doctest.h>

#include "daemon/records/http_connection.hpp"
#include "tests/support/recipe.hpp"
#include "tests/unit/records/http_peer.hpp"

using namespace decom;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr const char* kRecipe = R"(
  rate = 1000
  words = "/why"
  [[find]]
  path = "/hosts"
  query = { name = "{{name}}" }
  [item]
  items = "/hosts/*"
  id = "/id"
  name = "/name"
  address = "/ip"
  what = "host {{name}}"
  [read]
  path = "/hosts/{{id}}"
  items = ""
  [remove]
  path = "/hosts/{{id}}"
  [control]
  path = "/me"
  shows = "/me"
  expect = { at = "/me", equals = "decom" }
)";

/// One host, "web01" with id 7, until it is deleted.
struct World {
  explicit World(const std::string& more = {}, HttpPeer::Handler first = {})
      : recipe(from_toml(std::string{kRecipe} + more)),
        special_(std::move(first)),
        peer([this](const HttpPeer::Seen& seen) {
          const HttpPeer::Handler handler = special();
          std::string reply = handler ? handler(seen) : std::string{};
          return reply.empty() ? usual(seen) : reply;
        }) {
    recipe["url"] = peer.url();
  }

  std::string usual(const HttpPeer::Seen& seen) {
    if (seen.target.starts_with("/me")) return HttpPeer::answer(200, R"({"me": "decom"})");
    if (seen.method == "DELETE") {
      const bool was = there;
      there = false;
      return was ? HttpPeer::answer(204, "") : HttpPeer::answer(404, "");
    }
    json host{{"id", 7}, {"name", "web01"}, {"ip", "10.0.0.1"}};
    if (seen.target.starts_with("/hosts/")) {
      host["id"] = std::stoi(seen.target.substr(7));
      host["more"] = "than in a list";
      return there ? HttpPeer::answer(200, host.dump()) : HttpPeer::answer(404, "");
    }
    json hosts = json::array();
    if (there) hosts.push_back(host);
    return HttpPeer::answer(200, json{{"hosts", hosts}}.dump());
  }

  RecordSystem& system() {
    if (!made) made = http_system(recipe, secrets.path());
    return *made;
  }
  std::vector<Record> find() { return system().find(machine(), within(5s)); }

  static Machine machine() {
    Machine machine;
    machine.name = "web01";
    machine.power = PowerState::on;
    machine.ip_addresses = {"10.0.0.1"};
    return machine;
  }

  /// What answers first; where it has nothing to say, the usual does.
  void answer_by(HttpPeer::Handler handler) {
    const std::lock_guard lock(mutex_);
    special_ = std::move(handler);
  }
  HttpPeer::Handler special() {
    const std::lock_guard lock(mutex_);
    return special_;
  }

  SecretFolder secrets;
  json recipe;
  std::atomic<bool> there = true;

 private:
  std::mutex mutex_;
  HttpPeer::Handler special_;

 public:
  HttpPeer peer;  // its thread uses what is above
  std::unique_ptr<RecordSystem> made;
};

struct Told {
  ErrorCode code = ErrorCode::internal;
  std::string text;
};

template <typename Call>
Told told(Call call) {
  try {
    call();
  } catch (const Error& e) {
    return {e.code(), e.what()};
  }
  return {};
}

/// `handler` for whatever asks for a list; one host alone is the usual.
HttpPeer::Handler lists(HttpPeer::Handler handler) {
  return [handler = std::move(handler)](const HttpPeer::Seen& seen) {
    return seen.target.starts_with("/hosts/") ? std::string{} : handler(seen);
  };
}

HttpPeer::Handler on(const std::string& method, const std::string& prefix, const std::string& reply) {
  return [=](const HttpPeer::Seen& seen) {
    return seen.method == method && seen.target.starts_with(prefix) ? reply : std::string{};
  };
}

}  // namespace

TEST_CASE("find, read, remove, gone") {
  World world;
  const auto found = world.find();
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == "7");
  CHECK(found[0].is_proven());
  CHECK(found[0].before == R"({"id":7,"ip":"10.0.0.1","more":"than in a list","name":"web01"})");
  CHECK(world.system().read(World::machine(), "7", within(5s)) == found[0]);
  CHECK(world.system().remove(World::machine(), found[0], within(5s)) == "removed (HTTP 204)");
  CHECK(world.peer.count("DELETE") == 1);
  CHECK_FALSE(world.system().read(World::machine(), "7", within(5s)));
  CHECK(world.find().empty());
  CHECK(told([&] { world.system().remove(World::machine(), found[0], within(5s)); }).code == ErrorCode::gone);
  CHECK(world.system().check(within(5s)) == "127.0.0.1: decom");
}

TEST_CASE("what else the system says of a record is evidence too, and part of what must not change") {
  std::atomic<int> number = 1;
  World world(R"(
    [[item.also]]
    path = "/facts/{{id}}"
    address = "/*[name=ipaddress]/value"
    uuid = "/*[name=uuid]/value"
  )",
              [&](const HttpPeer::Seen& seen) -> std::string {
                if (seen.target.starts_with("/facts/")) {
                  const json facts{{{"name", "ipaddress"}, {"value", "10.0.0." + std::to_string(number)}},
                                   {{"name", "uuid"}, {"value", "42110001-0203-0405-0607-08090a0b0c0d"}}};
                  return number > 0 ? HttpPeer::answer(200, facts.dump()) : HttpPeer::answer(404, "");
                }
                if (seen.target.starts_with("/hosts/") && seen.method == "GET")
                  return HttpPeer::answer(200, R"({"id": 7, "name": "web01"})");
                if (seen.target.starts_with("/hosts?"))
                  return HttpPeer::answer(200, R"({"hosts": [{"id": 7}]})");  // nothing in it proves anything
                return {};
              });
  world.recipe["removed"] = "retired";
  Machine machine = World::machine();
  machine.bios_uuid = "42110001-0203-0405-0607-08090a0b0c0d";
  const auto found = world.system().find(machine, within(5s));
  REQUIRE(found.size() == 1);
  CHECK(found[0].what == "host web01");
  CHECK(found[0].facts ==
        std::vector<std::string>{"name web01", "address 10.0.0.1", "UUID 42110001-0203-0405-0607-08090a0b0c0d"});
  CHECK(found[0].bears == std::vector<std::string>{"web01", "10.0.0.1"});
  number = 2;
  CHECK(world.system().find(machine, within(5s)).at(0).against ==
        std::vector<std::string>{"its address is 10.0.0.2, the machine's is 10.0.0.1"});
  CHECK(told([&] { world.system().remove(machine, found[0], within(5s)); }).code == ErrorCode::precondition);
  number = 0;
  CHECK(world.system().find(machine, within(5s)).at(0).facts == std::vector<std::string>{"name web01"});
  number = 1;
  CHECK(world.system().remove(machine, found[0], within(5s)) == "retired (HTTP 204)");
  // What turns out to be nobody's is no record of the machine.
  machine.name = "other";
  machine.ip_addresses = {"10.0.0.77"};
  machine.bios_uuid.clear();
  CHECK(world.system().find(machine, within(5s)).empty());
}

TEST_CASE("absence without the control is no absence") {
  World world("", on("GET", "/me", HttpPeer::answer(200, R"({"me": "guest"})")));
  world.there = false;
  CHECK(told([&] { world.find(); }).code == ErrorCode::denied);
  CHECK(told([&] { world.system().read(World::machine(), "7", within(5s)); }).code == ErrorCode::denied);
}

TEST_CASE("a read says by its status what may be done about it") {
  const std::vector<std::tuple<int, std::string, ErrorCode>> cases{
      {400, "", ErrorCode::refused},
      {401, "", ErrorCode::unauthenticated},
      {403, "", ErrorCode::denied},
      {404, "", ErrorCode::refused},
      {429, "Retry-After: 7\r\n", ErrorCode::rate_limited},
      {500, "", ErrorCode::busy},
      {502, "", ErrorCode::busy},
      {503, "Retry-After: 7\r\n", ErrorCode::busy},
      {302, "Location: http://127.0.0.1:1/\r\n", ErrorCode::refused}};
  for (const auto& [status, headers, code] : cases) {
    CAPTURE(status);
    World world("", on("GET", "/hosts", HttpPeer::answer(status, R"({"why": "be\u001bcause"})", headers)));
    const auto answer = told([&] { world.find(); });
    CHECK(answer.code == code);
    INFO(answer.text);
    CHECK(answer.text.find("“be\\x1bcause”") != std::string::npos);
  }
}

TEST_CASE("a read whose answer is late, cut off, garbage or huge ends, and says so") {
  const auto code = [](const std::string& reply, std::chrono::milliseconds time = 5s) {
    World world("", on("GET", "/hosts", reply));
    return told([&] { world.system().find(World::machine(), within(time)); }).code;
  };
  CHECK(code(HttpPeer::kSilence, 300ms) == ErrorCode::timed_out);
  CHECK(code(HttpPeer::kHangUp) == ErrorCode::timed_out);
  CHECK(code("HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{") == ErrorCode::timed_out);
  CHECK(code("garbage\r\n\r\n") == ErrorCode::protocol);
  CHECK(code(HttpPeer::answer(200, "<html>")) == ErrorCode::protocol);
  CHECK(code(HttpPeer::answer(200, R"({"error": "x"})")) == ErrorCode::protocol);
  CHECK(code(HttpPeer::answer(200, R"({"hosts": [{"name": "web01"}]})")) == ErrorCode::protocol);
  CHECK(code(HttpPeer::answer(200, std::string(17 << 20, ' '))) == ErrorCode::too_large);
  CHECK(code("HTTP/1.1 200 X\r\nX: " + std::string(90'000, 'x') + "\r\nY: " + std::string(90'000, 'x') +
             "\r\nZ: " + std::string(90'000, 'x') + "\r\n\r\n") == ErrorCode::too_large);
}

TEST_CASE("a removal is sent once, and without a clear answer it is lost") {
  for (const std::string& reply : {std::string{HttpPeer::kHangUp}, HttpPeer::answer(500, ""), HttpPeer::answer(502, ""),
                                   HttpPeer::answer(503, "", "Retry-After: 1\r\n"), HttpPeer::answer(504, ""),
                                   HttpPeer::answer(302, "", "Location: /\r\n"), std::string{"garbage\r\n\r\n"},
                                   std::string{HttpPeer::kSilence}}) {
    CAPTURE(reply);
    World world("", on("DELETE", "/hosts", reply));
    world.recipe["timeout"] = "300ms";
    const auto found = world.find();
    REQUIRE(found.size() == 1);
    CHECK(told([&] { world.system().remove(World::machine(), found[0], within(5s)); }).code == ErrorCode::lost);
    CHECK(world.peer.count("DELETE") == 1);
  }
}

TEST_CASE("a removal that was refused had no effect") {
  for (const auto& [status, code] : std::vector<std::pair<int, ErrorCode>>{{401, ErrorCode::unauthenticated},
                                                                           {403, ErrorCode::denied},
                                                                           {409, ErrorCode::refused},
                                                                           {429, ErrorCode::rate_limited},
                                                                           {404, ErrorCode::denied}}) {
    CAPTURE(status);
    World world("", on("DELETE", "/hosts", HttpPeer::answer(status, "")));
    const auto found = world.find();
    CHECK(told([&] { world.system().remove(World::machine(), found.at(0), within(5s)); }).code == code);
  }
}

TEST_CASE("nobody listens: nothing was sent") {
  World world;
  const auto found = world.find();
  world.recipe["url"] = "http://127.0.0.1:1";
  const auto away = http_system(world.recipe, world.secrets.path());
  CHECK(told([&] { away->find(World::machine(), within(5s)); }).code == ErrorCode::unreachable);
  CHECK(told([&] { away->remove(World::machine(), found.at(0), within(5s)); }).code == ErrorCode::unreachable);
}

TEST_CASE("a stop ends a wait at once") {
  World world("", on("GET", "/hosts", HttpPeer::kSilence));
  std::stop_source source;
  std::jthread stopper([&] {
    while (world.peer.count("GET") == 0) std::this_thread::yield();
    source.request_stop();
  });
  const auto start = std::chrono::steady_clock::now();
  CHECK(told([&] { world.system().find(World::machine(), within(60s, source.get_token())); }).code ==
        ErrorCode::cancelled);
  CHECK(std::chrono::steady_clock::now() - start < 10s);
}

TEST_CASE("codes: the first rule that fits decides, before the status does") {
  World world(R"(
    [[codes]]
    status = 200
    at = "/result"
    equals = 3
    means = "gone"
    [[codes]]
    at = "/result"
    equals = [1, 2]
    contains = ["1"]
    only = "find"
    means = "retry"
    [[codes]]
    contains = "do not exist"
    means = "denied"
  )");
  const auto code = [&](const std::string& body) {
    world.answer_by(on("GET", "/hosts", HttpPeer::answer(200, body)));
    return told([&] { world.find(); }).code;
  };
  CHECK(code(R"({"result": 3})") == ErrorCode::internal);  // gone, and the control holds: an empty answer
  CHECK(code(R"({"result": 1})") == ErrorCode::busy);
  CHECK(code(R"({"result": 2})") == ErrorCode::protocol);
  CHECK(code(R"({"text": "they do not exist"})") == ErrorCode::denied);
  CHECK(code("they do not exist, in plain text") == ErrorCode::denied);
}

TEST_CASE("pages: a link, a cursor, a number; nothing is cut off in silence") {
  const auto host = [](int id) { return json{{"id", id}, {"name", "web01"}, {"ip", "10.0.0.1"}}; };
  const auto page = [&](const std::vector<int>& ids, const json& more) {
    json body = more;
    body["hosts"] = json::array();
    for (const int id : ids) body["hosts"].push_back(host(id));
    return HttpPeer::answer(200, body.dump());
  };
  const auto has = [](const HttpPeer::Seen& seen, const std::string& part) {
    return seen.target.find(part) != std::string::npos;
  };

  World links("[pages]\nnext = \"/next\"", lists([&](const HttpPeer::Seen& seen) {
                return has(seen, "page=3") ? page({3}, {{"next", nullptr}})
                                           : page({has(seen, "page=2") ? 2 : 1},
                                                  {{"next", has(seen, "page=2") ? "/hosts?page=3" : "?page=2"}});
              }));
  CHECK(links.find().size() == 3);

  World away("[pages]\nnext = \"/next\"", [&](const HttpPeer::Seen&) {
    return page({1}, {{"next", "http://127.0.0.1:1/"}});
  });
  CHECK(told([&] { away.find(); }).code == ErrorCode::protocol);

  World cursor("[pages]\ncursor = \"/more\"\nparameter = \"after\"", lists([&](const HttpPeer::Seen& seen) {
                 return has(seen, "after=a%26b") ? page({2}, {{"more", ""}}) : page({1}, {{"more", "a&b"}});
               }));
  CHECK(cursor.find().size() == 2);

  World numbers(
      "[pages]\nparameter = \"page\"\nsize = 2\nsize_parameter = \"limit\"", lists([&](const HttpPeer::Seen& seen) {
        CHECK(has(seen, "limit=2"));
        return has(seen, "page=1") ? page({1, 2}, json::object()) : page({3}, json::object());  // repeats its last page
      }));
  CHECK(numbers.find().size() == 3);

  World offsets("[pages]\nparameter = \"offset\"\ncounts = \"items\"", lists([&](const HttpPeer::Seen& seen) {
                  if (has(seen, "offset=0")) return page({1, 2}, json::object());
                  return has(seen, "offset=2") ? page({3}, json::object()) : page({}, json::object());
                }));
  CHECK(offsets.find().size() == 3);

  const std::string search =
      "[[find]]\npath = \"/rpc\"\nmethod = \"POST\"\n"
      "json = { name = \"{{name}}\", offset = \"{{page}}\", limit = \"{{page_size}}\", note = \"from {{page}}\" }\n";
  const auto rpc = [&](const HttpPeer::Handler& handler) {
    return [=](const HttpPeer::Seen& seen) { return seen.target.starts_with("/rpc") ? handler(seen) : std::string{}; };
  };
  World body(search + "[pages]\ncounts = \"items\"\nsize = 2", rpc([&](const HttpPeer::Seen& seen) {
               const json asked = json::parse(seen.body);
               CHECK(asked["name"] == "web01");
               CHECK(asked["limit"] == 2);
               CHECK(asked["note"] == "from " + asked["offset"].dump());
               if (asked["offset"] == 0) return page({1, 2}, json::object());
               return asked["offset"] == 2 ? page({3}, json::object()) : page({}, json::object());
             }));
  body.recipe["find"].erase(0);
  CHECK(body.find().size() == 3);

  World body_cursor(search + "[pages]\ncursor = \"/more\"\nsize = 2", rpc([&](const HttpPeer::Seen& seen) {
                      const json asked = json::parse(seen.body);
                      if (asked["offset"].is_null()) return page({1}, {{"more", "a\"{{name}}&"}});
                      CHECK(asked["offset"] == "a\"{{name}}&");  // as it came, whatever it looks like
                      return page({2}, {{"more", nullptr}});
                    }));
  body_cursor.recipe["find"].erase(0);
  body_cursor.recipe["find"][0]["json"].erase("note");
  CHECK(body_cursor.find().size() == 2);

  World query("[pages]\ncursor = \"/more\"", lists([&](const HttpPeer::Seen& seen) {
                if (!has(seen, "after")) return page({1}, {{"more", "a&b"}});
                CHECK(has(seen, "after=a%26b"));
                return page({2}, json::object());
              }));
  query.recipe["find"][0]["query"]["after"] = "{{page}}";
  CHECK(query.find().size() == 2);

  World path("[pages]\nfirst = 0", rpc([&](const HttpPeer::Seen& seen) {
               return has(seen, "/rpc/0") ? page({1}, json::object()) : page({2}, json::object());
             }));
  path.recipe["find"][0]["path"] = "/rpc/{{page}}";
  CHECK(path.find().size() == 2);

  int endless = 0;
  World capped("[pages]\nparameter = \"page\"\nmost = 5",
               [&](const HttpPeer::Seen&) { return page({++endless}, json::object()); });
  CHECK(told([&] { capped.find(); }).code == ErrorCode::too_large);
}

TEST_CASE("an answer that is a list of records, and nothing around it") {
  World world("", lists([](const HttpPeer::Seen& seen) {
                if (!seen.target.starts_with("/hosts")) return std::string{};
                return HttpPeer::answer(200,
                                        R"([{"id": 7, "name": "web01", "ip": "10.0.0.1"}, {"id": 8, "name": "db"}])");
              }));
  world.recipe["item"]["items"] = "/*";
  const auto found = world.find();
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == "7");
  world.answer_by(lists([](const HttpPeer::Seen& seen) {
    return seen.target.starts_with("/hosts") ? HttpPeer::answer(200, "[]") : std::string{};
  }));
  CHECK(world.find().empty());
  world.answer_by(lists([](const HttpPeer::Seen& seen) {
    return seen.target.starts_with("/hosts") ? HttpPeer::answer(200, R"({"error": "x"})") : std::string{};
  }));
  CHECK(told([&] { world.find(); }).code == ErrorCode::protocol);
}

TEST_CASE("each credential goes where it should, and is read anew each time") {
  const auto header = [](const std::string& credential, const std::string& name) {
    World world("[credential]\n" + credential);
    world.secrets.write("secret", "s3cret\n");
    world.find();
    return world.peer.seen().at(0).headers[name];
  };
  CHECK(header("type = \"basic\"\nusername = \"decom\"\npassword_file = \"secret\"", "authorization") ==
        "Basic ZGVjb206czNjcmV0");
  CHECK(header("type = \"bearer\"\ntoken_file = \"secret\"", "authorization") == "Bearer s3cret");
  CHECK(header("type = \"header\"\nheader = \"X-Auth\"\nprefix = \"Token \"\ntoken_file = \"secret\"", "x-auth") ==
        "Token s3cret");

  World world("[credential]\ntype = \"bearer\"\ntoken_file = \"secret\"");
  CHECK(told([&] { world.find(); }).code == ErrorCode::invalid);
  world.secrets.write("secret", "one");
  world.find();
  world.secrets.write("secret", "two");
  world.find();
  CHECK(world.peer.seen().front().headers.at("authorization") == "Bearer one");
  CHECK(world.peer.seen().back().headers.at("authorization") == "Bearer two");
}

TEST_CASE("a login gives a cookie, which is used until it is refused, and then bought once more") {
  std::atomic<int> logins = 0;
  std::atomic<bool> forget = false;
  World world(R"(
    [credential]
    type = "login"
    username = "decom"
    password_file = "secret"
    token_cookie = "sid"
    [credential.request]
    method = "POST"
    path = "/login"
    form = { user = "{{username}}", password = "{{password}}" }
  )",
              [&](const HttpPeer::Seen& seen) {
                if (seen.target == "/login") {
                  if (seen.body.find("password=a%26b") == std::string::npos) return HttpPeer::answer(401, "");
                  return HttpPeer::answer(200, "{}", "Set-Cookie: sid=s" + std::to_string(++logins) + "; Path=/\r\n");
                }
                const auto cookie = seen.headers.find("cookie");
                const std::string wanted = "sid=s" + std::to_string(logins);
                if (cookie == seen.headers.end() || cookie->second != wanted || forget.exchange(false))
                  return HttpPeer::answer(401, "");
                return std::string{};
              });
  world.secrets.write("secret", "a&b");
  CHECK(world.find().size() == 1);
  const auto found = world.find();
  CHECK(logins == 1);
  forget = true;
  CHECK(world.find() == found);
  CHECK(logins == 2);
  CHECK(world.system().remove(World::machine(), found.at(0), within(5s)) == "removed (HTTP 204)");

  world.secrets.write("secret", "wrong");
  const auto refused = told([&] { world.find(); });
  CHECK(refused.code == ErrorCode::unauthenticated);
  CHECK(refused.text.ends_with("the credential in secret is refused"));
  const int before = world.peer.count("POST");
  CHECK(told([&] { world.find(); }).code == ErrorCode::unauthenticated);
  CHECK(world.peer.count("POST") == before);
  CHECK(told([&] { world.system().check(within(5s)); }).code == ErrorCode::unauthenticated);
  CHECK(world.peer.count("POST") == before + 1);
}

TEST_CASE("OAuth2 client credentials buy a token, and what the server says never shows it") {
  World world;
  world.answer_by([&](const HttpPeer::Seen& seen) {
    if (seen.target == "/token") {
      CHECK(seen.body == "grant_type=client_credentials&scope=a%20b&client_id=decom&client_secret=s%26");
      return HttpPeer::answer(200, R"({"access_token": "T0KEN", "expires_in": 3600})");
    }
    if (seen.headers.at("authorization") != "Bearer T0KEN") return HttpPeer::answer(401, "");
    return HttpPeer::answer(400, R"({"why": "I got T0KEN and s& from you"})");
  });
  world.secrets.write("secret", "s&");
  world.recipe["credential"] = {{"type", "oauth2"},
                                {"token_url", world.peer.url() + "/token"},
                                {"client_id", "decom"},
                                {"client_secret_file", "secret"},
                                {"scope", "a b"}};
  const auto answer = told([&] { world.find(); });
  CHECK(answer.code == ErrorCode::refused);
  INFO(answer.text);
  CHECK(answer.text.find("I got … and … from you") != std::string::npos);
}

TEST_CASE("a removal of several requests hands on what was answered, and half of it is lost, not refused") {
  const std::string steps = R"(
    [verify]
    every = "50ms"
    within = "5s"
    [verify.request]
    path = "/jobs/{{job}}"
    expect = { at = "/state", equals = "done" }
  )";
  std::atomic<int> polls = 0;
  std::atomic<int> status = 202;
  World world(steps, [&](const HttpPeer::Seen& seen) {
    if (seen.method == "PUT") return HttpPeer::answer(200, "{}");
    if (seen.method == "DELETE") return HttpPeer::answer(status, R"({"job": 99})");
    if (seen.target == "/jobs/99")
      return HttpPeer::answer(200, ++polls < 3 ? R"({"state": "queued"})" : R"({"state": "done"})");
    return std::string{};
  });
  world.recipe["remove"] = json::parse(R"([{"method": "PUT", "path": "/hosts/{{id}}/disassociate"},
                                           {"path": "/hosts/{{id}}", "capture": {"job": "/job"}}])");
  const auto found = world.find();
  CHECK(world.system().remove(World::machine(), found.at(0), within(5s)) == "removed (HTTP 202), and seen to be gone");
  CHECK(polls == 3);
  status = 409;
  const auto half = told([&] { world.system().remove(World::machine(), found.at(0), within(5s)); });
  CHECK(half.code == ErrorCode::lost);
  CHECK(half.text.find("a part of it was done before") != std::string::npos);
}

TEST_CASE("an id of several parts, and what is marked as gone or forbidden") {
  World world("", on("GET", "/hosts", HttpPeer::answer(200, R"({"hosts": [
    {"subnet": 4, "ip": "10.0.0.1", "name": "web01", "state": "active", "kind": "a 100%"},
    {"subnet": 5, "ip": "10.0.0.1", "name": "web01", "state": "expired", "kind": "b"}]})")));
  world.recipe["item"] = from_toml(R"(
    items = "/hosts/*"
    id = ["/subnet", "/kind"]
    name = "/name"
    address = "/ip"
    what = "{{kind}} of {{name}}"
    fields = { kind = "/kind" }
    before = "/kind"
    gone = { at = "/state", equals = "expired" }
    forbidden = { at = "/subnet", equals = 4, because = "subnet 4 is not ours" }
  )");
  world.recipe["read"] = {{"path", "/hosts/{{id_1}}/{{id_2}}"}};
  world.recipe["remove"] = world.recipe["read"];
  const auto found = world.find();
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == "4 a%20100%25");
  CHECK(found[0].what == "a 100% of web01");
  CHECK(found[0].forbidden == "subnet 4 is not ours");
  CHECK(world.system().read(World::machine(), found[0].id, within(5s)) == found[0]);
  CHECK(world.peer.seen().back().target == "/hosts/4/a%20100%25");
  CHECK_FALSE(world.system().read(World::machine(), "5 b", within(5s)));
  CHECK(told([&] { world.system().remove(World::machine(), found[0], within(5s)); }).code == ErrorCode::refused);
}

TEST_CASE("a removal that leaves the record there says so, and its state is what it is found by afterwards") {
  std::string state = "active";
  json owner;
  World world("", [&](const HttpPeer::Seen& seen) {
    if (seen.target == "/me") return std::string{};
    if (seen.method == "PATCH") state = "retired";
    const json host{{"id", 7}, {"name", "web01"}, {"ip", "10.0.0.1"}, {"state", state}, {"owner", owner}};
    return HttpPeer::answer(200, host.dump());
  });
  world.recipe["find"] = json::parse(R"([{"path": "/v4/{{ip4}}", "items": ""}, {"path": "/v6/{{ip6}}", "items": ""}])");
  world.recipe["item"]["effect"] =
      from_toml("verb = 'retire'\ndone = 'is retired'\nwhen = { at = '/state', equals = 'retired' }");
  world.recipe["item"]["before"] = "/state";
  world.recipe["remove"] = {{"path", "/hosts/{{id}}"}, {"method", "PATCH"}, {"expect", {{"at", "/owner"}}}};
  world.recipe["verify"] = {{"every", "50ms"}, {"within", "1s"}};
  Machine machine = World::machine();
  machine.ip_addresses = {"10.0.0.1", "2001:db8::1"};
  const auto found = world.system().find(machine, within(5s));
  REQUIRE(found.size() == 1);
  CHECK(found[0].effect == "retire");
  CHECK(found[0].done.empty());
  CHECK(world.peer.seen().at(0).target == "/v4/10.0.0.1");
  CHECK(world.peer.seen().at(1).target == "/v6/2001%3Adb8%3A%3A1");

  // null is nothing: what is expected is not there.
  const auto unsure = told([&] { world.system().remove(machine, found[0], within(5s)); });
  CHECK(unsure.code == ErrorCode::lost);
  state = "active";
  owner = "ops";
  CHECK(world.system().remove(machine, found[0], within(5s)) == "retired (HTTP 200), and seen to be so");
  CHECK(world.system().read(machine, "7", within(5s))->done == "is retired");
}

TEST_CASE("records that are names and nothing more: read all at once, and what more there is by one") {
  std::vector<std::string> names{"dev", "web01"};
  World world(R"(
    [[item.also]]
    path = "/role/{{id}}"
    address = "/bound/*"
  )",
              [&](const HttpPeer::Seen& seen) {
                if (seen.target == "/me") return std::string{};
                if (seen.target == "/role/web01") return HttpPeer::answer(200, R"({"bound": ["10.0.0.1/32"]})");
                if (seen.target != "/role") return HttpPeer::answer(500, "");
                return HttpPeer::answer(200, json{{"hosts", names}}.dump());
              });
  for (const char* key : {"find", "read"}) world.recipe[key] = {{"path", "/role"}};
  for (const char* key : {"id", "name"}) world.recipe["item"][key] = "";
  world.recipe["item"].erase("address");
  const auto found = world.find();
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == "web01");
  CHECK(found[0].is_proven());
  CHECK(world.peer.count("GET") == 3);  // the list, that list again to read it, and its own
  names.pop_back();
  CHECK_FALSE(world.system().read(World::machine(), "web01", within(5s)));
}

TEST_CASE("hostile names stay names") {
  World world;
  const std::vector<std::string> names{"*)(cn=*", "$(reboot)",    "a;b",  "\"},{\"",
                                       "../../",  "a&name=web01", "é€漢", std::string(253, 'a')};
  for (const std::string& name : names) {
    Machine machine = World::machine();
    machine.name = name;
    world.system().find(machine, within(5s));
    for (const auto& seen : world.peer.seen())
      CHECK_MESSAGE((seen.target == "/me" || seen.target == "/hosts/7" ||
                     (seen.target.starts_with("/hosts?name=") && seen.target.find('&') == std::string::npos)),
                    seen.target);
  }
}

TEST_CASE("a system is not asked more often than its recipe allows") {
  World world;
  world.recipe["rate"] = 10;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) world.find();
  CHECK(std::chrono::steady_clock::now() - start >= 390ms);
  world.recipe["rate"] = 1;
  const auto slow = http_system(world.recipe, world.secrets.path());
  slow->find(World::machine(), within(5s));
  CHECK(told([&] { slow->find(World::machine(), within(50ms)); }).code == ErrorCode::busy);
}

TEST_CASE("Retry-After is read as seconds and as a date, and an hour is the most") {
  const Timestamp now = parse_rfc3339("2026-03-01T12:00:00Z");
  const auto wait = [&](const std::string& text, const std::string& date = {}) {
    http::Reply reply{.status = 503, .headers = {{"retry-after", text}}, .body = {}};
    if (!date.empty()) reply.headers.emplace_back("date", date);
    return reply.retry_after(now);
  };
  CHECK(wait("7") == 7s);
  CHECK(wait("0") == 0s);
  CHECK(wait("99999999999999999999999") == 3600s);
  CHECK(wait("Sun, 01 Mar 2026 12:01:00 GMT") == 60s);
  CHECK(wait("Sun, 01 Mar 2026 12:01:00 GMT", "Sun, 01 Mar 2026 12:00:50 GMT") == 10s);  // their clock, not ours
  CHECK(wait("Sun, 01 Mar 2026 11:00:00 GMT") == 0s);
  CHECK(wait("Sun, 01 Mar 2099 11:00:00 GMT") == 3600s);
  for (const char* text : {"", "soon", "-1", "7 days", "\xff\x01"}) CHECK_FALSE(wait(text));
}

TEST_CASE("a system that wants to be left alone is, also where a removal is to be found out about") {
  for (const char* method : {"GET", "DELETE"}) {
    CAPTURE(method);
    World world;
    const auto found = world.find();
    world.answer_by(on(method, "/hosts/", HttpPeer::answer(503, "", "Retry-After: 1\r\n")));
    const auto answer = told([&] { world.system().remove(World::machine(), found.at(0), within(5s)); });
    CHECK(answer.code == (std::string{method} == "GET" ? ErrorCode::busy : ErrorCode::lost));
    CHECK(answer.text.find("left alone for 1.0s") != std::string::npos);
    const auto start = std::chrono::steady_clock::now();
    world.answer_by({});
    const auto asked = world.peer.seen().size();
    CHECK(told([&] { world.system().read(World::machine(), "7", within(300ms)); }).code == ErrorCode::busy);
    CHECK(world.peer.seen().size() == asked);
    CHECK(world.system().read(World::machine(), "7", within(5s)));
    CHECK(std::chrono::steady_clock::now() - start >= 900ms);
  }
}

TEST_CASE("nobody waits long with a thread: what is to be left alone for minutes is busy, and not asked") {
  for (const auto& [status, more] :
       {std::pair{429, ""}, {503, ""}, {500, "[[codes]]\nstatus = 500\nmeans = \"retry\""}}) {
    CAPTURE(status);
    World world(more, on("GET", "/hosts", HttpPeer::answer(status, "", "Retry-After: 120\r\n")));
    CHECK(told([&] { world.find(); }).text.find("left alone for 2m") != std::string::npos);
    const auto asked = world.peer.seen().size();
    const auto again = told([&] { world.system().find(World::machine(), within(600s)); });
    CHECK(again.code == ErrorCode::busy);
    CHECK(again.text.find("left alone for another") != std::string::npos);
    CHECK(world.peer.seen().size() == asked);
  }
}

TEST_CASE("a server of tokens that wants to be left alone is") {
  World world("", on("POST", "/token", HttpPeer::answer(503, "", "Retry-After: 120\r\n")));
  world.secrets.write("secret", "s");
  world.recipe["credential"] = {{"type", "oauth2"},
                                {"token_url", world.peer.url() + "/token"},
                                {"client_id", "decom"},
                                {"client_secret_file", "secret"}};
  for (const char* words : {"left alone for 2m", "left alone for another"}) {
    const auto answer = told([&] { world.find(); });
    CHECK(answer.code == ErrorCode::busy);
    CHECK(answer.text.find(words) != std::string::npos);
  }
  CHECK(world.peer.count("POST") == 1);
}

TEST_CASE("the recipe of the manual page works as it stands there") {
  std::ifstream page(std::string{DECOM_SOURCE_DIR} + "/man/decomd-records.5");
  std::string text((std::istreambuf_iterator<char>(page)), {});
  const std::size_t from = text.find("kind = \"http\"");
  REQUIRE(from != std::string::npos);
  text = text.substr(from, text.find("\n.Ed", from) - from);
  CHECK(std::ranges::count(text, '\n') < 20);

  std::atomic<bool> there = true;
  HttpPeer cmdb([&](const HttpPeer::Seen& seen) {
    if (seen.headers.at("authorization") != "Bearer t0ken") return HttpPeer::answer(401, "");
    const std::string machine = R"({"id": 42, "hostname": "web01", "addresses": ["10.0.0.1"], "serial": ""})";
    if (seen.target == "/api/me") return HttpPeer::answer(200, R"({"rights": ["machines:read", "machines:write"]})");
    if (seen.target == "/api/machines?name=web01")
      return HttpPeer::answer(200, there ? "{\"machines\": [" + machine + "]}" : R"({"machines": []})");
    if (seen.target != "/api/machines/42" || !there) return HttpPeer::answer(404, "");
    if (seen.method == "DELETE") there = false;
    return HttpPeer::answer(200, machine);
  });
  SecretFolder secrets;
  secrets.write("cmdb.token", "t0ken\n");
  auto recipe = from_toml(text);
  for (const char* shared : {"kind", "name", "ca_file"}) recipe.erase(shared);
  recipe["url"] = cmdb.url() + "/api";
  const auto system = http_system(recipe, secrets.path());
  const auto found = system->find(World::machine(), within(5s));
  REQUIRE(found.size() == 1);
  CHECK(found[0].what == "machine web01, 10.0.0.1");
  CHECK(found[0].is_proven());
  CHECK(system->remove(World::machine(), found[0], within(5s)) == "removed (HTTP 200)");
  CHECK(system->find(World::machine(), within(5s)).empty());
}

TEST_CASE("Zabbix 7.0 has a token, or that of a session, in a header and nowhere else") {
  const auto zabbix = [](const HttpPeer::Seen& seen) {
    const json asked = json::parse(seen.body);
    if (asked.at("method") == "user.login")
      return HttpPeer::answer(200, R"({"jsonrpc": "2.0", "result": "session-1", "id": 1})");
    CHECK(seen.headers.at("authorization").starts_with("Bearer "));
    CHECK_FALSE(asked.contains("auth"));
    if (asked.at("params").contains("editable"))
      return HttpPeer::answer(200,
                              R"({"jsonrpc": "2.0", "result": [{"hostid": "1", "host": "Zabbix server"}], "id": 1})");
    return HttpPeer::answer(200, R"({"jsonrpc": "2.0", "result": [], "id": 1})");
  };
  HttpPeer peer(zabbix);
  SecretFolder secrets;
  secrets.write("zabbix.token", "t0ken");
  secrets.write("zabbix.password", "pa55word");
  json recipe = shipped_recipe("zabbix7.toml");
  recipe["url"] = peer.url();
  recipe["rate"] = 1000;
  recipe.erase("ca_file");
  CHECK(http_system(recipe, secrets.path())->find(World::machine(), within(5s)).empty());
  CHECK(peer.seen().back().headers.at("authorization") == "Bearer t0ken");
  recipe["credential"] = from_toml(R"(
    type = "login"
    username = "decom"
    password_file = "zabbix.password"
    token_at = "/result"
    header = "Authorization"
    prefix = "Bearer "
    [request]
    method = "POST"
    path = "/api_jsonrpc.php"
    json = { jsonrpc = "2.0", id = 1, method = "user.login", params = { username = "{{username}}", password = "{{password}}" } }
  )");
  CHECK(http_system(recipe, secrets.path())->check(within(5s)) == "127.0.0.1: Zabbix server");
  CHECK(peer.seen().back().headers.at("authorization") == "Bearer session-1");
}
