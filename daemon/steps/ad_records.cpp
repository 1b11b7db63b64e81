#include "daemon/steps/ad_records.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/directory/names.hpp"
#include "daemon/steps/ad_facts.hpp"

namespace decom {
namespace {

// Of the record that says where an account lies, behind its GUID.
constexpr const char* kPlace = "#place";
constexpr std::size_t kLongestDescription = 1024;  // rangeUpper of description ([MS-ADA1] 2.153)

/// An account's id is its GUID; that of an object below it has both its account's and its own.
struct Id {
  std::string account;
  std::string child;
  bool place = false;
};

std::string child_id(const std::string& account, const std::string& child) { return account + "/" + child; }

Id parse_id(const std::string& id) {
  if (id.ends_with(kPlace)) return {.account = id.substr(0, id.find('#')), .child = {}, .place = true};
  const auto slash = id.find('/');
  if (slash == std::string::npos) return {.account = id, .child = {}};
  return {.account = id.substr(0, slash), .child = id.substr(slash + 1)};
}

std::string describe(const Computer& account) { return fmt::format("{} ({})", account.sam, account.dn); }

/// Why an account that is this machine's must not be touched all the same; empty: it may.
std::string forbidden(const Computer& account, AdActionKind action) {
  if (account.is_domain_controller) return "it is a domain controller";
  if (account.is_critical) return "it is a critical system object";
  // A move deletes it where it lies; disabling it is no deletion.
  if (account.is_protected && action != AdActionKind::disable) return "it is protected from accidental deletion";
  if (!account.in_allowed_ou) return "it lies outside the organizational units that are configured for computers";
  return {};
}

/// Whoever bears one of these may live by the account.
std::vector<std::string> names_of(const Machine& machine, const Computer& account) {
  std::vector<std::string> names{account.sam.substr(0, account.sam.find('$'))};
  if (!account.dns_host_name.empty()) names.push_back(account.dns_host_name);
  for (const std::string& name : account_names(machine)) names.push_back(name);
  return names;
}

bool lies_in(const Computer& account, const std::string& unit) {
  const auto dn = directory::Dn::parse(account.dn);
  const auto wanted = directory::Dn::parse(unit);
  return dn && wanted && dn->is_child_of(*wanted);
}

/// For those who find it there in years.
std::string description_of(const std::string& note) {
  std::string text;
  for (const char c : "Retired by " + note) text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  if (text.size() <= kLongestDescription) return text;
  text.resize(kLongestDescription);
  while (!is_valid_utf8(text)) text.pop_back();
  return text;
}

/// It is whose the account is, and what holds the account holds it too.
Record to_record(const Record& account, const ComputerChild& child) {
  Record record = account;
  record.id = child_id(account.id, child.id);
  record.what = fmt::format("{} below it", child.dn);
  record.before = child.image;
  return record;
}

/// Where it lies, as LDIF: of a move nothing else is lost.
std::string image_of_place(const Computer& account) { return fmt::format("version: 1\n\ndn: {}\n", account.dn); }

}  // namespace

Record AdRecords::record_of(const Machine& machine, const Computer& account) const {
  const AdActionKind action = action_.kind;
  AccountEvidence evidence = weigh_account(machine, account, names_);
  Record record{.id = account.guid,
                .what = describe(account),
                .facts = std::move(evidence.facts),
                .against = std::move(evidence.against),
                .forbidden = forbidden(account, action),
                .before = account.image,
                .bears = names_of(machine, account),
                .whole = account.guid};
  if (action == AdActionKind::remove) return record;
  record.effect = "disable";
  if (!account.enabled) record.done = "is disabled";
  return record;
}

Record AdRecords::place_of(const Record& account, const Computer& now) {
  Record place = account;
  place.id = now.guid + kPlace;
  place.before = image_of_place(now);
  place.effect = "move";
  place.done.clear();
  if (lies_in(now, action_.move_to)) {
    place.done = fmt::format("is in {}", action_.move_to);
    return place;
  }
  place.what = fmt::format("{} to {}", describe(now), action_.move_to);
  if (place.is_proven() && place.forbidden.empty()) place.forbidden = directory_.why_not_into(now, action_.move_to);
  return place;
}

/// In the order in which something is done to them.
std::vector<Record> AdRecords::records_of(const Machine& machine, const Computer& account) {
  const Record record = record_of(machine, account);
  std::vector<Record> records;
  if (action_.kind == AdActionKind::remove && record.is_proven())
    // Deeper ones lie behind those that they lie in.
    for (auto child = account.below.rbegin(); child != account.below.rend(); ++child)
      records.push_back(to_record(record, *child));
  records.push_back(record);
  if (action_.kind == AdActionKind::move && record.is_proven()) records.push_back(place_of(record, account));
  return records;
}

std::vector<Record> AdRecords::find(const Machine& machine, const RecordCall&) {
  const std::vector<std::string> names = account_names(machine);
  if (names.empty())
    throw Error{ErrorCode::invalid, "accounts are looked for by name, and no name of the machine is known"};
  // Reads a configured unit first, as a control: an account that rights hide from us is not absent.
  const std::vector<Computer> accounts = directory_.find_computers(names);
  std::vector<Record> found;
  std::vector<const Computer*> proven;
  for (const Computer& account : accounts) {
    std::vector<Record> records = records_of(machine, account);
    if (records.back().is_proven()) proven.push_back(&account);
    std::ranges::move(records, std::back_inserter(found));
  }
  if (proven.size() > 1)
    for (Record& record : found)
      if (record.is_proven()) {
        record.done.clear();
        record.forbidden = fmt::format("{} and {} both look like the account of {}", describe(*proven[0]),
                                       describe(*proven[1]), machine.name);
      }
  return found;
}

std::optional<Record> AdRecords::read(const Machine& machine, const std::string& id, const RecordCall&) {
  (void)directory_.find_computers(account_names(machine));  // the control
  const Id wanted = parse_id(id);
  const auto account = directory_.read_computer(wanted.account);
  if (!account) return std::nullopt;
  const Record record = record_of(machine, *account);
  if (wanted.place) return place_of(record, *account);
  if (wanted.child.empty()) return record;
  const auto child = std::ranges::find(account->below, wanted.child, &ComputerChild::id);
  if (child == account->below.end()) return std::nullopt;
  return to_record(record, *child);
}

std::string AdRecords::remove(const Machine&, const Record& record, const RecordCall& call) {
  const Id id = parse_id(record.id);
  auto account = directory_.read_computer(id.account);
  if (!account) throw Error{ErrorCode::gone, "{} is not in the directory any more", record.what};
  if (!id.child.empty()) {
    const auto child = std::ranges::find(account->below, id.child, &ComputerChild::id);
    if (child == account->below.end()) throw Error{ErrorCode::gone, "{} is not in the directory any more", record.what};
    if (child->image != record.before) throw Error{ErrorCode::precondition, "{} was changed", child->dn};
    directory_.remove_child(id.account, *child);
    return "removed";
  }
  if (id.place) {
    if (image_of_place(*account) != record.before) throw Error{ErrorCode::precondition, "it is {} by now", account->dn};
    directory_.move_computer(*account, action_.move_to);
    return "moved";
  }
  if (account->image != record.before) throw Error{ErrorCode::precondition, "{} was changed", record.what};
  if (action_.kind != AdActionKind::remove) {
    directory_.disable_computer(*account, action_.kind == AdActionKind::move ? description_of(call.note) : "");
    return "disabled";
  }
  // What was listed below it has been removed by now, each under an intent of its own. Nothing else goes with it.
  if (!account->children.empty())
    throw Error{ErrorCode::precondition, "there is {}, which was not shown with it", account->children.front()};
  directory_.remove_computer(*account);
  return "removed";
}

std::string AdRecords::check(const RecordCall&) {
  std::string seen = directory_.check();
  if (action_.kind == AdActionKind::move && !directory_.exists(action_.move_to))
    throw Error{ErrorCode::not_found,
                "there is no {}, or the service account cannot see it: create it, or correct move_to", action_.move_to};
  return seen;
}

}  // namespace decom
