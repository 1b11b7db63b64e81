#include "daemon/directory/bind_diagnosis.hpp"

#include <doctest/doctest.h>

using namespace decom;
using namespace decom::directory;

namespace {
std::string from_windows(const std::string& data) {
  return "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data " + data + ", v1db1";
}
}  // namespace

TEST_CASE("the data code is found where Windows and Samba write it") {
  CHECK(data_code(from_windows("52e")) == 0x52eU);
  CHECK(data_code(from_windows("775") + std::string(1, '\0')) == 0x775U);
  CHECK(data_code("x, data 533") == 0x533U);
  for (const char* text : {"", "Invalid credentials", "data", "x, data ", "x, data zz, v1", "x, data 52exyz, v1",
                           "x, data 99999999999, v1"}) {
    CAPTURE(text);
    CHECK_FALSE(data_code(text));
  }
}

TEST_CASE("an account that may not log on is told which it is, and a wrong password nothing") {
  const auto words = [](const std::string& data) { return diagnose_bind(from_windows(data)).words; };
  CHECK(diagnose_bind(from_windows("52e")).code == ErrorCode::unauthenticated);
  CHECK(words("525") == words("52e"));
  CHECK(diagnose_bind("").code == ErrorCode::unauthenticated);
  CHECK(diagnose_bind("").words == words("52e"));
  for (const char* data : {"530", "531", "532", "533", "701", "773", "775"}) {
    CAPTURE(data);
    CHECK(diagnose_bind(from_windows(data)).code == ErrorCode::denied);
  }
  CHECK(words("533") == "the account is disabled");
  CHECK(words("775") == "the account is locked");
  CHECK(words("701") == "the account has expired");
}

TEST_CASE("a code that nobody listed gives no access and is shown") {
  const BindDiagnosis unknown = diagnose_bind(from_windows("abc"));
  CHECK(unknown.code == ErrorCode::unauthenticated);
  CHECK(unknown.words.find("abc") != std::string::npos);
}
