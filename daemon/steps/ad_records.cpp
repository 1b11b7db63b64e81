#include "daemon/steps/ad_records.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/steps/ad_facts.hpp"

namespace decom {
namespace {

/// An account's id is its GUID; that of an object below it has both its account's and its own.
struct Id {
  std::string account;
  std::string child;
};

std::string child_id(const std::string& account, const std::string& child) { return account + "/" + child; }

Id parse_id(const std::string& id) {
  const auto slash = id.find('/');
  if (slash == std::string::npos) return {.account = id, .child = {}};
  return {.account = id.substr(0, slash), .child = id.substr(slash + 1)};
}

std::string describe(const Computer& account) { return fmt::format("{} ({})", account.sam, account.dn); }

/// Why an account that is this machine's must not be removed all the same; empty: it may.
std::string forbidden(const Computer& account) {
  if (account.is_domain_controller) return "it is a domain controller";
  if (account.is_critical) return "it is a critical system object";
  if (account.is_protected) return "it is protected from accidental deletion";
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

Record to_record(const Machine& machine, const Computer& account) {
  AccountEvidence evidence = weigh_account(machine, account);
  return {.id = account.guid,
          .what = describe(account),
          .facts = std::move(evidence.facts),
          .against = std::move(evidence.against),
          .forbidden = forbidden(account),
          .before = account.image,
          .bears = names_of(machine, account),
          .whole = account.guid};
}

/// It is whose the account is, and what holds the account holds it too.
Record to_record(const Record& account, const ComputerChild& child) {
  Record record = account;
  record.id = child_id(account.id, child.id);
  record.what = fmt::format("{} below it", child.dn);
  record.before = child.image;
  return record;
}

}  // namespace

std::vector<Record> AdRecords::find(const Machine& machine, const RecordCall&) {
  const std::vector<std::string> names = account_names(machine);
  if (names.empty())
    throw Error{ErrorCode::invalid, "accounts are looked for by name, and no name of the machine is known"};
  // Reads a configured unit first, as a control: an account that rights hide from us is not absent.
  const std::vector<Computer> accounts = directory_.find_computers(names);
  std::vector<Record> found;
  std::vector<const Computer*> proven;
  for (const Computer& account : accounts) {
    const Record record = to_record(machine, account);
    if (record.is_proven()) {
      proven.push_back(&account);
      // Deeper ones lie behind those that they lie in.
      for (auto child = account.below.rbegin(); child != account.below.rend(); ++child)
        found.push_back(to_record(record, *child));
    }
    found.push_back(record);
  }
  if (proven.size() > 1)
    for (Record& record : found)
      if (record.is_proven())
        record.forbidden = fmt::format("{} and {} both look like the account of {}", describe(*proven[0]),
                                       describe(*proven[1]), machine.name);
  return found;
}

std::optional<Record> AdRecords::read(const Machine& machine, const std::string& id, const RecordCall&) {
  (void)directory_.find_computers(account_names(machine));  // the control
  const Id wanted = parse_id(id);
  const auto account = directory_.read_computer(wanted.account);
  if (!account) return std::nullopt;
  const Record record = to_record(machine, *account);
  if (wanted.child.empty()) return record;
  const auto child = std::ranges::find(account->below, wanted.child, &ComputerChild::id);
  if (child == account->below.end()) return std::nullopt;
  return to_record(record, *child);
}

std::string AdRecords::remove(const Machine&, const Record& record, const RecordCall&) {
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
  if (account->image != record.before) throw Error{ErrorCode::precondition, "{} was changed", record.what};
  // What was listed below it has been removed by now, each under an intent of its own. Nothing else goes with it.
  if (!account->children.empty())
    throw Error{ErrorCode::precondition, "there is {}, which was not shown with it", account->children.front()};
  directory_.remove_computer(*account);
  return "removed";
}

std::string AdRecords::check(const RecordCall&) { return directory_.check(); }

}  // namespace decom
