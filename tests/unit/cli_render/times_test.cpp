#include "cli/render/times.hpp"

#include <doctest/doctest.h>

#include "common/base/error.hpp"

using namespace decom;
using namespace decom::cli;

namespace {

// A Sunday, 09:16 in the zone of the test (+01:00).
const Timestamp kNow = parse_rfc3339("2026-03-01T08:16:00Z");

std::string future(std::string_view text) { return to_rfc3339(parse_moment(text, Direction::future, kNow)); }
std::string past(std::string_view text) { return to_rfc3339(parse_moment(text, Direction::past, kNow)); }

}  // namespace

TEST_CASE("times are shown in the zone of the person, with its offset") {
  CHECK(local_time(std::string_view("2026-03-01T08:15:00.250Z")) == "2026-03-01 09:15:00 +01:00");
  CHECK(local_time(std::string_view("not a time")) == "not a time");
  CHECK(age("2026-03-01T08:15:30Z", kNow) == "30s");
  CHECK(age("2026-02-01T08:15:30Z", kNow) == "28d");
}

TEST_CASE("what people type for a time") {
  CHECK(future("2026-03-02T06:00:00+02:00") == "2026-03-02T04:00:00.000Z");
  CHECK(future("2h") == "2026-03-01T10:16:00.000Z");
  CHECK(past("2h") == "2026-03-01T06:16:00.000Z");
  CHECK(future("tomorrow 06:00") == "2026-03-02T05:00:00.000Z");
  CHECK(future("Tomorrow") == "2026-03-01T23:00:00.000Z");
  CHECK(future("10:00") == "2026-03-01T09:00:00.000Z");
  CHECK(future("06:00") == "2026-03-02T05:00:00.000Z");
  CHECK(past("06:00") == "2026-03-01T05:00:00.000Z");
  CHECK(past("10:00") == "2026-02-28T09:00:00.000Z");
  CHECK(future("monday 06:00") == "2026-03-02T05:00:00.000Z");
  CHECK(future("sun 06:00") == "2026-03-08T05:00:00.000Z");
  CHECK(past("yesterday") == "2026-02-27T23:00:00.000Z");
  CHECK(future("2026-03-05 06:00") == "2026-03-05T05:00:00.000Z");
  CHECK(future("2026-03-05T06:00") == "2026-03-05T05:00:00.000Z");
  CHECK(future("2026-03-05") == "2026-03-04T23:00:00.000Z");
  for (const char* wrong : {"", "soon", "25:00", "2026-02-30", "2026-03-05 later", "06", "-2h"})
    CHECK_THROWS_AS(future(wrong), Error);
}
