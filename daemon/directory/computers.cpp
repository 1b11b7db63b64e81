#include "daemon/directory/computers.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "daemon/directory/ldif.hpp"
#include "daemon/directory/security.hpp"

namespace decom::directory {

namespace {

constexpr std::size_t kLongestAccountName = 256;  // sAMAccountName's rangeUpper; a host name has 253 at most

// userAccountControl ([MS-ADTS] 2.2.16) and well-known groups ([MS-DTYP] 2.4.2.4).
constexpr unsigned kAccountDisabled = 0x2;  // ADS_UF_ACCOUNTDISABLE
constexpr unsigned kServerTrust = 0x2000;
constexpr unsigned kPartialSecrets = 0x0400'0000;
constexpr unsigned kDomainControllers = 516;
constexpr unsigned kReadOnlyDomainControllers = 521;

unsigned needed_flags(const Entry& entry, std::string_view attribute) {
  const std::string text = entry.first(attribute);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size())
    throw Error{ErrorCode::denied, "cannot judge {}: the service account may not read its {}", entry.dn, attribute};
  return static_cast<unsigned>(value);
}

/// An empty answer means "absent" only to somebody who can see the place where it would be.
void read_control(Session& session, const ComputerScope& scope) {
  for (const Dn& place : scope.allowed) {
    const auto seen = session.connection().read(Base::of(place), {"objectClass"});
    if (!seen || seen->values("objectClass") == nullptr)
      throw Error{ErrorCode::denied, "cannot search for computers: the service account cannot see {}", place.text()};
  }
}

/// The entries below it, parents before their children.
std::vector<Entry> read_children(Session& session, const Dn& computer) {
  std::vector<std::pair<std::size_t, Entry>> found;
  for (Entry& entry : session.connection().search(Base::of(computer), Scope::subtree, Filter::present("objectClass"),
                                                  {"*", "uSNChanged"})) {
    const auto dn = Dn::parse(entry.dn);
    if (!dn)
      throw Error{ErrorCode::protocol, "the directory gave a child of {} without a usable name", computer.text()};
    if (dn->is_below(computer)) found.emplace_back(dn->depth(), std::move(entry));
  }
  std::ranges::stable_sort(found, {}, &std::pair<std::size_t, Entry>::first);
  std::vector<Entry> children;
  children.reserve(found.size());
  for (auto& [depth, entry] : found) children.push_back(std::move(entry));
  return children;
}

// What a logon of the machine changes, and what each domain controller counts for itself ([MS-ADA1] to [MS-ADA3]):
// neither says that somebody changed the object.
constexpr std::array<std::string_view, 12> kChangesByItself{
    "lastlogon",  "lastlogontimestamp", "lastlogoff", "logoncount",  "badpwdcount", "badpasswordtime",
    "pwdlastset", "usnchanged",         "usncreated", "whenchanged", "whencreated", "dscorepropagationdata"};

/// Equal while nobody changed it, whichever domain controller answers.
std::string image_of(Session& session, Entry entry) {
  std::erase_if(entry.attributes, [](const Attribute& attribute) {
    return std::ranges::find(kChangesByItself, folded(attribute.name)) != kChangesByItself.end();
  });
  std::ranges::sort(entry.attributes, {}, &Attribute::name);
  for (Attribute& attribute : entry.attributes) std::ranges::sort(attribute.values);
  return to_ldif({entry}, [&](std::string_view attribute) { return session.is_secret(attribute); });
}

Computer to_computer(Session& session, const ComputerScope& scope, const Entry& entry) {
  const auto guid = Guid::from_bytes(entry.first("objectGUID"));
  const auto dn = Dn::parse(entry.dn);
  const std::string usn = entry.first("uSNChanged");
  if (!guid || !dn || usn.empty())
    throw Error{ErrorCode::protocol, "the directory gave a computer without objectGUID, name or uSNChanged: {}",
                entry.dn};
  const unsigned control = needed_flags(entry, "userAccountControl");
  const unsigned group = needed_flags(entry, "primaryGroupID");
  const auto sid = Sid::from_bytes(entry.first("objectSid"));

  std::vector<Entry> all = read_children(session, *dn);
  std::vector<std::string> children;
  std::vector<ComputerChild> below;
  children.reserve(all.size());
  below.reserve(all.size());
  for (const Entry& child : all) {
    const auto child_guid = Guid::from_bytes(child.first("objectGUID"));
    children.push_back(child.dn);
    below.push_back(
        {.id = child_guid ? child_guid->text() : child.dn, .dn = child.dn, .image = image_of(session, child)});
  }
  all.insert(all.begin(), entry);

  return {.guid = guid->text(),
          .dn = entry.dn,
          .sam = entry.first("sAMAccountName"),
          .dns_host_name = entry.first("dNSHostName"),
          .sid = sid ? sid->text() : "",
          .operating_system = entry.first("operatingSystem"),
          .enabled = (control & kAccountDisabled) == 0,
          .is_critical = equals_folded(entry.first("isCriticalSystemObject"), "TRUE"),
          .is_domain_controller = (control & (kServerTrust | kPartialSecrets)) != 0 || group == kDomainControllers ||
                                  group == kReadOnlyDomainControllers,
          .is_protected = denies_deletion(session.connection().read_dacl(Base::of(*guid))),
          .in_allowed_ou = std::ranges::any_of(scope.allowed, [&](const Dn& ou) { return dn->is_below(ou); }),
          .children = std::move(children),
          .below = std::move(below),
          .ldif = to_ldif(all, [&](std::string_view attribute) { return session.is_secret(attribute); }),
          .image = image_of(session, entry),
          // Each domain controller counts for itself.
          .change_mark = usn + "@" + session.domain().controller};
}

/// uSNChanged is not part of "*": it is constructed for each domain controller.
const std::vector<const char*> kAttributes{"*", "uSNChanged"};

void require_touchable(const Computer& now, const auto& no) {
  if (now.is_domain_controller) throw no("it is a domain controller");
  if (now.is_critical) throw no("it is a critical system object");
  if (!now.in_allowed_ou) throw no("it is outside of the units in which computers may be touched");
}

void require_removable(const Computer& now, const auto& no) {
  require_touchable(now, no);
  // Before its children are gone, not after.
  if (now.is_protected) throw no("it is protected from accidental deletion");
}

/// The account as it is now, if it still is the one that was looked at and may be removed.
Computer read_again(Session& session, const ComputerScope& scope, const Computer& expected) {
  const auto guid = Guid::parse(expected.guid);
  if (!guid) throw Error{ErrorCode::invalid, "cannot remove a computer: {} is no GUID", expected.guid};
  const auto now = read_computer(session, scope, *guid);
  if (!now) throw Error{ErrorCode::gone, "{} is not in the directory any more", expected.sam};
  const auto no = [&](std::string_view why) { return Error{ErrorCode::refused, "cannot remove {}: {}", now->dn, why}; };
  require_removable(*now, no);
  if (now->change_mark != expected.change_mark || now->dn != expected.dn)
    throw no("it was changed since it was looked at, or another domain controller answers");
  for (const std::string& child : now->children)
    if (std::ranges::find(expected.children, child) == expected.children.end())
      throw no(fmt::format("it has a child that was not there when it was looked at: {}", child));
  return *now;
}

Base base_of(const std::string& dn) {
  const auto parsed = Dn::parse(dn);
  if (!parsed) throw Error{ErrorCode::invalid, "cannot remove {}: it is not a distinguished name", dn};
  return Base::of(*parsed);
}

}  // namespace

std::vector<Computer> find_computers(Session& session, const ComputerScope& scope,
                                     const std::vector<std::string>& names) {
  read_control(session, scope);
  std::vector<Filter> any;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > kLongestAccountName)
      throw Error{ErrorCode::invalid, "cannot search for a computer by a name of {} bytes", name.size()};
    any.push_back(Filter::equals("sAMAccountName", name.ends_with('$') ? name : name + "$"));
    any.push_back(Filter::equals("dNSHostName", name));
  }
  if (any.empty()) return {};
  std::vector<Computer> found;
  for (const Entry& entry : session.connection().search(
           Base::of(scope.base), Scope::subtree,
           Filter::all({Filter::equals("objectCategory", "computer"), Filter::any(any)}), kAttributes))
    found.push_back(to_computer(session, scope, entry));
  return found;
}

std::optional<Computer> read_computer(Session& session, const ComputerScope& scope, const Guid& guid) {
  const auto entry = session.connection().read(Base::of(guid), kAttributes);
  if (!entry) {
    read_control(session, scope);
    return std::nullopt;
  }
  const auto* classes = entry->values("objectClass");
  if (classes == nullptr || std::ranges::find(*classes, "computer") == classes->end())
    throw Error{ErrorCode::refused, "{} is not a computer account", entry->dn};
  return to_computer(session, scope, *entry);
}

void remove_computer(Session& session, const ComputerScope& scope, const Computer& expected) {
  const Computer now = read_again(session, scope, expected);
  std::size_t removed = 0;
  try {
    for (auto child = now.children.rbegin(); child != now.children.rend(); ++child, ++removed)
      session.connection().remove(base_of(*child), *child);
    session.connection().remove(Base::of(*Guid::parse(now.guid)), now.dn);
  } catch (const Error& e) {
    if (removed == 0) throw;
    // `denied` or `refused` would say that nothing happened.
    throw Error{ErrorCode::lost, "{}; {} of its {} children are removed already", e.what(), removed,
                now.children.size()};
  }
}

namespace {

/// The entry as it is now, and what it comes to.
struct Fresh {
  Entry entry;
  Computer computer;
};

Fresh read_fresh(Session& session, const ComputerScope& scope, const Computer& expected) {
  const auto guid = Guid::parse(expected.guid);
  if (!guid) throw Error{ErrorCode::invalid, "cannot change a computer: {} is no GUID", expected.guid};
  auto entry = session.connection().read(Base::of(*guid), kAttributes);
  if (!entry) {
    read_control(session, scope);
    throw Error{ErrorCode::gone, "{} is not in the directory any more", expected.sam};
  }
  Computer computer = to_computer(session, scope, *entry);
  return {.entry = *std::move(entry), .computer = std::move(computer)};
}

/// The directory said yes: what it shows by now.
Computer read_back(Session& session, const ComputerScope& scope, const Computer& changed, std::string_view what) {
  try {
    return read_fresh(session, scope, changed).computer;
  } catch (const Error& e) {
    throw Error{ErrorCode::lost, "{} was {}, and it cannot be read back: {}", changed.dn, what, e.what()};
  }
}

}  // namespace

void disable_computer(Session& session, const ComputerScope& scope, const Computer& expected,
                      const std::string& description) {
  const Fresh now = read_fresh(session, scope, expected);
  require_touchable(now.computer, [&](std::string_view why) {
    return Error{ErrorCode::refused, "cannot disable {}: {}", now.computer.dn, why};
  });
  if (now.computer.image != expected.image)
    throw Error{ErrorCode::precondition, "{} was changed since it was looked at", now.computer.dn};
  // The old values go by name and the new ones are added: where somebody was faster, there is no such old value.
  std::vector<Connection::Change> changes;
  const std::string control = now.entry.first("userAccountControl");
  changes.push_back({.attribute = "userAccountControl", .from = {control}, .to = {}});
  changes.back().to.push_back(std::to_string(needed_flags(now.entry, "userAccountControl") | kAccountDisabled));
  if (!description.empty()) {
    const auto* old = now.entry.values("description");
    changes.push_back(
        {.attribute = "description", .from = old == nullptr ? std::vector<std::string>{} : *old, .to = {description}});
  }
  const auto guid = Guid::parse(now.computer.guid);
  session.connection().modify(Base::of(*guid), changes, now.computer.dn);
  if (read_back(session, scope, now.computer, "disabled").enabled)
    throw Error{ErrorCode::lost, "{} was disabled, and is enabled all the same", now.computer.dn};
}

std::string why_not_into(Session& session, const Dn& account, const Dn& unit) {
  if (!session.connection().read(Base::of(unit), {"objectClass"}))
    return fmt::format("there is no {}, or the service account cannot see it: create it, or correct move_to",
                       unit.text());
  const auto taken = Dn::parse(account.rdn() + "," + unit.text());
  if (account.is_child_of(unit) || !taken || !session.connection().read(Base::of(*taken), {"objectClass"})) return {};
  return fmt::format("{} has another {} already: rename or remove that one", unit.text(), account.rdn());
}

void move_computer(Session& session, const ComputerScope& scope, const Computer& expected, const Dn& unit) {
  const Fresh now = read_fresh(session, scope, expected);
  const auto no = [&](std::string_view why) {
    return Error{ErrorCode::refused, "cannot move {}: {}", now.computer.dn, why};
  };
  require_removable(now.computer, no);
  if (now.computer.dn != expected.dn)
    throw Error{ErrorCode::precondition, "{} is {} by now", expected.dn, now.computer.dn};
  const auto dn = Dn::parse(now.computer.dn);
  const auto guid = Guid::parse(now.computer.guid);
  if (!dn || !guid) throw Error{ErrorCode::protocol, "the directory gave {} without a usable name", now.computer.dn};
  if (const std::string why = why_not_into(session, *dn, unit); !why.empty()) throw no(why);
  session.connection().move(Base::of(*guid), dn->rdn(), unit, now.computer.dn);
  const Computer after = read_back(session, scope, now.computer, "moved");
  if (const auto place = Dn::parse(after.dn); !place || !place->is_child_of(unit))
    throw Error{ErrorCode::lost, "{} was moved to {}, and is {} all the same", now.computer.dn, unit.text(), after.dn};
}

void remove_child(Session& session, const ComputerScope& scope, const Guid& computer, const ComputerChild& expected) {
  const auto account = read_computer(session, scope, computer);
  if (!account) throw Error{ErrorCode::gone, "the computer of {} is not in the directory any more", expected.dn};
  const auto now = std::ranges::find(account->below, expected.id, &ComputerChild::id);
  if (now == account->below.end()) throw Error{ErrorCode::gone, "{} is not in the directory any more", expected.dn};
  require_removable(*account, [&](std::string_view why) {
    return Error{ErrorCode::refused, "cannot remove {} below {}: {}", now->dn, account->dn, why};
  });
  if (now->image != expected.image || now->dn != expected.dn)
    throw Error{ErrorCode::precondition, "{} was changed since it was looked at", now->dn};
  const auto guid = Guid::parse(now->id);
  session.connection().remove(guid ? Base::of(*guid) : base_of(now->dn), now->dn);
}

}  // namespace decom::directory
