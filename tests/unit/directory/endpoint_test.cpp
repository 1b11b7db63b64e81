#include "daemon/directory/endpoint.hpp"

#include <doctest/doctest.h>

#include "common/base/error.hpp"

using namespace decom;
using namespace decom::directory;

TEST_CASE("a URL names a host and a port") {
  const Endpoint plain = Endpoint::parse("ldaps://dc1.corp.example.test", false);
  CHECK(plain.host == "dc1.corp.example.test");
  CHECK(plain.port == 636);
  CHECK_FALSE(plain.starttls);
  CHECK(Endpoint::parse("ldaps://dc1:3269/", false).port == 3269);
  CHECK(Endpoint::parse("ldap://dc1", true).port == 389);
  const Endpoint six = Endpoint::parse("ldaps://[::1]:1636", false);
  CHECK(six.host == "::1");
  CHECK(six.port == 1636);
}

TEST_CASE("a URL that would send the password in the clear is refused") {
  CHECK_THROWS_WITH_AS((void)Endpoint::parse("ldap://dc1", false), doctest::Contains("in the clear"), Error);
}

TEST_CASE("a URL that is wrong is refused") {
  for (const char* url : {"", "dc1", "http://dc1", "ldapi://dc1", "ldaps://", "ldaps://:636",
                          "ldaps://dc1:", "ldaps://dc1:0", "ldaps://dc1:65536", "ldaps://dc1:6x", "ldaps://dc1/base?x",
                          "ldaps://[::1", "ldaps://[::1]x", "ldaps://user@dc1", "ldaps://dc 1"}) {
    CAPTURE(url);
    CHECK_THROWS_AS((void)Endpoint::parse(url, false), Error);
  }
  CHECK_THROWS_AS((void)Endpoint::parse("ldaps://dc1", true), Error);
}
