#include "daemon/steps/ad_facts.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/text.hpp"

namespace decom {
namespace {

// Computer names are NetBIOS names: 15 characters (MS-ADTS 3.1.1.1.4, "sAMAccountName").
constexpr std::size_t kNetbiosLength = 15;

std::string first_label(const std::string& name) { return name.substr(0, name.find('.')); }

std::string netbios(const std::string& name) { return first_label(name).substr(0, kNetbiosLength); }

/// What the guest calls itself; empty where it was not running, since a name that was left behind is no testimony.
std::string guest_name(const Machine& machine) {
  return machine.power == PowerState::on ? machine.guest_host_name : std::string{};
}

std::string base_of_sam(const Computer& account) {
  std::string sam = account.sam;
  if (sam.ends_with('$')) sam.pop_back();
  return sam;
}

bool is_windows(const std::string& operating_system) {
  return folded(operating_system).find("windows") != std::string::npos;
}

}  // namespace

std::vector<std::string> account_names(const Machine& machine) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    const bool known = std::ranges::any_of(names, [&](const std::string& n) { return equals_folded(n, name); });
    if (!name.empty() && !known) names.push_back(name);
  };
  for (const std::string& name : {machine.name, machine.guest_host_name}) {
    add(name);
    add(first_label(name));
    add(netbios(name));
  }
  return names;
}

AccountEvidence weigh_account(const Machine& machine, const Computer& account, HostNames names) {
  AccountEvidence evidence;
  const std::string sam = base_of_sam(account);
  if (equals_folded(sam, netbios(machine.name)))
    evidence.facts.push_back(fmt::format("the VM is called {}", machine.name));

  if (const std::string guest = guest_name(machine); !guest.empty()) {
    const bool whole = guest.find('.') != std::string::npos && !account.dns_host_name.empty();
    const bool same_host =
        whole ? equals_folded(guest, account.dns_host_name)
              : equals_folded(first_label(guest),
                              account.dns_host_name.empty() ? first_label(guest) : first_label(account.dns_host_name));
    if (same_host && !whole && names == HostNames::whole) {
      // Neither for nor against.
    } else if (same_host && equals_folded(sam, netbios(guest))) {
      evidence.facts.push_back(fmt::format("its guest calls itself {}", guest));
    } else {
      evidence.against.push_back(fmt::format("its guest calls itself {}, the account is of {}", guest,
                                             account.dns_host_name.empty() ? account.sam : account.dns_host_name));
    }
  }
  const bool tells_family = machine.family == OsFamily::windows || machine.family == OsFamily::linux_;
  if (tells_family && !account.operating_system.empty() &&
      is_windows(account.operating_system) != (machine.family == OsFamily::windows))
    evidence.against.push_back(
        fmt::format("the machine runs {}, the account says {}", to_string(machine.family), account.operating_system));
  return evidence;
}

}  // namespace decom
