#include "tests/support/fake_directory.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/text.hpp"

namespace decom {

namespace {

constexpr const char* kBase = "DC=corp,DC=example,DC=test";
constexpr const char* kDomain = "corp.example.test";
constexpr const char* kNetbios = "CORP";
constexpr const char* kDomainSid = "S-1-5-21-1000-2000-3000";

Error nobody() { return Error{ErrorCode::unauthenticated, "cannot log on: the name or the password is wrong"}; }

}  // namespace

FakeDirectory::FakeDirectory() {
  groups_["domain users"] = {"Domain Users", std::string{kDomainSid} + "-513", {}};
  for (const char* unit : {"OU=Servers", "OU=Workstations", "OU=Retired"}) add_unit(unit);
}

// -- the world --------------------------------------------------------------------------------------------------------

std::string FakeDirectory::next_sid() { return fmt::format("{}-{}", kDomainSid, next_rid_++); }

std::string FakeDirectory::add_group(const std::string& name) {
  const std::lock_guard lock{mutex_};
  Group& group = groups_[folded(name)];
  if (group.sid.empty()) group = {.name = name, .sid = next_sid(), .members = {}};
  return group.sid;
}

std::string FakeDirectory::add_person(const NewPerson& person) {
  std::string sid;
  {
    const std::lock_guard lock{mutex_};
    sid = next_sid();
    accounts_[folded(person.sam)] = {.person = {.sid = sid,
                                                .sam = person.sam,
                                                .upn = person.upn.empty() ? person.sam + "@" + kDomain : person.upn,
                                                .domain = kNetbios,
                                                .dn = fmt::format("CN={},OU=People,{}", person.sam, kBase),
                                                .group_sids = {}},
                                     .password = person.password};
  }
  for (const std::string& group : person.groups) {
    add_group(group);
    join(group, person.sam);
  }
  return sid;
}

std::string FakeDirectory::add_computer(const NewComputer& computer) {
  const std::lock_guard lock{mutex_};
  Computer made{.guid = fmt::format("{:08x}-0000-4000-8000-000000000000", next_guid_++),
                .dn = fmt::format("CN={},{},{}", computer.name, computer.ou, kBase),
                .sam = computer.name + "$",
                .dns_host_name = computer.dns.empty() ? folded(computer.name) + "." + kDomain : computer.dns,
                .sid = next_sid(),
                .operating_system = computer.operating_system,
                .enabled = computer.enabled,
                .is_critical = computer.is_critical,
                .is_domain_controller = computer.is_domain_controller,
                .is_protected = computer.is_protected,
                .in_allowed_ou = computer.ou.ends_with("OU=Servers"),
                .children = {},
                .ldif = {},
                .change_mark = fmt::format("{}@dc1.{}", next_change_++, kDomain)};
  for (const std::string& child : computer.children) {
    made.below.push_back(new_child(child, made.dn));
    made.children.push_back(made.below.back().dn);
  }
  made.ldif = fmt::format("version: 1\n\ndn: {}\nsAMAccountName: {}\n", made.dn, made.sam);
  made.image = made.ldif;
  for (const std::string& child : made.children) made.ldif += fmt::format("\ndn: {}\n", child);
  std::string guid = made.guid;
  computers_.emplace(guid, std::move(made));
  return guid;
}

ComputerChild FakeDirectory::new_child(const std::string& relative_dn, const std::string& parent) {
  const std::string dn = relative_dn + "," + parent;
  return {.id = fmt::format("{:08x}-0000-4000-8000-000000000000", next_guid_++),
          .dn = dn,
          .image = fmt::format("version: 1\n\ndn: {}\n", dn)};
}

void FakeDirectory::add_unit(const std::string& relative_dn) {
  const std::lock_guard lock{mutex_};
  units_.insert(folded(relative_dn + "," + kBase));
}

FakeDirectory::Account& FakeDirectory::account(const std::string& sam) {
  const auto found = accounts_.find(folded(sam));
  if (found == accounts_.end()) throw Error{ErrorCode::internal, "the fake has no account {}", sam};
  return found->second;
}

std::string FakeDirectory::member_sid(const std::string& name) {
  if (const auto group = groups_.find(folded(name)); group != groups_.end()) return group->second.sid;
  return account(name).person.sid;
}

void FakeDirectory::join(const std::string& group, const std::string& member) {
  const std::lock_guard lock{mutex_};
  groups_.at(folded(group)).members.insert(member_sid(member));
}

void FakeDirectory::leave(const std::string& group, const std::string& member) {
  const std::lock_guard lock{mutex_};
  groups_.at(folded(group)).members.erase(member_sid(member));
}

void FakeDirectory::disable(const std::string& sam, bool disabled) {
  const std::lock_guard lock{mutex_};
  account(sam).disabled = disabled;
}

void FakeDirectory::lock(const std::string& sam, bool locked) {
  const std::lock_guard lock{mutex_};
  account(sam).locked = locked;
}

void FakeDirectory::expire(const std::string& sam, bool expired) {
  const std::lock_guard lock{mutex_};
  account(sam).expired = expired;
}

void FakeDirectory::must_change_password(const std::string& sam) {
  const std::lock_guard lock{mutex_};
  account(sam).must_change = true;
}

Computer& FakeDirectory::computer(const std::string& guid) {
  const auto found = computers_.find(guid);
  if (found == computers_.end()) throw Error{ErrorCode::internal, "the fake has no computer {}", guid};
  return found->second;
}

void FakeDirectory::edit(const std::string& guid, const std::function<void(Computer&)>& change) {
  const std::lock_guard lock{mutex_};
  change(computer(guid));
}

void FakeDirectory::touch(const std::string& guid) {
  const std::lock_guard lock{mutex_};
  computer(guid).change_mark = fmt::format("{}@dc1.{}", next_change_++, kDomain);
}

void FakeDirectory::add_child(const std::string& guid, const std::string& relative_dn) {
  const std::lock_guard lock{mutex_};
  Computer& parent = computer(guid);
  parent.below.push_back(new_child(relative_dn, parent.dn));
  parent.children.push_back(parent.below.back().dn);
}

void FakeDirectory::delete_computer(const std::string& guid) {
  const std::lock_guard lock{mutex_};
  computers_.erase(guid);
}

bool FakeDirectory::has_computer(const std::string& guid) const {
  const std::lock_guard lock{mutex_};
  return computers_.contains(guid);
}

std::vector<std::string> FakeDirectory::removed() const {
  const std::lock_guard lock{mutex_};
  return removed_;
}

std::vector<std::string> FakeDirectory::removed_children() const {
  const std::lock_guard lock{mutex_};
  return removed_children_;
}

int FakeDirectory::password_checks() const {
  const std::lock_guard lock{mutex_};
  return password_checks_;
}

// -- failures ---------------------------------------------------------------------------------------------------------

void FakeDirectory::go_away(ErrorCode code) {
  const std::lock_guard lock{mutex_};
  away_ = code;
}

void FakeDirectory::come_back() {
  const std::lock_guard lock{mutex_};
  away_.reset();
}

void FakeDirectory::lose_next_removal(bool executed) {
  const std::lock_guard lock{mutex_};
  lose_next_ = executed;
}

void FakeDirectory::take_right_to_remove(bool taken) {
  const std::lock_guard lock{mutex_};
  right_taken_ = taken;
}

void FakeDirectory::require_presence() const {
  if (away_) throw Error{*away_, "cannot reach the directory: the test took it away"};
}

// -- Directory --------------------------------------------------------------------------------------------------------

Person FakeDirectory::authenticate(std::string_view name, const Secret& password) {
  if (password.empty() || password.expose().find('\0') != std::string::npos)
    throw Error{ErrorCode::unauthenticated, "cannot log on: a password is needed"};
  const std::lock_guard lock{mutex_};
  require_presence();
  const auto is_meant = [&](const Person& person) {
    if (const auto slash = name.find('\\'); slash != std::string_view::npos)
      return equals_folded(name.substr(slash + 1), person.sam) &&
             (equals_folded(name.substr(0, slash), kNetbios) || equals_folded(name.substr(0, slash), kDomain));
    return equals_folded(name, person.sam) || equals_folded(name, person.upn) ||
           equals_folded(name, person.sam + "@" + kDomain);
  };
  const auto found = std::ranges::find_if(accounts_, [&](const auto& each) { return is_meant(each.second.person); });
  if (found == accounts_.end()) throw nobody();
  Account& account = found->second;
  ++password_checks_;
  if (account.password != password.expose()) throw nobody();
  return fresh(account);
}

Person FakeDirectory::fresh(const Account& account) const {
  const auto no = [&](std::string_view why) {
    return Error{ErrorCode::denied, "{} may not act: the account {}", account.person.sam, why};
  };
  if (account.disabled) throw no("is disabled");
  if (account.expired) throw no("has expired");
  if (account.locked) throw no("is locked");
  if (account.must_change) throw no("has a password that expired or must be changed");
  Person person = account.person;
  person.group_sids.insert(groups_.at("domain users").sid);
  // Until nothing is added any more: nested groups, and loops of them.
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& [name, group] : groups_) {
      const bool is_in = group.members.contains(person.sid) || std::ranges::any_of(group.members, [&](const auto& m) {
                           return person.group_sids.contains(m);
                         });
      if (is_in && person.group_sids.insert(group.sid).second) grown = true;
    }
  }
  return person;
}

Person FakeDirectory::read_person(const std::string& sid) {
  const std::lock_guard lock{mutex_};
  require_presence();
  const auto found = std::ranges::find_if(accounts_, [&](const auto& each) { return each.second.person.sid == sid; });
  if (found == accounts_.end()) throw Error{ErrorCode::not_found, "the directory has no account {}", sid};
  return fresh(found->second);
}

std::string FakeDirectory::group_sid(const std::string& name_or_sid) {
  const std::lock_guard lock{mutex_};
  require_presence();
  const std::size_t slash = name_or_sid.find('\\');
  const std::string name = slash == std::string::npos ? name_or_sid : name_or_sid.substr(slash + 1);
  for (const auto& [key, group] : groups_)
    if (equals_folded(group.name, name) || group.sid == name_or_sid) return group.sid;
  throw Error{ErrorCode::not_found, "the group {} is not in the directory", name_or_sid};
}

std::vector<Computer> FakeDirectory::find_computers(const std::vector<std::string>& names) {
  const std::lock_guard lock{mutex_};
  require_presence();
  for (const std::string& name : names)
    if (name.empty() || name.size() > 256)
      throw Error{ErrorCode::invalid, "cannot search for a computer by a name of {} bytes", name.size()};
  std::vector<Computer> found;
  for (const auto& each : computers_) {
    const Computer& computer = each.second;
    if (std::ranges::any_of(names, [&](const std::string& name) {
          return equals_folded(computer.sam, name) || equals_folded(computer.sam, name + "$") ||
                 equals_folded(computer.dns_host_name, name);
        }))
      found.push_back(computer);
  }
  return found;
}

std::optional<Computer> FakeDirectory::read_computer(const std::string& guid) {
  const std::lock_guard lock{mutex_};
  require_presence();
  const auto found = computers_.find(guid);
  if (found == computers_.end()) return std::nullopt;
  return found->second;
}

void FakeDirectory::remove_computer(const Computer& expected) {
  const std::lock_guard lock{mutex_};
  require_presence();
  const auto found = computers_.find(expected.guid);
  if (found == computers_.end()) throw Error{ErrorCode::gone, "{} is not in the directory any more", expected.sam};
  const Computer& now = found->second;
  const auto no = [&](std::string_view why) { return Error{ErrorCode::refused, "cannot remove {}: {}", now.dn, why}; };
  if (now.is_domain_controller) throw no("it is a domain controller");
  if (now.is_critical) throw no("it is a critical system object");
  if (now.is_protected) throw no("it is protected from accidental deletion");
  if (!now.in_allowed_ou) throw no("it is outside of the units in which computers may be removed");
  if (now.change_mark != expected.change_mark) throw no("it was changed since it was looked at");
  for (const std::string& child : now.children)
    if (std::ranges::find(expected.children, child) == expected.children.end())
      throw no("it has a child that was not there when it was looked at: " + child);
  if (right_taken_) throw Error{ErrorCode::denied, "cannot remove {}: the service account has no right to", now.dn};
  const auto lose = std::exchange(lose_next_, std::nullopt);
  if (lose.value_or(true)) {
    removed_.push_back(expected.guid);
    computers_.erase(found);
  }
  if (lose) throw Error{ErrorCode::lost, "removing {} was sent and the answer was not seen", expected.dn};
}

void FakeDirectory::remove_child(const std::string& computer_guid, const ComputerChild& expected) {
  const std::lock_guard lock{mutex_};
  require_presence();
  const auto found = computers_.find(computer_guid);
  if (found == computers_.end()) throw Error{ErrorCode::gone, "{} is not in the directory any more", expected.dn};
  Computer& account = found->second;
  const auto child = std::ranges::find(account.below, expected.id, &ComputerChild::id);
  if (child == account.below.end()) throw Error{ErrorCode::gone, "{} is not in the directory any more", expected.dn};
  const auto no = [&](std::string_view why) {
    return Error{ErrorCode::refused, "cannot remove {}: {}", child->dn, why};
  };
  if (account.is_domain_controller) throw no("it is a domain controller");
  if (account.is_critical) throw no("it is a critical system object");
  if (account.is_protected) throw no("it is protected from accidental deletion");
  if (!account.in_allowed_ou) throw no("it is outside of the units in which computers may be removed");
  if (child->image != expected.image)
    throw Error{ErrorCode::precondition, "{} was changed since it was looked at", child->dn};
  if (right_taken_) throw Error{ErrorCode::denied, "cannot remove {}: the service account has no right to", child->dn};
  const std::string dn = child->dn;
  if (std::ranges::any_of(account.below, [&](const auto& other) { return other.dn.ends_with("," + dn); }))
    throw no("it has children that came just now, or that the service account may not see");
  const auto lose = std::exchange(lose_next_, std::nullopt);
  if (lose.value_or(true)) {
    removed_children_.push_back(dn);
    account.below.erase(child);
    std::erase(account.children, dn);
  }
  if (lose) throw Error{ErrorCode::lost, "removing {} was sent and the answer was not seen", expected.dn};
}

Computer& FakeDirectory::touchable(const Computer& expected) {
  const auto found = computers_.find(expected.guid);
  if (found == computers_.end()) throw Error{ErrorCode::gone, "{} is not in the directory any more", expected.sam};
  Computer& now = found->second;
  const auto no = [&](std::string_view why) { return Error{ErrorCode::refused, "cannot change {}: {}", now.dn, why}; };
  if (now.is_domain_controller) throw no("it is a domain controller");
  if (now.is_critical) throw no("it is a critical system object");
  if (!now.in_allowed_ou) throw no("it is outside of the units in which computers may be touched");
  if (right_taken_) throw Error{ErrorCode::denied, "cannot change {}: the service account has no right to", now.dn};
  return now;
}

void FakeDirectory::lose_if_asked(const std::string& dn, const std::function<void()>& execute) {
  const auto lose = std::exchange(lose_next_, std::nullopt);
  if (lose.value_or(true)) execute();
  if (lose) throw Error{ErrorCode::lost, "a change of {} was sent and the answer was not seen", dn};
}

void FakeDirectory::disable_computer(const Computer& expected, const std::string& description) {
  const std::lock_guard lock{mutex_};
  require_presence();
  Computer& now = touchable(expected);
  if (now.image != expected.image)
    throw Error{ErrorCode::precondition, "{} was changed since it was looked at", now.dn};
  lose_if_asked(now.dn, [&] {
    now.enabled = false;
    now.image += "userAccountControl: 4098\n";
    if (!description.empty()) now.image += fmt::format("description: {}\n", description);
  });
}

bool FakeDirectory::has_entry(const std::string& dn) const {
  return units_.contains(folded(dn)) ||
         std::ranges::any_of(computers_, [&](const auto& each) { return equals_folded(each.second.dn, dn); });
}

std::string FakeDirectory::why_not_into(const Computer& account, const std::string& unit) {
  const std::lock_guard lock{mutex_};
  require_presence();
  const std::string rdn = account.dn.substr(0, account.dn.find(','));
  if (!has_entry(unit)) return fmt::format("there is no {}: create it, or correct move_to", unit);
  if (equals_folded(account.dn, rdn + "," + unit) || !has_entry(rdn + "," + unit)) return {};
  return fmt::format("{} has another {} already: rename or remove that one", unit, rdn);
}

bool FakeDirectory::exists(const std::string& dn) {
  const std::lock_guard lock{mutex_};
  require_presence();
  return has_entry(dn);
}

void FakeDirectory::move_computer(const Computer& expected, const std::string& unit) {
  const std::lock_guard lock{mutex_};
  require_presence();
  Computer& now = touchable(expected);
  if (now.is_protected)
    throw Error{ErrorCode::refused, "cannot move {}: it is protected from accidental deletion", now.dn};
  if (now.dn != expected.dn) throw Error{ErrorCode::precondition, "{} is {} by now", expected.dn, now.dn};
  const std::string to = now.dn.substr(0, now.dn.find(',') + 1) + unit;
  if (!has_entry(unit)) throw Error{ErrorCode::refused, "cannot move {}: there is no {}", now.dn, unit};
  if (has_entry(to)) throw Error{ErrorCode::refused, "cannot move {}: {} is there already", now.dn, to};
  lose_if_asked(now.dn, [&] {
    now.image.replace(now.image.find(now.dn), now.dn.size(), to);
    for (std::string& child : now.children) child.replace(child.size() - now.dn.size(), now.dn.size(), to);
    for (ComputerChild& child : now.below) child.dn.replace(child.dn.size() - now.dn.size(), now.dn.size(), to);
    now.dn = to;
    now.in_allowed_ou = to.ends_with(fmt::format("OU=Servers,{}", kBase));
  });
}

std::string FakeDirectory::check() {
  const std::lock_guard lock{mutex_};
  require_presence();
  return "dc1.corp.example.test, in memory";
}

}  // namespace decom
