#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace decom {

enum class Role { viewer, operator_, approver, admin };
std::string_view to_string(Role role);
Role role_from(std::string_view name);  ///< throws `invalid`

/// "CORP\alice": how a person is shown. Without a domain the name alone.
std::string display_name(const std::string& domain, const std::string& sam);

/// Who is calling. There is no default one: it is made by `auth` from the kernel's uid and a live login, and by
/// nothing else. A person is the objectSid; names are for reading.
struct Principal {
  std::string sid;       ///< "S-1-5-21-…"
  std::string sam;       ///< sAMAccountName: "alice"
  std::string upn;       ///< userPrincipalName; may be empty
  std::string domain;    ///< NetBIOS name: "CORP"
  std::uint32_t uid;     ///< of the process on the other end of the socket
  std::set<Role> roles;  ///< as read last; re-read at submit and at execution
  std::string session;   ///< id of the session or token, for the audit

  /// An admin may all that the others may; an operator and an approver may all that a viewer may.
  [[nodiscard]] bool has(Role role) const;
};

}  // namespace decom
