#include <cstdlib>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/contract/directory_worlds.hpp"

using namespace decom;

namespace {

DirectoryOptions with_starttls(DomainServer& server) {
  DirectoryOptions options = server.options();
  options.urls = {server.text("ldap")};
  options.starttls = true;
  return options;
}

std::size_t logons(DomainServer& server) { return server.call("logons").size(); }

}  // namespace

TEST_CASE("the controller is reached by LDAPS and by StartTLS") {
  DomainServer& server = DomainServer::shared();
  CHECK(connect_active_directory(server.options())->check().find("TLSv1.3") != std::string::npos);
  CHECK(connect_active_directory(with_starttls(server))->check().find("TLSv1.3") != std::string::npos);
}

TEST_CASE("threat 17: a certificate that is bad in any of six ways is refused, and no password is sent") {
  DomainServer& server = DomainServer::shared();
  // What would turn verification off in a program that let libldap do TLS.
  for (const char* name : {"LDAPTLS_REQCERT", "LDAPTLS_REQSAN", "LDAPTLS_CRLCHECK"}) ::setenv(name, "never", 1);
  struct Bad {
    std::string kind;
    std::string word;  ///< in the error's text
  };
  const std::vector<Bad> kinds{{"expired", "expired"},  {"not-yet-valid", "not yet valid"}, {"wrong-name", "mismatch"},
                               {"other-authority", ""}, {"self-signed", "self-signed"},     {"client-only", "purpose"}};
  for (const Bad& bad : kinds) {
    CAPTURE(bad.kind);
    server.call("certificate", {bad.kind});
    const std::size_t before = logons(server);
    for (const DirectoryOptions& options : {server.options(), with_starttls(server)}) {
      const auto directory = connect_active_directory(options);
      const Thrown refusal = thrown_by([&] { directory->check(); });
      CHECK(refusal.code == ErrorCode::untrusted);
      CAPTURE(refusal.text);
      CHECK(refusal.text.find(bad.word) != std::string::npos);
      CHECK(thrown_by([&] { directory->authenticate("alice", server.password("alice")); }).code ==
            ErrorCode::untrusted);
    }
    CHECK(logons(server) == before);
  }
  server.call("certificate", {"good"});
  CHECK_NOTHROW((void)connect_active_directory(server.options())->check());
}

TEST_CASE("threat 17: the name in the URL is verified, whatever address is connected to") {
  DomainServer& server = DomainServer::shared();
  DirectoryOptions options = server.options();
  options.address = server.text("address");
  options.urls = {"ldaps://" + server.text("host")};
  CHECK_NOTHROW((void)connect_active_directory(options)->check());
  options.urls = {"ldaps://dc9.corp.example.test"};
  const Thrown refusal = thrown_by([&] { connect_active_directory(options)->check(); });
  CHECK(refusal.code == ErrorCode::untrusted);
  CHECK(refusal.text.find("dc9.corp.example.test") != std::string::npos);
}

TEST_CASE("threat 17: without the authority's certificate nobody is trusted") {
  DomainServer& server = DomainServer::shared();
  DirectoryOptions options = server.options();
  options.ca_file = "/etc/ssl/certs/ca-certificates.crt";
  CHECK(thrown_by([&] { connect_active_directory(options)->check(); }).code == ErrorCode::untrusted);
  options.ca_file = "/nonexistent/ca.pem";
  const Thrown refusal = thrown_by([&] { connect_active_directory(options)->check(); });
  CHECK(refusal.code == ErrorCode::untrusted);
  CHECK(refusal.text.find("/nonexistent/ca.pem") != std::string::npos);
  options.ca_file = "/dev/null";
  CHECK(thrown_by([&] { connect_active_directory(options)->check(); }).code == ErrorCode::untrusted);
}

TEST_CASE("options that can never work are refused before anything is sent") {
  const DirectoryOptions good = DomainServer::shared().options();
  const auto refused = [&](const auto& spoil) {
    DirectoryOptions options = good;
    spoil(options);
    return thrown_by([&] { (void)connect_active_directory(options); }).code == ErrorCode::invalid;
  };
  CHECK(refused([](auto& o) { o.urls.clear(); }));
  CHECK(refused([](auto& o) { o.urls = {"ldap://127.0.0.1"}; }));
  CHECK(refused([](auto& o) { o.base_dn = "no name"; }));
  CHECK(refused([](auto& o) { o.bind_dn = ""; }));
  CHECK(refused([](auto& o) { o.computer_ous = {"OU=Servers,DC=elsewhere,DC=test"}; }));
}
