#include <doctest/doctest.h>

#include "common/base/error.hpp"
#include "daemon/domain/event.hpp"
#include "daemon/domain/observation.hpp"
#include "daemon/domain/policy.hpp"
#include "daemon/domain/principal.hpp"
#include "daemon/domain/request.hpp"

using namespace decom;

TEST_CASE("names of states lead back to the states") {
  for (const auto state : all_decommission_states()) CHECK(decommission_state_from(to_string(state)) == state);
  for (const auto state : all_step_states()) CHECK(step_state_from(to_string(state)) == state);
  for (const auto kind : all_event_kinds()) CHECK(event_kind_from(to_string(kind)) == kind);
  CHECK_THROWS_AS(step_state_from("done"), Error);
}

TEST_CASE("a finished decommission is moved by retry alone, and only a failed one") {
  CHECK(next_state(DecommissionState::failed, Trigger::retry) == DecommissionState::queued);
  CHECK_THROWS_WITH(next_state(DecommissionState::succeeded, Trigger::retry), "cannot retry a succeeded decommission");
  CHECK_THROWS_AS(next_state(DecommissionState::cancelled, Trigger::retry), Error);
  for (const auto trigger : {Trigger::start, Trigger::cancel, Trigger::finish, Trigger::doubt})
    CHECK_THROWS_AS(next_state(DecommissionState::succeeded, trigger), Error);
}

TEST_CASE("guest ids tell the family, and disagreement is ambiguous") {
  CHECK(family_of_guest_id("windows2019srv_64Guest") == OsFamily::windows);
  CHECK(family_of_guest_id("winNetEnterpriseGuest") == OsFamily::windows);
  CHECK(family_of_guest_id("rhel8_64Guest") == OsFamily::linux_);
  CHECK(family_of_guest_id("other5xLinux64Guest") == OsFamily::linux_);
  CHECK(family_of_guest_id("otherGuest64") == OsFamily::other);
  CHECK(family_of_guest_id("freebsd12_64Guest") == OsFamily::other);
  CHECK(family_of_guest_id("darwin19_64Guest") == OsFamily::other);
  CHECK(family_of("rhel8_64Guest", "") == OsFamily::linux_);
  CHECK(family_of("rhel8_64Guest", "windows2019srv_64Guest") == OsFamily::ambiguous);
}

TEST_CASE("what must never be destroyed says why") {
  Machine machine{.identity = {"vc", "vm-1", "u-1"}, .name = "web01"};
  CHECK(refusals(machine, {}).empty());
  CHECK(refusals(machine, {"U-1"}).size() == 1);
  machine.is_template = true;
  machine.managed_by = "com.vmware.vcDr/placeholder";
  machine.disks = {{.label = "Hard disk 2", .raw_mapping = true, .multi_writer = true}};
  CHECK(refusals(machine, {}).size() == 4);
  CHECK(refusals({.name = "vCLS-1234"}, {}).size() == 1);
}

TEST_CASE("nobody has a role by default, and an admin has them all") {
  Principal who{.sid = "S-1-5-21-1", .sam = "x", .upn = "", .domain = "CORP", .uid = 1, .roles = {}, .session = ""};
  CHECK_FALSE(who.has(Role::viewer));
  who.roles = {Role::operator_};
  CHECK(who.has(Role::viewer));
  CHECK(who.has(Role::operator_));
  CHECK_FALSE(who.has(Role::approver));
  CHECK_FALSE(who.has(Role::admin));
  who.roles = {Role::admin};
  CHECK(who.has(Role::operator_));
}

TEST_CASE("a request is as alive as its liveliest machine, then as bad as its worst") {
  using enum DecommissionState;
  CHECK(state_of_request({succeeded, running, failed}) == running);
  CHECK(state_of_request({succeeded, failed, needs_attention}) == needs_attention);
  CHECK(state_of_request({succeeded, cancelled}) == cancelled);
  CHECK(state_of_request({succeeded, succeeded}) == succeeded);
}

TEST_CASE("steps follow the list unless they say otherwise") {
  const Plan plan{
      .name = "x",
      .steps = {{.name = "a"}, {.name = "b"}, {.name = "c", .after = {"a"}}, {.name = "d", .after = {"b", "c"}}}};
  CHECK(predecessors(plan, 0).empty());
  CHECK(predecessors(plan, 1) == std::vector<std::size_t>{0});
  CHECK(predecessors(plan, 2) == std::vector<std::size_t>{0});
  CHECK(predecessors(plan, 3) == std::vector<std::size_t>{1, 2});
}

TEST_CASE("leaving out a step never lets those behind it begin earlier") {
  const Plan plan{.name = "x",
                  .steps = {{.name = "off"},
                            {.name = "destroy", .skipped = true},
                            {.name = "dns", .after = {"destroy"}},
                            {.name = "ad", .after = {"destroy"}, .skipped = true},
                            {.name = "cmdb", .after = {"ad", "dns"}}}};
  CHECK(predecessors(plan, 2) == std::vector<std::size_t>{0});
  CHECK(predecessors(plan, 4) == std::vector<std::size_t>{0, 2});
}

TEST_CASE("what a step's failure means is spelled one way") {
  for (const OnFailure one : {OnFailure::stop, OnFailure::warn, OnFailure::ask})
    CHECK(on_failure_from(to_string(one)) == one);
  CHECK_THROWS_AS((void)on_failure_from("ignore"), Error);
}
