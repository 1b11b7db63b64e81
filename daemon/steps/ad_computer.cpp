#include "daemon/steps/ad_computer.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/steps/ad_facts.hpp"
#include "daemon/steps/vm_task.hpp"

namespace decom {
namespace {

constexpr const char* kCall = "delete computer";
constexpr std::chrono::seconds kDeadline{30};

std::string describe(const Computer& account) { return fmt::format("{} ({})", account.sam, account.dn); }

std::string describe(const Computer& account, const AccountEvidence& evidence) {
  if (!evidence.against.empty()) return fmt::format("{}: {}", describe(account), join(evidence.against, ", "));
  return fmt::format("{}: one fact only, {}", describe(account),
                     evidence.facts.empty() ? "a name" : evidence.facts.front());
}

/// Why an account that is this machine's must not be removed all the same; empty: it may.
std::string forbidden(const Computer& account) {
  if (account.is_domain_controller) return "it is a domain controller";
  if (account.is_critical) return "it is a critical system object";
  if (account.is_protected) return "it is protected from accidental deletion";
  if (!account.in_allowed_ou) return "it lies outside the organizational units that are configured for computers";
  return {};
}

/// Other live machines that bear a name of the account: somebody else may live by it.
std::vector<std::string> other_bearers(StepContext& ctx, const Computer& account) {
  std::vector<std::string> names{account.sam.substr(0, account.sam.find('$'))};
  if (!account.dns_host_name.empty()) names.push_back(account.dns_host_name);
  for (const std::string& name : account_names(ctx.machine())) names.push_back(name);
  std::vector<std::string> bearers;
  for (const std::string& name : names)
    for (const std::string& bearer : ctx.live_bearers(name))
      if (std::ranges::find(bearers, bearer) == bearers.end()) bearers.push_back(bearer);
  return bearers;
}

}  // namespace

Observation AdComputer::observe(StepContext& ctx) {
  proven_.reset();
  const Machine& machine = ctx.machine();
  const std::vector<Computer> found = ctx.directory().find_computers(account_names(machine));
  std::vector<Computer> proven;
  std::vector<std::string> unproven;
  for (const Computer& account : found) {
    const AccountEvidence evidence = weigh_account(machine, account);
    if (evidence.is_proven()) {
      proven.push_back(account);
    } else {
      unproven.push_back(describe(account, evidence));
    }
  }
  if (found.empty()) return Satisfied{fmt::format("{} has no computer account", machine.name)};
  if (proven.empty())
    return LeftAlone{fmt::format("not proven to be the account of {}, so it was left alone: {}", machine.name,
                                 join(unproven, "; "))};
  if (proven.size() > 1)
    return Blocked{fmt::format("{} and {} both look like the account of {}", describe(proven[0]), describe(proven[1]),
                               machine.name)};

  const Computer& account = proven.front();
  if (const std::string why = forbidden(account); !why.empty())
    return Blocked{fmt::format("{} must not be removed: {}", describe(account), why)};
  if (const auto bearers = other_bearers(ctx, account); !bearers.empty())
    return LeftAlone{fmt::format("{} was left alone: {} bears that name too", describe(account), join(bearers, ", "))};

  proven_ = account;
  std::string what = fmt::format("remove the computer account {}", describe(account));
  if (!account.children.empty())
    what += fmt::format(" and {} object{} below it", account.children.size(), account.children.size() == 1 ? "" : "s");
  if (!unproven.empty()) what += fmt::format("; left alone, as not proven: {}", join(unproven, "; "));
  return Needed{.what = what, .records = {{account.guid, describe(account), account.ldif}}, .before = account.ldif};
}

void AdComputer::apply(StepContext& ctx, const Needed& needed) {
  if (!proven_ || needed.records.size() != 1 || needed.records.front().id != proven_->guid)
    throw Error{ErrorCode::internal, "the account to be removed is not the one that was observed"};
  const auto call = ctx.effect(
      {.call = kCall, .target = proven_->guid, .before = needed.before, .irreversible = true, .deadline = kDeadline});
  require_not_stopped(ctx, *call);
  try {
    ctx.directory().remove_computer(*proven_);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::gone) throw;
    call->refused("it was gone already");
    return;
  }
  call->done(fmt::format("removed {}", describe(*proven_)));
}

Observation AdComputer::resume(StepContext& ctx, const OpenCall& call) {
  // Reads a configured unit first, as a control: an account that rights hide from us is not gone.
  (void)ctx.directory().find_computers(account_names(ctx.machine()));
  const auto account = ctx.directory().read_computer(call.target);
  if (!account) return Satisfied{"the computer account is gone"};
  require_past_deadline(ctx, call);
  return Needed{.what = fmt::format("{} is still there", describe(*account))};
}

}  // namespace decom
