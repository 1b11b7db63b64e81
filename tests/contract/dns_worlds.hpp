#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "daemon/records/definition.hpp"
#include "tests/support/dns_server.hpp"
#include "tests/support/domain_server.hpp"

/// Three worlds for one suite: BIND with a shared secret, BIND with Kerberos, and the DNS of a domain controller. What
/// became of their records is asked by dig, and records are made by nsupdate: never by the code that is tested.
namespace decom {

/// A system of the kind `dns` by that definition; secrets are named by their whole path.
std::unique_ptr<RecordSystem> make_dns(const nlohmann::json& definition, Clock* clock = nullptr);

/// Ends five seconds from now; what is said goes to `said`.
RecordCall dns_call(std::vector<std::string>* said = nullptr);

/// What a call throws. `internal` when it throws nothing, which no test expects.
struct DnsThrown {
  ErrorCode code = ErrorCode::internal;
  std::string text = "nothing was thrown";
};
template <typename Call>
DnsThrown dns_thrown_by(Call call) {
  try {
    call();
  } catch (const Error& e) {
    return {e.code(), e.what()};
  }
  return {};
}

/// Names and addresses that no other test has.
struct Box {
  int number = 0;
  std::string label, name;  ///< "box7", "box7.lab.example.test"
  std::string v4, v6, v4_reverse;

  [[nodiscard]] Machine machine() const;
};
Box next_box(const std::string& zone);

struct BindTsig {
  static DnsServer& server();
  static nlohmann::json definition();
  static std::string zone() { return "lab.example.test"; }
  static constexpr bool kHasReverse6 = true, kMayTransfer = true, kHasSshfp = true;
  static void change(const std::vector<std::string>& lines) { server().change(lines); }
  static std::vector<std::string> dig(const std::string& name, const std::string& type) {
    return server().dig(name, type);
  }
};

struct BindGss {
  static DnsServer& server();
  static nlohmann::json definition();
  static std::string zone() { return "lab.example.test"; }
  static constexpr bool kHasReverse6 = true, kMayTransfer = false, kHasSshfp = true;
  static void change(const std::vector<std::string>& lines) { server().change(lines); }
  static std::vector<std::string> dig(const std::string& name, const std::string& type) {
    return server().dig(name, type);
  }
};

struct SambaGss {
  static nlohmann::json definition();
  static std::string zone() { return "corp.example.test"; }
  static constexpr bool kHasReverse6 = false, kMayTransfer = false, kHasSshfp = false;
  static void change(const std::vector<std::string>& lines);
  static std::vector<std::string> dig(const std::string& name, const std::string& type);
};

/// The domain, to which Kerberos in this process is pointed.
DomainServer& kerberos_domain();

}  // namespace decom
