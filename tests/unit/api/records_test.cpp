// POST /v1/records, /v1/steps and /v1/steps/test.
#include <doctest/doctest.h>

#include "tests/unit/api/house.hpp"

using namespace decom;
using namespace decom::test;

namespace {

struct Fixture : House {
  Fixture() {
    book.replace({{.name = "dns",
                   .kind = "fake",
                   .summary = "names",
                   .definition = FakeSystems::definition("dns"),
                   .source = "records.d/dns.toml",
                   .unverified = "never tried"},
                  {.name = "cmdb", .kind = "fake", .definition = FakeSystems::definition("cmdb")}});
    token = login("carol");  // a viewer
  }
  Json post(const std::string& path, const Json& body, int status = 200) {
    const HttpResponse response = ask("POST", path, body.dump(), token);
    INFO(response.body);
    REQUIRE(response.status == status);
    return Json::parse(response.body);
  }
  std::string token;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "records of a machine of the mirror and of a ghost, system by system") {
  put_machine(1, "web01");
  fakes["dns"].add_proven("web01", "A web01");
  fakes["dns"].add("web09", {.id = "A web09", .facts = {"name web09"}});
  fakes["dns"].add("web09", {.id = "PTR", .facts = {"name web09"}, .against = {"another address"}});
  fakes["cmdb"].go_away();
  const Json answer =
      post("/v1/records", {{"machines", {"web01"}}, {"ghost", {{"name", "web09"}, {"addresses", {"10.0.0.9"}}}}});
  REQUIRE(answer["items"].size() == 2);
  const Json& live = answer["items"][0];
  CHECK(live["id"] == "lab:vm-1");
  CHECK(live["systems"][0]["system"] == "cmdb");
  CHECK(live["systems"][0]["state"] == "unread");
  CHECK(live["systems"][0]["code"] == "unreachable");
  CHECK(live["systems"][1]["state"] == "found");
  CHECK(live["systems"][1]["records"][0]["state"] == "proven");
  const Json& ghost = answer["items"][1];
  CHECK(ghost["id"].is_null());
  CHECK(ghost["name"] == "web09");
  CHECK(ghost["systems"][1]["records"][0]["state"] == "unproven");
  CHECK(ghost["systems"][1]["records"][1]["state"] == "foreign");
  CHECK(fakes["dns"].removed().empty());
}

TEST_CASE_FIXTURE(Fixture, "what cannot be looked up is said") {
  CHECK(post("/v1/records", Json::object(), 400)["code"] == "usage");
  CHECK(post("/v1/records", {{"machines", {"nobody"}}}, 404)["code"] == "not_found");
  CHECK(post("/v1/records", {{"ghost", {{"nmae", "x"}}}}, 422)["code"] == "invalid");
  CHECK(post("/v1/records", {{"ghost", {{"name", std::string(2000, 'x')}}}}, 422)["code"] == "invalid");
  const Json by_host = post("/v1/records", {{"ghost", {{"host", "web09.lab.test"}}}});
  CHECK(by_host["items"][0]["name"] == "web09.lab.test");
  for (const char* wrong : {"10.0.0.999", "127.0.0.1", "web01", ""})
    CHECK(post("/v1/records", {{"ghost", {{"name", "x"}, {"addresses", {wrong}}}}}, 422)["code"] == "invalid");
  CHECK(post("/v1/records", {{"ghost", {{"uuid", "42110000-1111-2222-3333-44445555666"}}}}, 422)["code"] == "invalid");
  CHECK(post("/v1/records", {{"ghost", {{"name", "x"}}}, {"systems", {"dms"}}}, 404)["code"] == "not_found");
  CHECK(post("/v1/records", {{"ghost", {{"name", "x"}}}, {"timeout_ms", -1}}, 422)["code"] == "invalid");
  CHECK(ask("POST", "/v1/records", "{}", "nobody").status == 401);
}

TEST_CASE_FIXTURE(Fixture, "steps lists kinds and systems, and their test says how each one answers") {
  const Json steps = get("/v1/steps", token);
  CHECK(steps["systems"].size() == 2);
  CHECK(steps["systems"][1]["name"] == "dns");
  CHECK(steps["systems"][1]["summary"] == "names");
  CHECK(steps["systems"][1]["after"] == Json{"destroy"});
  CHECK(steps["systems"][1]["unverified"] == "never tried");
  CHECK(steps["systems"][0]["summary"] == "removes records that are in memory");
  CHECK(std::ranges::any_of(steps["kinds"], [](const Json& kind) { return kind["kind"] == "vsphere.destroy"; }));
  fakes["cmdb"].go_away(ErrorCode::unauthenticated);
  const Json tests = post("/v1/steps/test", Json::object());
  CHECK(tests["items"][0]["code"] == "unauthenticated");
  CHECK_FALSE(tests["items"][0]["ok"]);
  CHECK(tests["items"][1]["ok"]);
  CHECK(post("/v1/steps/test", {{"systems", {"dns"}}})["items"].size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "doctor says how each system answers") {
  fakes["cmdb"].go_away();
  const Json checks = get("/v1/doctor", token)["checks"];
  const auto level = [&](const std::string& name) {
    for (const Json& check : checks)
      if (check["name"] == name) return check["level"].get<std::string>();
    return std::string("missing");
  };
  CHECK(level("records dns") == "ok");
  CHECK(level("records cmdb") == "error");
}
