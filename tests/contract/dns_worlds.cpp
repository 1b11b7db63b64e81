#include "tests/contract/dns_worlds.hpp"

#include <cstdlib>
#include <stdexcept>

#include <fmt/format.h>

namespace decom {

std::unique_ptr<RecordSystem> make_dns(const nlohmann::json& definition, Clock* clock) {
  std::vector<Finding> mistakes;
  std::unique_ptr<RecordSystem> system;
  {
    DefinitionReader reader(definition, "", mistakes);
    const RecordWorld world{.secret_file = [](const std::string& name) { return std::filesystem::path{name}; },
                            .clock = clock};
    for (const RecordKind& kind : record_kinds())
      if (kind.name == "dns") system = kind.make(reader, world);
  }
  if (!mistakes.empty()) throw std::runtime_error(mistakes[0].where + ": " + mistakes[0].what);
  return system;
}

RecordCall dns_call(std::vector<std::string>* said) {
  return {.stop = {},
          .deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30},
          .say = [said](bool, const std::string& text) {
            if (said != nullptr) said->push_back(text);
          }};
}

Machine Box::machine() const {
  return {.name = label, .vcenter = "lab", .guest_host_name = name, .ip_addresses = {v4, v6, "fe80::1"}};
}

Box next_box(const std::string& zone) {
  static int count = 9;
  const int n = ++count;
  return {.number = n,
          .label = fmt::format("box{}", n),
          .name = fmt::format("box{}.{}", n, zone),
          .v4 = fmt::format("10.0.2.{}", n),
          .v6 = fmt::format("fd02::{:x}", n),
          .v4_reverse = fmt::format("{}.2.0.10.in-addr.arpa", n)};
}

DnsServer& BindTsig::server() {
  static DnsServer server;
  return server;
}

nlohmann::json BindTsig::definition() {
  return {{"server", server().text("server")},
          {"zones", server().facts().at("zones")},
          {"tsig", {{"name", "decom-key"}, {"secret_file", server().key("decom-key")}}}};
}

DomainServer& kerberos_domain() {
  DomainServer& domain = DomainServer::shared();
  ::setenv("KRB5_CONFIG", domain.text("krb5_conf").c_str(), 1);
  return domain;
}

DnsServer& BindGss::server() {
  DomainServer& domain = kerberos_domain();
  static DnsServer server({"--keytab", domain.facts().at("keytabs").at("dns"), "--krb5-conf", domain.text("krb5_conf"),
                           "--principal", "svc-decom@" + domain.text("realm")});
  return server;
}

nlohmann::json BindGss::definition() {
  DomainServer& domain = kerberos_domain();
  return {{"server", server().text("server")},
          {"zones", server().facts().at("zones")},
          {"gss",
           {{"keytab_file", domain.facts().at("keytabs").at("svc-decom")},
            {"principal", "svc-decom@" + domain.text("realm")},
            {"service", "DNS/ns1.lab.example.test"}}}};
}

nlohmann::json SambaGss::definition() {
  DomainServer& domain = kerberos_domain();
  return {{"server", domain.text("address")},
          {"zones", {zone(), "2.0.10.in-addr.arpa"}},
          {"gss",
           {{"keytab_file", domain.facts().at("keytabs").at("svc-decom")},
            {"principal", "svc-decom@" + domain.text("realm")},
            {"service", "DNS/" + domain.text("host")}}}};
}

void SambaGss::change(const std::vector<std::string>& lines) {
  DomainServer& domain = kerberos_domain();
  const std::string cache =
      "FILE:" + std::filesystem::path{domain.text("krb5_conf")}.parent_path().string() + "/administrator.ccache";
  const std::vector<std::string> environment{"KRB5CCNAME=" + cache};
  const auto& administrator = domain.facts().at("administrator");
  const ProgramEnd logon =
      run_program({"kinit", administrator.at("sam").get<std::string>() + "@" + domain.text("realm")},
                  administrator.at("password").get<std::string>() + "\n", environment);
  if (logon.status != 0) throw std::runtime_error("kinit: " + logon.output);
  for (const std::string& line : lines) {
    // nsupdate cannot verify what Samba signs, so its status says nothing: the callers look.
    const ProgramEnd end =
        run_program({"nsupdate", "-g", "-v"}, fmt::format("server {}\nupdate {}\nsend\n", domain.text("address"), line),
                    environment);
    if (end.output.find("REFUSED") != std::string::npos || end.output.find("SERVFAIL") != std::string::npos)
      throw std::runtime_error("nsupdate: " + end.output);
  }
}

std::vector<std::string> SambaGss::dig(const std::string& name, const std::string& type) {
  return dig_at(kerberos_domain().text("address"), 53, name, type);
}

}  // namespace decom
