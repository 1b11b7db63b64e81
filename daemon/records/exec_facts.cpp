#include "daemon/records/exec_facts.hpp"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <fmt/core.h>

#include "common/base/text.hpp"

namespace decom {
namespace {

std::string host_form(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return folded(name);
}

std::string first_label(const std::string& name) { return name.substr(0, name.find('.')); }

/// Whole names where both are whole, else what stands before the first dot.
bool is_same_host(std::string_view a, std::string_view b) {
  const std::string one = host_form(a);
  const std::string other = host_form(b);
  if (one.empty() || other.empty()) return false;
  const bool whole = one.find('.') != std::string::npos && other.find('.') != std::string::npos;
  return whole ? one == other : first_label(one) == first_label(other);
}

bool is_same_uuid(std::string_view a, std::string_view b) {
  const auto digits = [](std::string_view text) {
    std::string plain = folded(text);
    std::erase_if(plain, [](char c) { return c == '-' || c == '{' || c == '}' || c == ' '; });
    return plain;
  };
  return !a.empty() && digits(a) == digits(b);
}

/// One spelling for each address (RFC 5952 for IPv6); empty when it is none.
std::string address_form(const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> form{};
  for (const int family : {AF_INET, AF_INET6})
    if (::inet_pton(family, text.c_str(), bytes.data()) == 1 &&
        ::inet_ntop(family, bytes.data(), form.data(), form.size()) != nullptr)
      return form.data();
  return {};
}

bool is_same_address(const std::string& a, const std::string& b) {
  const std::string form = address_form(a);
  return !form.empty() && form == address_form(b);
}

/// Whether both have addresses of one family: an IPv6 address says nothing about IPv4 ones.
bool are_comparable(const std::vector<std::string>& theirs, const std::vector<std::string>& ours) {
  const auto has = [](const std::vector<std::string>& all, bool v6) {
    return std::ranges::any_of(all, [&](const std::string& one) {
      const std::string form = address_form(one);
      return !form.empty() && (form.find(':') != std::string::npos) == v6;
    });
  };
  return (has(theirs, false) && has(ours, false)) || (has(theirs, true) && has(ours, true));
}

template <typename Same>
const std::string* agreeing(const std::vector<std::string>& theirs, const std::vector<std::string>& ours, Same same) {
  for (const std::string& their : theirs)
    for (const std::string& our : ours)
      if (!our.empty() && same(their, our)) return &their;
  return nullptr;
}

const std::vector<std::string>& values(const ForeignFacts& facts, const std::string& name) {
  static const std::vector<std::string> none;
  const auto found = facts.find(name);
  return found == facts.end() ? none : found->second;
}

}  // namespace

void weigh_foreign_facts(const Machine& machine, const ForeignFacts& facts, Record& record) {
  const auto& uuids = values(facts, "uuid");
  const std::vector<std::string> our_uuids{machine.bios_uuid, machine.identity.instance_uuid};
  const std::string* uuid = agreeing(uuids, our_uuids, is_same_uuid);
  if (uuid != nullptr)
    record.facts.push_back(fmt::format("UUID {}", *uuid));
  else if (!uuids.empty() && (!our_uuids[0].empty() || !our_uuids[1].empty()))
    record.against.push_back(fmt::format("its UUID is {}", join(uuids, ", ")));

  // A machine may be renamed in vSphere without anybody else noticing: another name alone proves nothing.
  const auto& names = values(facts, "name");
  if (const auto* name = agreeing(names, {machine.name}, is_same_host))
    record.facts.push_back(fmt::format("name {}", *name));

  const auto& hosts = values(facts, "host");
  if (const auto* host = agreeing(hosts, {machine.guest_host_name}, is_same_host))
    record.facts.push_back(fmt::format("host name {}", *host));
  else if (!hosts.empty() && !machine.guest_host_name.empty())
    record.against.push_back(
        fmt::format("its host name is {}, the guest's is {}", join(hosts, ", "), machine.guest_host_name));

  // An address that is out of date says less than a UUID that agrees.
  const auto& addresses = values(facts, "ip");
  if (const auto* address = agreeing(addresses, machine.ip_addresses, is_same_address))
    record.facts.push_back(fmt::format("address {}", *address));
  else if (are_comparable(addresses, machine.ip_addresses) && uuid == nullptr)
    record.against.push_back(fmt::format("its address is {}, which the machine does not have", join(addresses, ", ")));

  for (const auto* all : {&names, &hosts, &addresses})
    for (const std::string& value : *all)
      if (!value.empty() && std::ranges::find(record.bears, value) == record.bears.end()) record.bears.push_back(value);
}

}  // namespace decom
