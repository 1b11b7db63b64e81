#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>
#include <unistd.h>

#include "common/base/clock.hpp"
#include "common/base/crypto.hpp"
#include "common/base/error.hpp"
#include "common/base/json.hpp"
#include "common/base/secret.hpp"

using namespace decom;
using namespace std::chrono_literals;

TEST_CASE("every error code has one row, and its name leads back to it") {
  for (const ErrorTraits& row : kErrorTable) {
    CHECK(traits(row.code).name == row.name);
    CHECK(error_code_from(row.name) == row.code);
  }
  CHECK(kErrorTable.back().code == ErrorCode::internal);
  CHECK(static_cast<std::size_t>(ErrorCode::internal) + 1 == kErrorTable.size());
}

TEST_CASE("times are read with an offset and written in UTC") {
  CHECK(to_rfc3339(parse_rfc3339("2026-03-01T08:15:00.25+02:00")) == "2026-03-01T06:15:00.250Z");
  CHECK(to_rfc3339(parse_rfc3339("2024-02-29T23:59:59Z")) == "2024-02-29T23:59:59.000Z");
  for (const char* bad : {"", "2026-03-01", "2026-03-01T08:15:00", "2026-02-30T08:15:00Z", "2026-03-01T25:15:00Z",
                          "2026-03-01T08:15:00+2:00", "2026-03-01T08:15:00Zx", "2026-03-01T08:15:00.Z"})
    CHECK_THROWS_AS(parse_rfc3339(bad), Error);
}

TEST_CASE("durations name their unit") {
  CHECK(parse_duration("90s") == 90s);
  CHECK(parse_duration("1h30m") == 90min);
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("14d") == 14 * 24h);
  for (const char* bad : {"", "5", "5 m", "-5m", "m5", "99999999999999999999s", "400000d", "1y"})
    CHECK_THROWS_AS(parse_duration(bad), Error);
}

TEST_CASE("JSON bombs and duplicate keys are refused") {
  CHECK(parse_json(R"({"a":[1,2,{"b":null}]})")["a"][2]["b"].is_null());
  CHECK_THROWS_WITH(parse_json(R"({"a":1,"a":2})"), "the JSON has the key 'a' twice");
  CHECK_THROWS_WITH(parse_json(std::string(33, '[') + std::string(33, ']')),
                    "the JSON is nested deeper than 32 levels");
  CHECK_NOTHROW(parse_json(std::string(32, '[') + std::string(32, ']')));
  CHECK_THROWS_AS(parse_json(std::string(200'000, '[')), Error);
  CHECK_THROWS_AS(parse_json("{} {}"), Error);
  CHECK_THROWS_AS(parse_json("\"\xff\""), Error);
  CHECK_THROWS_AS(parse_json("\"a\\u0000b\""), Error);
  CHECK_THROWS_AS(parse_json(""), Error);
}

TEST_CASE("hashes agree with the published vectors") {
  // FIPS 180-4 example, RFC 4231 test case 2, RFC 4648 section 5
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hmac_sha256_hex(Secret("Jefe"), "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(base64url("\xff\xef") == "_-8");
  CHECK(random_token().expose().size() == 43);
  CHECK(random_uuid().size() == 36);
}

TEST_CASE("a secret file loses its line end and nothing else") {
  const auto file = std::filesystem::temp_directory_path() / ("decom-secret-" + std::to_string(::getpid()));
  const auto with = [&](const std::string& content) {
    std::ofstream(file, std::ios::binary) << content;
    return read_secret_file(file).expose();
  };
  CHECK(with("pass word \n") == "pass word ");
  CHECK(with("pässword\r\n") == "pässword");
  CHECK_THROWS_AS(with(""), Error);
  CHECK_THROWS_AS(with("\n"), Error);
  CHECK_THROWS_AS(with(std::string("a\0b", 3)), Error);
  CHECK_THROWS_AS(with(std::string(70'000, 'x')), Error);
  std::filesystem::remove(file);
  CHECK_THROWS_AS(read_secret_file(file), Error);
  CHECK_THROWS_AS(read_secret_file("/"), Error);
}
