#include <random>

#include <doctest/doctest.h>

#include "tests/support/sanitizer.hpp"
#include "tests/unit/api/house.hpp"

using namespace decom;
using namespace decom::test;

namespace {

/// The same odd bodies at every run.
class Mutator {
 public:
  std::string operator()(std::string body) {
    static const std::vector<std::string> kPieces{"\"roles\":[\"admin\"],", "{",  "}",     "[",       "]",  "null",
                                                  "\"machines\":[\"m1\"],", "\"", "1e999", "\\u0000", "\\", ",",
                                                  "\"plan\":\"x\",",        "  ", "true",  "\xff",    "0"};
    for (std::size_t changes = 1 + below(3); changes > 0; --changes) {
      const std::size_t at = below(body.size() + 1);
      switch (below(4)) {
        case 0: body.insert(at, kPieces[below(kPieces.size())]); break;
        case 1: body.erase(at, below(8)); break;
        case 2: body.insert(at, body.substr(below(body.size() + 1), below(20))); break;
        default:
          if (at < body.size()) body[at] = static_cast<char>(below(256));
      }
    }
    return body;
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }
  std::minstd_rand random_{7};
};

}  // namespace

TEST_CASE("threat 9: no mutation of a body lets anybody do what the plain one may not" *
          doctest::skip(kThreadSanitizer)) {
  House house;
  const std::string viewer = house.login("carol");
  const std::string other = house.login("bob");
  const PlanOffer offer = house.offer("alice", {1});
  const std::string submit = Json{{"plan", offer.id}, {"hash", offer.hash}}.dump();
  const std::string plan = R"({"machines":["m1"],"options":{"reason":"end of life","skip":["destroy"]}})";
  Mutator mutated;
  for (int i = 0; i < 500; ++i) {
    for (const auto& [path, body] : {std::pair{"/v1/plans", plan}, std::pair{"/v1/requests", submit}}) {
      const HttpResponse response = house.ask("POST", path, mutated(body), viewer);
      CHECK_MESSAGE((response.status == 400 || response.status == 403), path, ": ", response.body);
    }
    CHECK(house.ask("POST", "/v1/requests", mutated(submit), other).status >= 400);  // the plan is alice's
    CHECK(house.ask("POST", "/v1/freeze", mutated(R"({"reason":"x"})"), other).status >= 400);
  }
  CHECK(house.store.list_requests({}).empty());
  CHECK(!house.store.freeze_state().frozen);
  CHECK(house.store.load_plan(offer.id).hash == offer.hash);
}
