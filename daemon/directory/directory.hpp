#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/secret.hpp"

namespace decom {

struct DirectoryOptions {
  std::vector<std::string> urls;  ///< ldaps://host[:port] or ldap://host[:port] with starttls, tried in order
  bool starttls = false;
  std::string base_dn;
  std::string bind_dn;
  std::filesystem::path password_file;  ///< read again at each use
  std::filesystem::path ca_file;
  /// Connect to this address instead of what the host name resolves to; the certificate is checked for the host name.
  std::string address;
  std::vector<std::string> computer_ous;  ///< computers are touched below these only; empty: below base_dn
  std::chrono::milliseconds timeout = std::chrono::seconds{5};  ///< of connecting, of each answer
};

/// A person, as the directory has them now. Identity is the SID; names are for reading.
struct Person {
  std::string sid;
  std::string sam;
  std::string upn;
  std::string domain;  ///< NetBIOS name
  std::string dn;
  std::set<std::string> group_sids;  ///< nested, from tokenGroups
};

/// An object below a computer account: a recovery key, a service connection point.
struct ComputerChild {
  std::string id;  ///< objectGUID, or the DN where the service account may not read that (BitLocker's recovery keys)
  std::string dn;
  std::string image;  ///< what it says, as LDIF, without secrets and without what changes by itself

  bool operator==(const ComputerChild&) const = default;
};

/// A computer account.
struct Computer {
  std::string guid;  ///< objectGUID as lower-case hex with dashes
  std::string dn;
  std::string sam;  ///< "WEB01$"
  std::string dns_host_name;
  std::string sid;
  std::string operating_system;
  bool enabled = true;
  bool is_critical = false;           ///< isCriticalSystemObject
  bool is_domain_controller = false;  ///< SERVER_TRUST, RODC, or primaryGroupID 516/521
  bool is_protected = false;          ///< "protect object from accidental deletion"
  bool in_allowed_ou = true;
  std::vector<std::string> children;  ///< DNs, deepest last
  std::vector<ComputerChild> below;   ///< the same ones, each by itself
  std::string ldif;                   ///< before-image of it and its children, without secrets
  std::string image;                  ///< of it alone, without what a logon or another domain controller changes
  std::string change_mark;            ///< uSNChanged at a domain controller: differs when it was changed since
};

/// The directory. Safe from any thread; each call is against one domain controller and bounded by `timeout`.
///
/// Errors: `unreachable` (nobody answered or connected, or the service account itself could not log on), `timed_out`,
/// `busy`, `untrusted` (certificate), `unauthenticated` (wrong name or password: never tried again; of what is about
/// computers it is the service account's), `denied` (the account may not: disabled, expired, locked, must change … the
/// text says which; or no right), `not_found`, `ambiguous`, `refused` (unwilling), `lost` (a change was sent and its
/// answer was not seen, or some of an account's children are removed and the rest was refused), `protocol`,
/// `too_large`, `invalid` (an argument).
class Directory {
 public:
  virtual ~Directory() = default;

  /// A password login. An empty password, or one with a NUL, never reaches the network.
  virtual Person authenticate(std::string_view name, const Secret& password) = 0;
  /// Fresh groups and state of a known person. Throws `denied` for a disabled, expired or locked one, `not_found`.
  virtual Person read_person(const std::string& sid) = 0;
  /// sAMAccountName of a group, or a SID in text. Throws `not_found`.
  virtual std::string group_sid(const std::string& name_or_sid) = 0;

  /// Computers whose sAMAccountName or dNSHostName is one of `names`. First reads a configured OU (the control):
  /// throws when that cannot be read, so that an empty answer means absent. Names have 1 to 256 bytes, else `invalid`.
  virtual std::vector<Computer> find_computers(const std::vector<std::string>& names) = 0;
  virtual std::optional<Computer> read_computer(const std::string& guid) = 0;
  /// Removes it by GUID, its listed children first, leaf by leaf. Refuses (`refused`) critical ones, domain
  /// controllers, protected ones, other OUs, one whose change_mark differs, and children that `expected` does not list
  /// or that cannot be seen. Already gone: `gone`.
  virtual void remove_computer(const Computer& expected) = 0;

  /// Removes one object below the computer account of that GUID, a leaf. Refuses what `remove_computer` refuses of the
  /// account. `precondition`: its image is another by now; `gone`: it is not below that account any more.
  virtual void remove_child(const std::string& computer_guid, const ComputerChild& expected) = 0;

  /// Sets the account's "disabled" bit, and gives it `description` unless that is empty, in one change that holds only
  /// while both still say what they said; read back by GUID. Refuses what `remove_computer` refuses, but a protected
  /// one. `precondition`: its image is not `expected`'s any more; `gone`.
  virtual void disable_computer(const Computer& expected, const std::string& description) = 0;
  /// Moves the account with what lies below it into the unit of that DN; read back by GUID. Refuses what
  /// `remove_computer` refuses, a unit that cannot be seen, and one that has such a name already. `precondition`: its
  /// DN is not `expected`'s any more; `gone`.
  virtual void move_computer(const Computer& expected, const std::string& unit) = 0;
  /// Why that account cannot be moved into the unit of that DN, for people; empty: nothing is known against it.
  virtual std::string why_not_into(const Computer& account, const std::string& unit) = 0;
  /// Whether there is an object of that DN; what may not be seen is not there.
  virtual bool exists(const std::string& dn) = 0;

  /// For doctor: reachable, certificate, bind, and which server answered.
  virtual std::string check() = 0;
};

}  // namespace decom
