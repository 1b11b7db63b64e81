#include <future>

#include <doctest/doctest.h>

#include "common/base/crypto.hpp"
#include "tests/unit/api/contract.hpp"
#include "tests/unit/api/house.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;

TEST_CASE("routes and contract list the same paths, methods, parameters and bodies") {
  const House house;
  std::set<std::string> routed;
  for (const Route& route : house.api.routes()) {
    const std::string verb = route.method == "GET" ? "get" : route.method == "POST" ? "post" : "delete";
    INFO(route.method, " ", route.pattern);
    routed.insert(verb + " " + route.pattern);
    REQUIRE(contract()["paths"].contains(route.pattern));
    REQUIRE(contract()["paths"][route.pattern].contains(verb));
    const Json& operation = contract()["paths"][route.pattern][verb];
    CHECK(operation.contains("requestBody") == route.takes_body);
    CHECK((operation.contains("security") && operation["security"].empty()) == (route.access == Access::anyone));
    std::set<std::string> promised;
    for (const Json& given : operation.value("parameters", Json::array())) {
      const Json& parameter = given.contains("$ref") ? contract()["components"]["parameters"]["Cursor"] : given;
      if (parameter["in"] == "query") promised.insert(parameter["name"].get<std::string>());
    }
    CHECK(promised == std::set<std::string>(route.query.begin(), route.query.end()));
  }
  std::set<std::string> promised;
  for (const auto& [path, item] : contract()["paths"].items())
    for (const auto& [verb, operation] : item.items())
      if (verb != "parameters") promised.insert(verb + " " + path);
  CHECK(routed == promised);
}

TEST_CASE("what is not there is 404, another method 405 with Allow, an unknown parameter 400 with the nearest") {
  House house;
  const std::string token = house.login("alice");
  CHECK(house.ask("GET", "/v1/nothing", {}, token).status == 404);
  CHECK(house.ask("GET", "/v1/vms/", {}, token).status == 404);
  CHECK(house.ask("GET", "/", {}, token).status == 404);
  const HttpResponse wrong = house.ask("PUT", "/v1/requests", {}, token);
  CHECK(wrong.status == 405);
  CHECK(wrong.headers.at("Allow") == "POST, GET");
  const HttpResponse unknown = house.ask("GET", "/v1/vms?limt=3", {}, token);
  CHECK(unknown.status == 400);
  CHECK(Json::parse(unknown.body)["detail"] == "there is no parameter 'limt'; did you mean 'limit'?");
  CHECK(house.ask("GET", "/v1/vms?limit=3&limit=4", {}, token).status == 400);
  for (const char* limit : {"0", "-1", "10001", "x", "1e3", "99999999999999999999"})
    CHECK(house.ask("GET", std::string("/v1/vms?limit=") + limit, {}, token).status == 400);
}

TEST_CASE("health and the contract need no login, everything else does") {
  House house;
  CHECK(house.ask("GET", "/v1/health").status == 200);
  CHECK(house.ask("GET", "/v1/openapi.json").status == 200);
  for (const Route& route : house.api.routes()) {
    if (route.access == Access::anyone) continue;
    std::string path = route.pattern;
    if (const auto at = path.find("{id}"); at != std::string::npos) path.replace(at, 4, "1");
    INFO(route.method, " ", path);
    for (const std::string& token : {std::string{}, std::string("decom_x"), std::string("x"), std::string(5000, 'x')}) {
      const HttpResponse response = house.ask(route.method, path, {}, token);
      CHECK(response.status == 401);
      CHECK(response.headers.at("WWW-Authenticate") == "Bearer");
    }
    CHECK(house.ask(route.method, path, {}, {}, {{"authorization", "Basic YTpi"}}).status == 401);
  }
}

TEST_CASE("login, whoami, logout") {
  House house;
  CHECK(house.ask("POST", "/v1/login", R"({"user":"alice","password":"wrong"})").status == 401);
  CHECK(house.ask("POST", "/v1/login", R"({"user":"alice","password":""})").status == 401);
  CHECK(house.ask("POST", "/v1/login", R"({"user":"alice"})").status == 401);
  CHECK(house.ask("POST", "/v1/login", R"({"user":"stranger","password":"Passw0rd!"})").status == 403);
  CHECK(house.directory.password_checks() == 2);
  const std::string token = house.login("alice");
  const Json who = house.get("/v1/whoami", token);
  CHECK(who["uid"] == 1000);
  CHECK(who["roles"] == Json{"operator"});
  house.uid = 1001;
  CHECK(house.ask("GET", "/v1/whoami", {}, token).status == 401);
  house.uid = 1000;
  CHECK(house.ask("POST", "/v1/logout", "{}", token).status == 204);
  CHECK(house.ask("GET", "/v1/whoami", {}, token).status == 401);
}

TEST_CASE("a login ends by its time") {
  House house;
  const std::string token = house.login("alice");
  house.clock.advance(8h + 1s);
  CHECK(house.ask("GET", "/v1/whoami", {}, token).status == 401);
}

TEST_CASE("tokens are made, listed, and revoked by their owner or an administrator") {
  House house;
  const std::string alice = house.login("alice");
  const std::string bob = house.login("bob");
  const HttpResponse made = house.ask("POST", "/v1/tokens", R"({"name":"nightly","ttl_s":3600})", alice);
  REQUIRE(made.status == 201);
  const Json answer = Json::parse(made.body);
  const std::string id = answer["row"]["id"];
  CHECK(made.headers.at("Location") == "/v1/tokens/" + id);
  CHECK(house.get("/v1/whoami", answer["token"])["user"] == house.get("/v1/whoami", alice)["user"]);
  CHECK(house.get("/v1/tokens", alice)["items"].size() == 1);
  CHECK(house.get("/v1/tokens", bob)["items"].empty());
  CHECK(house.get("/v1/tokens", alice).dump().find(answer["token"].get<std::string>()) == std::string::npos);
  CHECK(house.ask("GET", "/v1/tokens?all=true", {}, bob).status == 403);
  CHECK(house.get("/v1/tokens?all=true", house.login("root"))["items"].size() >= 1);
  CHECK(house.ask("DELETE", "/v1/tokens/" + id, {}, bob).status == 404);
  CHECK(house.ask("DELETE", "/v1/tokens/" + id.substr(0, 3), {}, alice).status == 404);
  CHECK(house.ask("DELETE", "/v1/tokens/" + id.substr(0, 8), {}, alice).status == 204);
  CHECK(house.ask("GET", "/v1/whoami", {}, answer["token"]).status == 401);
  for (const char* bad : {R"({"name":"x","ttl_s":0})", R"({"name":"x","ttl_s":-1})", R"({"name":"x","ttl_s":1.5})",
                          R"({"name":"x","ttl_s":9223372036854775807})", R"({"name":"x","ttl_s":18446744073709551615})",
                          R"({"name":"","ttl_s":3600})"})
    CHECK(house.ask("POST", "/v1/tokens", bad, alice).status == 422);
}

TEST_CASE("machines are searched and shown, by id or by a name that is unique") {
  House house;
  const std::string token = house.login("carol");
  const Json page = house.get("/v1/vms?q=web&limit=2", token);
  CHECK(page["items"].size() == 2);
  CHECK(page["total"] == 3);
  CHECK(page["mirrors"][0]["vcenter"] == "lab");
  const Json rest = house.get("/v1/vms?q=web&limit=2&cursor=" + page["next"].get<std::string>(), token);
  CHECK(rest["items"].size() == 1);
  CHECK(rest["next"].is_null());
  CHECK(house.ask("GET", "/v1/vms?cursor=garbled", {}, token).status == 400);
  CHECK(house.ask("GET", "/v1/vms?q=nofield:x", {}, token).status == 400);
  CHECK(house.get("/v1/vms/lab:vm-2", token)["name"] == "web02");
  CHECK(house.get("/v1/vms/WEB02", token)["id"] == "lab:vm-2");
  const HttpResponse missing = house.ask("GET", "/v1/vms/web04", {}, token);
  CHECK(missing.status == 404);
  CHECK(!Json::parse(missing.body)["errors"].empty());
  CHECK(!house.get("/v1/vm-fields", token)["items"].empty());
}

TEST_CASE("bodies that are not exactly what is meant are refused by name") {
  House house;
  const std::string token = house.login("alice");
  struct Case {
    const char* body;
    int status;
    const char* says;
  };
  for (const auto& [body, status, says] : {
           Case{"{", 400, "JSON"},
           Case{"[]", 400, "object"},
           Case{R"({"machines":["a"],"machines":["b"]})", 400, "twice"},
           Case{R"({"machine":["a"]})", 422, "did you mean 'machines'"},
           Case{R"({"machines":"a"})", 422, "a list of texts"},
           Case{R"({"machines":[1]})", 422, "a list of texts"},
           Case{R"({"machines":["a"],"options":{"reasn":"x"}})", 422, "options.reasn"},
           Case{R"({"machines":["a"],"options":{"guest_shutdown":1}})", 422, "true or false"},
           Case{R"({"machines":["a"],"options":{"not_before":"tomorrow"}})", 422, "options.not_before"},
           Case{R"({"machines":["a"],"options":{"not_before":"2026-01-01T00:00:00"}})", 422, "options.not_before"},
           Case{R"({"machines":["a"],"options":{"shutdown_timeout_s":-1}})", 422, "shutdown_timeout_s"},
           Case{R"({"machines":["a"],"options":null})", 422, "options"},
       }) {
    const HttpResponse response = house.ask("POST", "/v1/plans", body, token);
    INFO(body, " -> ", response.body);
    CHECK(response.status == status);
    CHECK(response.body.find(says) != std::string::npos);
  }
  CHECK(house.ask("GET", "/v1/vms", "{\"a\":1}", token).status == 400);
  CHECK(house.ask("POST", "/v1/plans", std::string(100, '[') + std::string(100, ']'), token).status == 400);
}

TEST_CASE("threat 9: each route asks for its role, whatever the body says") {
  House house;
  const std::string viewer = house.login("carol");
  const std::string operator_ = house.login("alice");
  const std::int64_t request = house.submit("alice", {1});
  const std::string path = "/v1/requests/" + std::to_string(request);
  for (const std::string& body : {std::string("{}"), std::string(R"({"roles":["admin"]})"), std::string()}) {
    CHECK(house.ask("POST", "/v1/plans", body, viewer).status == 403);
    CHECK(house.ask("POST", "/v1/requests", body, viewer).status == 403);
    CHECK(house.ask("POST", path + "/cancel", body, viewer).status == 403);
    CHECK(house.ask("POST", path + "/retry", body, viewer).status == 403);
    CHECK(house.ask("POST", path + "/resolve", body, viewer).status == 403);
    CHECK(house.ask("POST", "/v1/freeze", body, operator_).status == 403);
    CHECK(house.ask("POST", "/v1/thaw", body, operator_).status == 403);
  }
  const auto entries = house.store.audit_entries(0, 1000);
  CHECK(std::ranges::count(entries, "denied", &AuditEntry::action) == 21);
  CHECK(!house.store.freeze_state().frozen);
}

TEST_CASE("a plan is shown to whom it was made for") {
  House house;
  const PlanOffer offer = house.offer("alice", {1, 2});
  const Json plan = house.get("/v1/plans/" + offer.id, house.login("alice"));
  CHECK(plan["hash"] == offer.hash);
  CHECK(plan["machines"].size() == 2);
  CHECK(house.ask("GET", "/v1/plans/" + offer.id, {}, house.login("bob")).status == 403);
  CHECK(house.ask("GET", "/v1/plans/" + offer.id, {}, house.login("root")).status == 200);
  CHECK(house.ask("GET", "/v1/plans/none", {}, house.login("bob")).status == 404);
  house.clock.advance(16min);
  CHECK(house.ask("GET", "/v1/plans/" + offer.id, {}, house.login("alice")).status == 410);
}

TEST_CASE("names that nobody knows and those of nobody's are said one by one") {
  House house;
  const HttpResponse response =
      house.ask("POST", "/v1/plans", R"({"machines":["web99","nothing like it"]})", house.login("alice"));
  CHECK(response.status == 404);
  CHECK(Json::parse(response.body)["errors"].size() == 2);
}

TEST_CASE("the same key and body is the same request, though its plan is used up") {
  House house;
  const std::string token = house.login("alice");
  const PlanOffer offer = house.offer("alice", {1});
  const std::string body = Json{{"plan", offer.id}, {"hash", offer.hash}}.dump();
  const Accepted first = house.store.submit(
      {.plan_id = offer.id, .plan_hash = offer.hash, .idempotency_key = "cron-1", .body_hash = sha256_hex(body)},
      house.principal("alice"));
  const HttpResponse again = house.ask("POST", "/v1/requests", body, token, {{"idempotency-key", "cron-1"}});
  CHECK(again.status == 200);
  CHECK(Json::parse(again.body)["id"] == first.request);
  CHECK(again.headers.at("Location") == "/v1/requests/1");
  // Spaces and the order of keys are not the body's meaning.
  const std::string spaced = R"({ "plan": ")" + offer.id + R"(", "hash": ")" + offer.hash + "\" }";
  CHECK(house.ask("POST", "/v1/requests", spaced, token, {{"idempotency-key", "cron-1"}}).status == 200);

  CHECK(house.ask("POST", "/v1/requests", body, token).status == 410);
  CHECK(house.ask("POST", "/v1/requests", body, token, {{"idempotency-key", "cron-2"}}).status == 410);
  CHECK(house.ask("POST", "/v1/requests", body, house.login("bob"), {{"idempotency-key", "cron-1"}}).status >= 400);
  const std::string other = Json{{"plan", offer.id}, {"hash", "0"}}.dump();
  CHECK(house.ask("POST", "/v1/requests", other, token, {{"idempotency-key", "cron-1"}}).status == 422);
  CHECK(house.ask("POST", "/v1/requests", body, token, {{"idempotency-key", "a b"}}).status == 400);
  CHECK(house.store.list_requests({}).size() == 1);
}

TEST_CASE("a submit without a vCenter that could be asked is refused and makes nothing") {
  House house;
  const PlanOffer offer = house.offer("alice", {1});
  const std::string body = Json{{"plan", offer.id}, {"hash", offer.hash}}.dump();
  for (const char* key : {"", "k"}) {
    House::Headers headers;
    if (*key != '\0') headers["idempotency-key"] = key;
    CHECK(house.ask("POST", "/v1/requests", body, house.login("alice"), headers).status >= 400);
  }
  CHECK(house.store.list_requests({}).empty());
}

TEST_CASE("requests are listed newest first, in pages, by filter") {
  House house;
  for (int i = 1; i <= 3; ++i) house.submit(i == 2 ? "bob" : "alice", {i});
  const std::string token = house.login("carol");
  const Json page = house.get("/v1/requests?limit=2", token);
  CHECK(page["items"][0]["id"] == 3);
  CHECK(page["items"].size() == 2);
  const std::string cursor = page["next"];
  const Json rest = house.get("/v1/requests?limit=2&cursor=" + cursor, token);
  CHECK(rest["items"].size() == 1);
  CHECK(rest["items"][0]["id"] == 1);
  CHECK(rest["next"].is_null());
  CHECK(house.get("/v1/requests?user=bob", token)["items"].size() == 1);
  CHECK(house.get("/v1/requests?state=queued,running&live=true", token)["items"].size() == 3);
  CHECK(house.get("/v1/requests?state=failed", token)["items"].empty());
  CHECK(house.get("/v1/requests?machine=web02", token)["items"].size() == 1);
  CHECK(house.get("/v1/requests?text=CHG-1&since=2020-01-01T00:00:00Z", token)["items"].size() == 3);
  for (const char* bad : {"cursor=r1.x.y", "cursor=zzz", "state=fine", "live=maybe", "since=yesterday", "limit=501"})
    CHECK(house.ask("GET", std::string("/v1/requests?") + bad, {}, token).status == 400);
  CHECK(house.ask("GET", "/v1/requests?user=bob&cursor=" + cursor, {}, token).status == 400);
}

TEST_CASE("a request is shown to its steps, with where to follow from") {
  House house;
  const std::int64_t id = house.submit("alice", {1, 2});
  const Json request = house.get("/v1/requests/" + std::to_string(id), house.login("carol"));
  CHECK(request["state"] == "queued");
  CHECK(request["machines"].size() == 2);
  CHECK(request["machines"][1]["id"] == "1.2");
  CHECK(!request["machines"][0]["steps"].empty());
  CHECK(request["last_event"] == house.store.last_seq());
  for (const char* id_text : {"2", "0", "x", "-1", "1x", "99999999999999999999"})
    CHECK(house.ask("GET", std::string("/v1/requests/") + id_text, {}, house.login("carol")).status == 404);
}

TEST_CASE("any operator cancels, also while the directory hangs or is away") {
  House house;
  const std::int64_t id = house.submit("alice", {1, 2, 3});
  const std::string bob = house.login("bob");
  house.clock.advance(10min);  // what is known of bob is old by now
  house.directory.go_away();
  const std::string path = "/v1/requests/" + std::to_string(id) + "/cancel";
  const HttpResponse one = house.ask("POST", path, R"({"machines":["1.2"]})", bob);
  REQUIRE(one.status == 202);
  CHECK(Json::parse(one.body)["machines"].size() == 1);
  CHECK(Json::parse(one.body)["machines"][0]["state"] == "cancelled");
  const HttpResponse all = house.ask("POST", path, "", bob);
  CHECK(all.status == 202);
  CHECK(house.get("/v1/requests/1", bob)["state"] == "cancelled");
  CHECK(house.ask("POST", path, R"({"machines":["7"]})", bob).status == 404);
}

TEST_CASE("retry and resolve are for the requester and administrators, and ask the directory") {
  House house;
  const std::int64_t id = house.submit("alice", {1});
  const std::string path = "/v1/requests/" + std::to_string(id);
  const std::string resolve = R"({"machine":"1","step":"destroy","as":"done","reason":"seen"})";
  const std::string alice = house.login("alice");
  const std::string bob = house.login("bob");
  CHECK(code_of(house.ask("POST", path + "/retry", "{}", bob)) == "denied");
  CHECK(code_of(house.ask("POST", path + "/resolve", resolve, bob)) == "denied");
  CHECK(code_of(house.ask("POST", path + "/retry", "{}", alice)) == "conflict");  // it is queued: nothing to retry
  CHECK(code_of(house.ask("POST", path + "/resolve", resolve, alice)) == "conflict");
  CHECK(code_of(house.ask("POST", path + "/retry", "{}", house.login("root"))) == "conflict");
  const HttpResponse lacking = house.ask("POST", path + "/resolve", R"({"as":"maybe"})", alice);
  CHECK(lacking.status == 422);
  CHECK(Json::parse(lacking.body)["errors"].size() == 4);
  house.directory.go_away();
  CHECK(code_of(house.ask("POST", path + "/retry", "{}", alice)) == "unreachable");
  house.directory.come_back();
  house.directory.leave("Operators", "alice");
  CHECK(code_of(house.ask("POST", path + "/retry", "{}", alice)) == "denied");
}

TEST_CASE("an administrator freezes and thaws, and says why") {
  House house;
  const std::string root = house.login("root");
  CHECK(house.ask("POST", "/v1/freeze", "{}", root).status == 422);
  CHECK(house.ask("POST", "/v1/freeze", R"({"reason":" "})", root).status == 422);
  house.directory.go_away();
  house.clock.advance(10min);
  const HttpResponse frozen = house.ask("POST", "/v1/freeze", R"({"reason":"incident"})", root);
  CHECK(frozen.status == 200);
  CHECK(Json::parse(frozen.body)["reason"] == "incident");
  CHECK(house.get("/v1/freeze", root)["frozen"] == true);
  CHECK(code_of(house.ask("POST", "/v1/thaw", R"({"reason":"over"})", root)) == "unreachable");
  house.directory.come_back();
  CHECK(house.ask("POST", "/v1/thaw", R"({"reason":"over"})", root).status == 200);
  CHECK(house.get("/v1/freeze", root)["frozen"] == false);
}

TEST_CASE("an event stream begins where it was asked to, and knows when it will end") {
  House house;
  const std::int64_t id = house.submit("alice", {1, 2});
  const std::string token = house.login("carol");
  const auto stream = [&](const std::string& target, House::Headers headers = {}) {
    return std::get<EventStream>(house.ask_for("GET", target, {}, token, std::move(headers)));
  };
  CHECK(stream("/v1/events").since == house.store.last_seq());
  CHECK(stream("/v1/events?since=0").since == 0);
  CHECK(stream("/v1/events?since=0", {{"last-event-id", "2"}}).since == 2);
  CHECK(!stream("/v1/events?since=0", {{"accept", "text/event-stream"}}).ndjson);
  CHECK(stream("/v1/events?since=0", {{"accept", "application/x-ndjson"}}).ndjson);
  CHECK(stream("/v1/events?since=0&machine=1.2").request == 1);
  CHECK(stream("/v1/events?since=0&machine=1.2").machine == 2);
  CHECK(stream("/v1/events?since=0&request=1&machine=web02").machine == 2);
  const EventStream open = stream("/v1/events?since=0&request=1&until_settled=true");
  CHECK(open.until_settled);
  CHECK(open.settled_by == 0);
  CHECK(open.settles_after == house.store.last_seq());
  (void)house.store.cancel(id, {}, house.principal("alice"));
  CHECK(stream("/v1/events?since=0&request=1&until_settled=true").settled_by == house.store.last_seq());
  for (const char* bad : {"since=-1", "since=x", "until_settled=true", "machine=3", "request=0"})
    CHECK(house.ask("GET", std::string("/v1/events?") + bad, {}, token).status == 400);
  CHECK(house.ask("GET", "/v1/events", {}, token, {{"last-event-id", "abc"}}).status == 400);
  CHECK(house.ask("GET", "/v1/events?request=77", {}, token).status == 404);
  CHECK(house.ask("GET", "/v1/events?request=1&machine=9", {}, token).status == 404);
}

TEST_CASE("a viewer sees the doctor") {
  House house;
  const Json seen = house.get("/v1/doctor", house.login("carol"));
  std::map<std::string, std::string> levels;
  for (const Json& check : seen["checks"]) levels[check["name"]] = check["level"];
  for (const char* name : {"socket", "login", "vcenter lab: mirror", "directory", "store", "audit", "engine"}) {
    INFO(name);
    CHECK(levels.contains(name));
  }
  CHECK(levels["audit"] == "ok");
  CHECK(levels["login"] == "ok");
  house.store.set_freeze(true, "incident", house.principal("root"));
  const std::string token = house.login("carol");
  house.directory.go_away();
  const Json away = house.get("/v1/doctor", token);
  for (const Json& check : away["checks"]) {
    if (check["name"] == "directory") CHECK(check["level"] == "error");
    if (check["name"] == "engine") CHECK(check["level"] == "warning");
  }
}

namespace {

/// A directory whose answers wait until they are let go, as behind a firewall that drops.
class HangingDirectory final : public FakeDirectory {
 public:
  Person authenticate(std::string_view name, const Secret& password) override {
    hang();
    return FakeDirectory::authenticate(name, password);
  }
  void let_go() {
    const std::lock_guard guard(mutex_);
    hangs_ = false;
    changed_.notify_all();
  }
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, 20s, [&] { return hanging_ >= count; }));
  }

 private:
  void hang() {
    std::unique_lock lock(mutex_);
    ++hanging_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !hangs_; });
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool hangs_ = true;
  std::size_t hanging_ = 0;
};

}  // namespace

TEST_CASE("a hung directory stops logins alone, and those with a limit") {
  House house;
  const std::string token = house.login("alice");
  HangingDirectory directory;
  directory.add_person({.sam = "alice", .groups = {"Operators"}});
  Auth auth({.roles = {{Role::operator_, {"Operators"}}}}, house.store, &directory, house.clock);
  std::vector<std::future<int>> hung;
  {
    Api api(ApiWorld{.store = house.store,
                     .auth = auth,
                     .admission = house.admission,
                     .engine = house.engine,
                     .inventory = *house.inventory,
                     .book = house.book,
                     .registry = house.registry,
                     .vcenters = house.vcenters,
                     .directory = &directory,
                     .clock = house.clock},
            {.outside_threads = 3, .outside_waiting = 1});
    const auto login = [&](std::uint32_t uid) {
      HttpRequest request{.method = "POST", .path = "/v1/login"};
      request.body = R"({"user":"alice","password":"Passw0rd!"})";
      request.uid = uid;
      auto promise = std::make_shared<std::promise<int>>();
      auto future = promise->get_future();
      api.handle(std::move(request),
                 [promise](const HttpAnswer& answer) { promise->set_value(std::get<HttpResponse>(answer).status); });
      return future;
    };
    hung.push_back(login(1));
    directory.wait_for(1);
    hung.push_back(login(1));
    directory.wait_for(2);
    CHECK(login(1).get() == 429);  // two of one uid are under way
    hung.push_back(login(2));
    directory.wait_for(3);
    hung.push_back(login(2));      // waits
    CHECK(login(3).get() == 503);  // nobody else may
    // Who is logged in goes on meanwhile.
    HttpRequest request{.method = "GET", .path = "/v1/health"};
    std::promise<int> quick;
    api.handle(std::move(request),
               [&](const HttpAnswer& answer) { quick.set_value(std::get<HttpResponse>(answer).status); });
    CHECK(quick.get_future().get() == 200);
    directory.let_go();
    for (auto& one : hung) CHECK(one.get() == 200);
    CHECK(login(1).get() == 200);
  }
}
