#include "daemon/server/request_head.hpp"

#include <doctest/doctest.h>

#include "common/base/error.hpp"

using namespace decom;

TEST_CASE("a target is split and decoded") {
  const Target target = parse_target("/v1/vms/lab%3Avm-1?q=web%20prod+x&flag&a=b=c&&limit=");
  CHECK(target.path == "/v1/vms/lab:vm-1");
  CHECK(target.query.find("q")->second == "web prod x");
  CHECK(target.query.find("flag")->second.empty());
  CHECK(target.query.find("a")->second == "b=c");
  CHECK(target.query.find("limit")->second.empty());
  CHECK(target.query.size() == 4);
}

TEST_CASE("a plus in the path stays a plus") { CHECK(parse_target("/a+b").path == "/a+b"); }

TEST_CASE("targets that are no plain address are refused") {
  for (const char* bad : {"", "*", "http://host/v1", "v1/vms", "/a%", "/a%4", "/a%zz", "/a%00b", "/a?b=%00", "/a#b",
                          "/%ff", "/a?x=%c3%28"})
    CHECK_THROWS_AS(parse_target(bad), Error);
}

TEST_CASE("what two readers could understand differently is refused") {
  const HeaderField host{"Host", "x"};
  CHECK_NOTHROW(check_head(11, {host}));
  CHECK_NOTHROW(check_head(10, {}));
  CHECK_NOTHROW(check_head(11, {host, {"Transfer-Encoding", "chunked"}}));
  CHECK_NOTHROW(check_head(11, {host, {"transfer-encoding", "Chunked"}}));
  CHECK_NOTHROW(check_head(11, {host, {"Content-Length", "12"}}));
  const std::vector<std::vector<HeaderField>> bad{
      {},
      {host, host},
      {host, {"Transfer-Encoding", "gzip"}},
      {host, {"Transfer-Encoding", "chunked, gzip"}},
      {host, {"Transfer-Encoding", "gzip, chunked"}},
      {host, {"Transfer-Encoding", "chunked,"}},
      {host, {"Transfer-Encoding", "identity"}},
      {host, {"Transfer-Encoding", ""}},
      {host, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
      {host, {"Transfer-Encoding", "chunked"}, {"Content-Length", "3"}},
      {host, {"Content-Length", "3"}, {"Content-Length", "3"}},
      {host, {"Content-Length", "3"}, {"content-length", "4"}},
      {host, {"Content-Length", "3, 3"}},
      {host, {"Content-Length", "+3"}},
      {host, {"Content-Length", "0x3"}},
      {host, {"Content-Length", ""}},
      {host, {"Authorization", "Bearer a"}, {"authorization", "Bearer b"}},
      {host, {"Idempotency-Key", "a"}, {"Idempotency-Key", "a"}},
  };
  for (std::size_t i = 0; i < bad.size(); ++i) {
    CAPTURE(i);
    CHECK_THROWS_AS(check_head(11, bad[i]), Error);
  }
  CHECK_THROWS_AS(check_head(10, {{"Transfer-Encoding", "chunked"}}), Error);
}

TEST_CASE("repeated list fields are joined") {
  const auto head = check_head(11, {{"Host", "x"}, {"Accept", "a"}, {"ACCEPT", "b"}});
  CHECK(head.at("accept") == "a, b");
}
