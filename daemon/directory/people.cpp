#include "daemon/directory/people.hpp"

#include <charconv>

#include "common/base/text.hpp"

namespace decom::directory {

namespace {

constexpr std::size_t kLongestName = 1024;  // userPrincipalName's rangeUpper in the schema

// userAccountControl and msDS-User-Account-Control-Computed ([MS-ADTS] 2.2.16).
constexpr std::int64_t kDisabled = 0x2;
constexpr std::int64_t kLockedOut = 0x10;
constexpr std::int64_t kPasswordExpired = 0x80'0000;

constexpr std::int64_t kSecurityGroup = 0x8000'0000;  // groupType ([MS-ADTS] 2.2.12)

Error nobody() { return Error{ErrorCode::unauthenticated, "cannot log on: the name or the password is wrong"}; }

std::optional<std::int64_t> number(const Entry& entry, std::string_view attribute) {
  const std::string text = entry.first(attribute);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A mandatory number. One that cannot be read is not taken for zero.
std::int64_t needed_number(const Entry& entry, std::string_view attribute) {
  if (const auto value = number(entry, attribute)) return *value;
  throw Error{ErrorCode::denied, "cannot judge {}: the service account may not read its {}", entry.dn, attribute};
}

/// 100 ns since 1601; 0 and the largest number mean never ([MS-ADA1] accountExpires).
bool has_passed(std::int64_t filetime) {
  if (filetime == 0 || filetime == std::numeric_limits<std::int64_t>::max()) return false;
  constexpr std::int64_t kSecondsFrom1601To1970 = 11'644'473'600;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return filetime / 10'000'000 - kSecondsFrom1601To1970 <=
         std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

void refuse_unless_it_may_log_on(const Entry& entry) {
  const auto no = [&](std::string_view why) {
    return Error{ErrorCode::denied, "{} may not act: the account {}", entry.first("sAMAccountName"), why};
  };
  const std::int64_t computed = needed_number(entry, "msDS-User-Account-Control-Computed");
  if ((needed_number(entry, "userAccountControl") & kDisabled) != 0) throw no("is disabled");
  if (has_passed(number(entry, "accountExpires").value_or(0))) throw no("has expired");
  if ((computed & kLockedOut) != 0) throw no("is locked");
  if ((computed & kPasswordExpired) != 0) throw no("has a password that expired or must be changed");
}

std::vector<Entry> find_by(Session& session, const Dn& base, const Filter& filter) {
  return session.connection().search(Base::of(base), Scope::subtree, filter,
                                     {"objectSid", "sAMAccountName", "userPrincipalName", "groupType"});
}

Filter people_with(const Filter& filter) {
  // A computer is a user too, to the schema.
  return Filter::all({Filter::equals("objectCategory", "person"), Filter::equals("objectClass", "user"), filter});
}

bool is_this_domain(const Session& session, std::string_view name) {
  return equals_folded(name, session.domain().netbios_name) || equals_folded(name, session.domain().dns_name);
}

std::vector<Entry> find_people(Session& session, const Dn& base, std::string_view typed) {
  if (const std::size_t slash = typed.find('\\'); slash != std::string_view::npos) {
    if (!is_this_domain(session, typed.substr(0, slash))) return {};
    return find_by(session, base, people_with(Filter::equals("sAMAccountName", typed.substr(slash + 1))));
  }
  const std::size_t at = typed.rfind('@');
  if (at == std::string_view::npos) return find_by(session, base, people_with(Filter::equals("sAMAccountName", typed)));
  auto found = find_by(session, base, people_with(Filter::equals("userPrincipalName", typed)));
  // name@domain works for everybody, whatever UPN was written into the account; an explicit one goes first.
  if (found.empty() && equals_folded(typed.substr(at + 1), session.domain().dns_name))
    found = find_by(session, base, people_with(Filter::equals("sAMAccountName", typed.substr(0, at))));
  return found;
}

Sid sid_of(const Entry& entry) {
  if (auto sid = Sid::from_bytes(entry.first("objectSid"))) return *sid;
  throw Error{ErrorCode::protocol, "the directory gave no usable objectSid for {}", entry.dn};
}

}  // namespace

Account find_account(Session& session, const Dn& base, std::string_view typed) {
  if (typed.empty() || typed.size() > kLongestName || !is_valid_utf8(typed) || typed.find('\0') != typed.npos)
    throw nobody();
  const std::vector<Entry> found = find_people(session, base, typed);
  if (found.empty()) throw nobody();
  if (found.size() > 1)
    throw Error{ErrorCode::ambiguous, "cannot log on: {} accounts are called {}", found.size(), typed};
  auto dn = Dn::parse(found[0].dn);
  if (!dn) throw Error{ErrorCode::protocol, "the directory gave an account without a usable name"};
  return {.dn = *std::move(dn), .sid = sid_of(found[0])};
}

Person read_person(Session& session, const Sid& sid) {
  const auto entry = session.connection().read(
      Base::of(sid), {"sAMAccountName", "userPrincipalName", "objectSid", "tokenGroups", "userAccountControl",
                      "msDS-User-Account-Control-Computed", "accountExpires"});
  if (!entry) throw Error{ErrorCode::not_found, "the directory has no account {}", sid.text()};
  if (sid_of(*entry) != sid) throw Error{ErrorCode::protocol, "the directory answered with another account"};
  refuse_unless_it_may_log_on(*entry);

  Person person{.sid = sid.text(),
                .sam = entry->first("sAMAccountName"),
                .upn = entry->first("userPrincipalName"),
                .domain = session.domain().netbios_name,
                .dn = entry->dn,
                .group_sids = {}};
  if (person.upn.empty()) person.upn = person.sam + "@" + session.domain().dns_name;
  const auto* groups = entry->values("tokenGroups");
  // Everybody has a primary group: an empty list is a missing right, not a person without groups.
  if (groups == nullptr || groups->empty())
    throw Error{ErrorCode::denied,
                "cannot read the groups of {}: the service account needs to read tokenGroups (the group "
                "\"Windows Authorization Access Group\" gives that)",
                person.sam};
  for (const std::string& bytes : *groups) {
    const auto group = Sid::from_bytes(bytes);
    if (!group) throw Error{ErrorCode::protocol, "the directory gave an unusable group of {}", person.sam};
    if (*group != sid) person.group_sids.insert(group->text());  // Samba lists the person first
  }
  return person;
}

Sid find_group(Session& session, const Dn& base, std::string_view name_or_sid) {
  const auto none = [&](std::string_view why) {
    return Error{ErrorCode::not_found, "the group {} {}", name_or_sid, why};
  };
  std::vector<Entry> found;
  if (const auto sid = Sid::parse(name_or_sid)) {
    if (auto entry = session.connection().read(Base::of(*sid), {"objectSid", "groupType"}))
      found.push_back(*std::move(entry));
  } else {
    const std::size_t slash = name_or_sid.find('\\');
    const bool qualified = slash != std::string_view::npos;
    if (name_or_sid.empty() || name_or_sid.size() > kLongestName ||
        (qualified && !is_this_domain(session, name_or_sid.substr(0, slash))))
      throw none("is not in the directory");
    const std::string_view name = qualified ? name_or_sid.substr(slash + 1) : name_or_sid;
    found = find_by(session, base,
                    Filter::all({Filter::equals("objectCategory", "group"), Filter::equals("sAMAccountName", name)}));
  }
  if (found.empty()) throw none("is not in the directory");
  if (found.size() > 1) throw Error{ErrorCode::ambiguous, "{} groups are called {}", found.size(), name_or_sid};
  const auto type = number(found[0], "groupType");
  if (!type) throw none("is not a group");
  if ((*type & kSecurityGroup) == 0) throw none("is a distribution list, and membership in one gives no rights");
  return sid_of(found[0]);
}

}  // namespace decom::directory
