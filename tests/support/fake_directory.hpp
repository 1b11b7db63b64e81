#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "daemon/directory/directory.hpp"

namespace decom {

/// An Active Directory in memory, for tests of what stands on one. tests/contract holds it to the behaviour of a real
/// one. Any thread.
class FakeDirectory : public Directory {
 public:
  struct NewPerson {
    std::string sam;
    std::string password = "Passw0rd!";
    std::string upn;                  ///< empty: sam@corp.example.test
    std::vector<std::string> groups;  ///< created if need be
  };
  struct NewComputer {
    std::string name;  ///< "WEB01"
    std::string dns;   ///< empty: web01.corp.example.test
    std::string ou = "OU=Servers";
    std::string operating_system = "Windows Server 2022 Standard";
    bool enabled = true;
    bool is_critical = false;
    bool is_domain_controller = false;
    bool is_protected = false;
    std::vector<std::string> children;  ///< DNs relative to the computer: "CN=service1"
  };

  FakeDirectory();

  // -- the world ------------------------------------------------------------------------------------------------------
  std::string add_group(const std::string& name);         ///< its SID; the same again for a name that is there
  std::string add_person(const NewPerson& person);        ///< SID
  std::string add_computer(const NewComputer& computer);  ///< GUID
  /// `member` is a person or a group.
  void join(const std::string& group, const std::string& member);
  void leave(const std::string& group, const std::string& member);
  void disable(const std::string& sam, bool disabled = true);
  void lock(const std::string& sam, bool locked = true);
  void expire(const std::string& sam, bool expired = true);
  void must_change_password(const std::string& sam);
  void edit(const std::string& guid, const std::function<void(Computer&)>& change);
  /// The machine logged on, or somebody changed the account: its change_mark is another one.
  void touch(const std::string& guid);
  void add_child(const std::string& guid, const std::string& relative_dn);
  void delete_computer(const std::string& guid);
  [[nodiscard]] bool has_computer(const std::string& guid) const;

  /// DNs of the children that were removed one by one, in that order.
  [[nodiscard]] std::vector<std::string> removed_children() const;
  /// GUIDs in the order of removal.
  [[nodiscard]] std::vector<std::string> removed() const;
  /// How many passwords were checked.
  [[nodiscard]] int password_checks() const;

  // -- failures -------------------------------------------------------------------------------------------------------
  /// From now on every call fails so, until `come_back`.
  void go_away(ErrorCode code = ErrorCode::unreachable);
  void come_back();
  /// The next removal, or change of an account, throws `lost`, after it was executed or without.
  void lose_next_removal(bool executed);
  /// Removals throw `denied` while set, as without the delegation.
  void take_right_to_remove(bool taken = true);
  /// There are OU=Servers, OU=Workstations and OU=Retired below the base; others come by this.
  void add_unit(const std::string& relative_dn);

  // -- Directory ------------------------------------------------------------------------------------------------------
  Person authenticate(std::string_view name, const Secret& password) override;
  Person read_person(const std::string& sid) override;
  std::string group_sid(const std::string& name_or_sid) override;
  std::vector<Computer> find_computers(const std::vector<std::string>& names) override;
  std::optional<Computer> read_computer(const std::string& guid) override;
  void remove_computer(const Computer& expected) override;
  void remove_child(const std::string& computer_guid, const ComputerChild& expected) override;
  void disable_computer(const Computer& expected, const std::string& description) override;
  void move_computer(const Computer& expected, const std::string& unit) override;
  std::string why_not_into(const Computer& account, const std::string& unit) override;
  bool exists(const std::string& dn) override;
  std::string check() override;

 private:
  struct Account {
    Person person;  ///< without groups
    std::string password;
    bool disabled = false;
    bool locked = false;
    bool expired = false;
    bool must_change = false;
  };
  struct Group {
    std::string name;
    std::string sid;
    std::set<std::string> members;  ///< SIDs
  };

  void require_presence() const;
  std::string next_sid();
  Account& account(const std::string& sam);
  [[nodiscard]] std::string member_sid(const std::string& name);
  [[nodiscard]] Person fresh(const Account& account) const;
  Computer& computer(const std::string& guid);
  Computer& touchable(const Computer& expected);
  [[nodiscard]] bool has_entry(const std::string& dn) const;
  void lose_if_asked(const std::string& dn, const std::function<void()>& execute);
  ComputerChild new_child(const std::string& relative_dn, const std::string& parent);

  mutable std::mutex mutex_;  // of all that follows
  unsigned next_rid_ = 1103;
  unsigned next_guid_ = 1;
  unsigned next_change_ = 4000;
  std::map<std::string, Account> accounts_;    ///< by folded sAMAccountName
  std::map<std::string, Group> groups_;        ///< by folded name
  std::map<std::string, Computer> computers_;  ///< by GUID
  std::set<std::string> units_;                ///< DNs, folded
  std::vector<std::string> removed_;
  std::vector<std::string> removed_children_;
  int password_checks_ = 0;
  std::optional<ErrorCode> away_;
  std::optional<bool> lose_next_;  ///< whether it is executed all the same
  bool right_taken_ = false;
};

}  // namespace decom
