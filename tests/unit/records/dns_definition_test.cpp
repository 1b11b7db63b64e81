#include "daemon/records/dns_definition.hpp"

#include <doctest/doctest.h>

#include "daemon/records/dns_tsig.hpp"
#include "tests/support/recipe.hpp"

using namespace decom;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

json good() {
  return {{"server", "10.0.0.53"},
          {"zones", {"lab.example.test", "2.0.10.in-addr.arpa"}},
          {"tsig", {{"name", "decom-key"}, {"secret_file", "dns.key"}}}};
}

struct Outcome {
  std::optional<dns::Options> options;
  std::vector<Finding> mistakes;
};
Outcome read(const json& definition) {
  Outcome outcome;
  DefinitionReader reader(definition, "", outcome.mistakes);
  outcome.options = dns::read_options(reader);
  return outcome;
}

std::string key_error(const std::string& file) {
  try {
    (void)dns::key_bytes(Secret{file}, dns::Name::parse("decom-key").value(), "hmac-sha256");
  } catch (const Error& e) {
    CHECK(e.code() == ErrorCode::unauthenticated);
    return e.what();
  }
  return {};
}

std::string key_of(const std::string& file) {
  return dns::key_bytes(Secret{file}, dns::Name::parse("decom-key").value(), "hmac-sha256").expose();
}

}  // namespace

TEST_CASE("a definition says where, which zones, and what signs") {
  const auto [options, mistakes] = read(good());
  REQUIRE(options);
  CHECK(mistakes.empty());
  CHECK(options->servers.size() == 1);
  CHECK(options->zones.size() == 2);
  CHECK(options->tsig->algorithm == "hmac-sha256");
  CHECK_FALSE(options->gss);
  CHECK(options->transfer);
  CHECK(options->timeout == 5s);

  json kerberos = good();
  kerberos.erase("tsig");
  kerberos["server"] = {"dc1.corp.example.test", "dc2.corp.example.test:53"};
  kerberos["timeout"] = "2s";
  kerberos["gss"] = {{"keytab_file", "decom.keytab"},
                     {"principal", "svc-decom@CORP.EXAMPLE.TEST"},
                     {"service", "DNS/dc1.corp.example.test"}};
  REQUIRE(read(kerberos).options);
  CHECK(read(kerberos).options->servers.size() == 2);
  kerberos["gss"].erase("service");
  CHECK(read(kerberos).options);
  kerberos["server"] = "10.0.0.53";
  CHECK(read(kerberos).mistakes.at(0).what.starts_with("'service' is missing"));
}

TEST_CASE("the definition that is shipped as an example is one") {
  const auto [options, mistakes] = read(shipped_recipe("dns.toml.example"));
  CHECK(mistakes.empty());
  CHECK(options);
}

TEST_CASE("every mistake of a definition is told with its place") {
  const auto wrong = [](const json& patch) {
    json definition = good();
    definition.merge_patch(patch);
    const auto [options, mistakes] = read(definition);
    CHECK_FALSE(options);
    REQUIRE_FALSE(mistakes.empty());
    return mistakes[0].where + ": " + mistakes[0].what;
  };
  CHECK(wrong({{"zones", {"lab..test"}}}).starts_with("/zones: 'zones' is 'lab..test'; expected a domain name"));
  CHECK(wrong({{"zones", json::array()}}) == "/zones: 'zones' is an empty list");
  CHECK(wrong({{"server", "a b"}}).starts_with("/server: 'server' is 'a b'"));
  CHECK(wrong({{"server", nullptr}}) == ": 'server' is missing");
  CHECK(wrong({{"never", "dc1;rm"}}).starts_with("/never: "));
  CHECK(wrong({{"timeout", "1h"}}).starts_with("/timeout: "));
  CHECK(wrong({{"tsig", {{"algorithm", "hmac-md5"}}}}).starts_with("/tsig/algorithm: 'algorithm' is 'hmac-md5'"));
  CHECK(wrong({{"tsig", {{"secret_file", nullptr}}}}) == "/tsig: 'secret_file' is missing");
  CHECK(wrong({{"tsig", nullptr}}) == ": expected a [tsig] or a [gss]: how updates are signed");
  CHECK(wrong({{"gss", {{"keytab_file", "k"}, {"principal", "a@B"}, {"service", "DNS/c"}}}})
            .starts_with("/gss: there is a [tsig] already"));
  CHECK(wrong({{"tsig", nullptr}, {"gss", {{"keytab_file", "k"}, {"principal", "svc"}, {"service", "DNS/c"}}}})
            .starts_with("/gss/principal: "));
}

TEST_CASE("a key is base64, or the clause of its name in BIND's words") {
  CHECK(key_of("c2VjcmV0\n") == "secret");
  CHECK(key_of("c2VjcmU=") == "secre");
  CHECK(key_of("c2Vj\ncmV0") == "secret");
  CHECK(key_of("key \"decom-key\" {\n  algorithm hmac-sha256;\n  secret \"c2VjcmV0\";\n};\n") == "secret");
  CHECK(key_of("# made by us\nkey other { algorithm hmac-sha256; secret \"eHh4\"; };\n/* { */ key Decom-Key. { secret "
               "c2VjcmV0; algorithm HMAC-SHA256; }; // }") == "secret");
  CHECK(key_error("c2VjcmV0x").find("expected base64") != std::string::npos);
  CHECK(key_error("c2V*").find("c2V") == std::string::npos);
  CHECK(key_error("====").find("padded") != std::string::npos);
  CHECK(key_error("key \"other\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };").find("no key named decom-key") !=
        std::string::npos);
  CHECK(key_error("key decom-key { algorithm hmac-sha512; secret \"c2VjcmV0\"; };").find("is not for hmac-sha256") !=
        std::string::npos);
  CHECK(key_error("key decom-key { algorithm hmac-sha256; };") != "");
  CHECK(key_error("key \"decom-key { algorithm").find("quotation mark") != std::string::npos);
}
