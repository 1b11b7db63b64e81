#include "daemon/directory/ldif.hpp"

#include <doctest/doctest.h>

using namespace decom::directory;
using namespace std::string_literals;

namespace {
bool nothing(std::string_view) { return false; }
}  // namespace

TEST_CASE("values that LDIF cannot carry as they are go in as base64") {
  const Entry entry{
      .dn = "CN=Zoë,DC=test",
      .attributes = {
          {"plain", {"a b", ""}}, {"odd", {" a", "a ", ":a", "<a", "a\nb", "a\0b"s, "\xff"}}, {"two", {"1", "2"}}}};
  CHECK(to_ldif({entry}, nothing) ==
        "version: 1\n"
        "\n"
        "dn:: Q049Wm/DqyxEQz10ZXN0\n"
        "plain: a b\n"
        "plain: \n"
        "odd:: IGE=\n"
        "odd:: YSA=\n"
        "odd:: OmE=\n"
        "odd:: PGE=\n"
        "odd:: YQpi\n"
        "odd:: YQBi\n"
        "odd:: /w==\n"
        "two: 1\n"
        "two: 2\n");
}

TEST_CASE("long lines are folded") {
  const Entry entry{.dn = "CN=a", .attributes = {{"description", {std::string(150, 'x')}}}};
  const std::string text = to_ldif({entry}, nothing);
  CHECK(text.find("description: " + std::string(63, 'x') + "\n " + std::string(75, 'x') + "\n " + std::string(12, 'x') +
                  "\n") != std::string::npos);
}

TEST_CASE("a secret is named and not kept") {
  const Entry entry{.dn = "CN=a",
                    .attributes = {{"ms-Mcs-AdmPwd", {"canary"}},
                                   {"msFVE-RecoveryPassword;range=0-1", {"canary"}},
                                   {"unicodePwd", {"canary"}},
                                   {"cn", {"a"}}}};
  const std::string text = to_ldif({entry}, is_known_secret);
  CHECK(text.find("canary") == std::string::npos);
  CHECK(text.find("# ms-Mcs-AdmPwd: not kept, it is secret\n") != std::string::npos);
  CHECK(text.find("cn: a\n") != std::string::npos);
}
