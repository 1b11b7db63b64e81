#include <algorithm>
#include <future>

#include <doctest/doctest.h>

#include "common/base/error.hpp"
#include "daemon/api/lane.hpp"
#include "daemon/api/machine_refs.hpp"
#include "daemon/api/problem.hpp"
#include "tests/unit/api/contract.hpp"
#include "tests/unit/api/house.hpp"

using namespace decom;
using namespace decom::test;

TEST_CASE("every error code has a problem that the contract knows, and faults of ours say nothing") {
  for (const ErrorTraits& row : kErrorTable) {
    const HttpResponse response = problem(Error{row.code, "the text", {{"here", "what"}}});
    const Json body = Json::parse(response.body);
    CHECK(violations(body, schema_of("Problem")) == std::vector<std::string>{});
    CHECK(response.status == row.http_status);
    CHECK(body["code"] == row.name);
    CHECK(body["title"] != "");
    const bool is_ours = row.code == ErrorCode::internal || row.code == ErrorCode::storage;
    CHECK((response.body.find("the text") == std::string::npos) == is_ours);
    CHECK((response.headers.contains("Retry-After")) == (row.http_status == 429 || row.http_status == 503));
  }
}

TEST_CASE("text that is no UTF-8 does not break a problem") {
  const HttpResponse response = problem(Error{ErrorCode::not_found, std::string("bad \xff name")});
  CHECK(Json::parse(response.body)["detail"].get<std::string>().find("name") != std::string::npos);
}

TEST_CASE("machines of a request are found by ordinal, id, and a name that is unique in it") {
  Request request;
  request.id = 17;
  for (int i = 1; i <= 3; ++i) {
    Decommission machine;
    machine.request = 17;
    machine.ordinal = i;
    machine.machine = some_machine(i, i == 3 ? "WEB01" : fmt::format("web{:02}", i));
    request.decommissions.push_back(machine);
  }
  CHECK(find_machines(request, {}).empty());
  CHECK(find_machines(request, {"3", "17.1", "web02", "lab:vm-2"}) == std::vector{3, 1, 2});
  CHECK_THROWS_WITH_AS((void)find_machines(request, {"web01"}), "'web01' is the name of 17.1 and 17.3: say which",
                       Error);
  CHECK_THROWS_WITH_AS((void)find_machines(request, {"18.1", "4"}), "'18.1' is no machine of request 17", Error);
}

TEST_CASE("a lane takes as much as it may, and runs all of it in order") {
  std::promise<void> go;
  std::promise<void> running;
  std::promise<int> last;
  int order = 0;
  Lane lane("test", 1, 1);
  CHECK(lane.post([&] {
    running.set_value();
    go.get_future().wait();
    order = 1;
  }));
  running.get_future().wait();
  CHECK(lane.post([&] { last.set_value(order); }));
  CHECK(!lane.post([] {}));
  go.set_value();
  CHECK(last.get_future().get() == 1);
  CHECK(lane.post([] {}));
}

TEST_CASE("what waits in a lane that goes is dropped, not run") {
  std::promise<void> go;
  std::promise<void> running;
  auto waiting = std::make_shared<bool>(false);
  std::optional<Lane> lane(std::in_place, "test", 1, 8);
  CHECK(lane->post([&] {
    running.set_value();
    go.get_future().wait();
  }));
  running.get_future().wait();
  CHECK(lane->post(
      [waiting, held = std::shared_ptr<void>(nullptr, [&](void*) { go.set_value(); })] { *waiting = true; }));
  lane.reset();  // drops what waits, which lets go what runs
  CHECK(!*waiting);
}

TEST_CASE("what came back is not removed again for a person who lost the role, nor where the machine may still be") {
  House house;
  (void)house.submit("alice", {1});
  const Claim ended = house.store.claim_next(8).value();
  const std::vector<SeenRecord> found{{.record = {.id = "a", .what = "host a", .before = "{}"}}};
  const auto refused_as = [&] {
    try {
      (void)house.admission.remove_again(ended, ended.decommission.plan.steps.back(), found, "key");
    } catch (const Error& e) {
      return e.code();
    }
    return ErrorCode::internal;
  };
  CHECK(refused_as() == ErrorCode::not_found);  // no vCenter can say that it is gone
  const PlanOffer offer = house.offer("alice", {2});
  const Submission made{
      .plan_id = offer.id, .plan_hash = offer.hash, .idempotency_key = "made", .body_hash = "aftercare"};
  const auto before = house.store.submit(made, house.principal("alice"));
  // The daemon died before it was noted that this was asked for.
  const Accepted again = house.admission.remove_again(ended, ended.decommission.plan.steps.back(), found, "made");
  CHECK(again.repeated);
  CHECK(again.request == before.request);
  house.directory.leave("Operators", "alice");
  CHECK(refused_as() == ErrorCode::denied);
  CHECK(house.store.list_requests({}).size() == 2);
}
