#include "daemon/records/testimony.hpp"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <fmt/core.h>

#include "common/base/text.hpp"

namespace decom {
namespace {

std::string first_label(const std::string& name) { return name.substr(0, name.find('.')); }
bool is_whole(const std::string& name) { return name.find('.') != std::string::npos; }

std::string without_root(std::string_view name) {
  std::string text = folded(name);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

/// Two whole names must be equal; one without a domain is equal to another's first label.
bool same_host(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return false;
  return is_whole(a) && is_whole(b) ? a == b : first_label(a) == first_label(b);
}

/// The bytes of an address; nothing where it is none. A prefix length behind it ("10.0.0.7/24") is left out.
std::optional<std::string> bytes_of(const std::string& address) {
  const std::string text = address.substr(0, address.find_first_of("/%"));
  std::array<char, 16> raw{};
  if (::inet_pton(AF_INET, text.c_str(), raw.data()) == 1) return std::string(raw.data(), 4);
  if (::inet_pton(AF_INET6, text.c_str(), raw.data()) == 1) return std::string(raw.data(), 16);
  return std::nullopt;
}

/// "web01:9100" and "[2001:db8::1]:9100" without their ports.
std::string without_port(const std::string& text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    return end == std::string::npos ? text : text.substr(1, end - 1);
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size()) return text;
  return text.find_first_not_of("0123456789", colon + 1) == std::string::npos ? text.substr(0, colon) : text;
}

/// Each word where it belongs.
Testimony sorted(const Testimony& said) {
  Testimony sorted{.names = {},
                   .addresses = {},
                   .uuids = said.uuids,
                   .macs = said.macs,
                   .morefs = said.morefs,
                   .vcenter_uuid = said.vcenter_uuid};
  for (const std::string& address : said.addresses) sorted.addresses.push_back(without_port(address));
  for (const std::string& name : said.names) {
    const std::string host = without_port(name);
    (bytes_of(host) ? sorted.addresses : sorted.names).push_back(host);
  }
  return sorted;
}

bool is_of_everybody(const std::string& bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() == 4) return at(0) == 0 || at(0) == 127 || (at(0) == 169 && at(1) == 254);
  if (at(0) == 0xFE && (at(1) & 0xC0) == 0x80) return true;
  return bytes.compare(0, 15, std::string(15, '\0')) == 0;  // :: and ::1
}

/// 32 hexadecimal digits, or empty. VMware's serial numbers, "VMware-42 1a … -…", are UUIDs too.
std::string normal_uuid(const std::string& text) {
  std::string hex = folded(text);
  if (hex.starts_with("vmware-")) hex = hex.substr(7);
  std::erase_if(hex, [](char c) { return c == '-' || c == ' ' || c == '{' || c == '}'; });
  return hex.size() == 32 && hex.find_first_not_of("0123456789abcdef") == std::string::npos ? hex : std::string{};
}

/// As a guest reads it from SMBIOS before version 2.6: the first three fields are little-endian (DSP0134, 7.2.1).
std::string swapped(const std::string& hex) {
  std::string other = hex;
  constexpr std::array<std::size_t, 8> kOrder{3, 2, 1, 0, 5, 4, 7, 6};
  for (std::size_t i = 0; i < kOrder.size(); ++i) other.replace(2 * i, 2, hex, 2 * kOrder[i], 2);
  return other;
}

/// 12 hexadecimal digits, or empty: "00:50:56:8a:0b:1c", "00-50-56-8A-0B-1C", "0050.568a.0b1c".
std::string normal_mac(const std::string& text) {
  std::string hex = folded(text);
  std::erase_if(hex, [](char c) { return c == ':' || c == '-' || c == '.'; });
  return hex.size() == 12 && hex.find_first_not_of("0123456789abcdef") == std::string::npos ? hex : std::string{};
}

template <typename Same>
void add_once(std::vector<std::string>& all, const std::string& text, Same same) {
  if (!text.empty() && std::ranges::none_of(all, [&](const std::string& known) { return same(known, text); }))
    all.push_back(text);
}

void add_once(std::vector<std::string>& all, const std::string& text) {
  add_once(all, text, [](const std::string& a, const std::string& b) { return a == b; });
}

void weigh_names(const Machine& machine, const std::string& guest, const Testimony& testimony, Record& record) {
  std::vector<std::string> names;
  for (const std::string& name : testimony.names) add_once(names, without_root(name));
  if (names.empty()) return;
  const std::string vm = without_root(machine.name);
  const auto fits_vm = std::ranges::any_of(names, [&](const std::string& name) { return same_host(name, vm); });
  const auto fits_guest = std::ranges::any_of(names, [&](const std::string& name) { return same_host(name, guest); });
  const auto whole = std::ranges::find_if(names, is_whole);
  if (is_whole(guest) && whole != names.end()) {
    if (std::ranges::find(names, guest) != names.end())
      record.facts.push_back(fmt::format("host name {}", guest));
    else
      record.against.push_back(fmt::format("its host name is {}, the machine's is {}", *whole, guest));
  }
  if (fits_vm)
    record.facts.push_back(fmt::format("name {}", machine.name));
  else if (fits_guest && record.facts.empty() && record.against.empty())
    record.facts.push_back(fmt::format("host name {}", guest));
  if (!fits_vm && !fits_guest) record.against.push_back(fmt::format("it is called {}", names.front()));
}

void weigh_addresses(const Machine& machine, bool trusted, const Testimony& testimony, Record& record) {
  std::vector<std::string> known;
  for (const std::string& address : testimony.addresses)
    if (const auto bytes = bytes_of(address); bytes && !is_of_everybody(*bytes)) known.push_back(address);
  const auto ours = trusted ? addresses_to_find(machine) : std::vector<std::string>{};
  if (known.empty() || ours.empty()) return;
  for (const std::string& address : ours) {
    const auto same = [&](const std::string& other) { return bytes_of(other) == bytes_of(address); };
    if (std::ranges::any_of(known, same)) {
      record.facts.push_back(fmt::format("address {}", address));
      return;
    }
  }
  record.against.push_back(fmt::format("its address is {}, the machine's is {}", known.front(), ours.front()));
}

void weigh_uuids(const Machine& machine, const Testimony& testimony, Record& record) {
  const auto ours = uuids_to_find(machine);
  bool told = false;
  for (const std::string& text : testimony.uuids) {
    const std::string uuid = normal_uuid(text);
    if (uuid.empty()) continue;
    told = true;
    for (const std::string& known : ours) {
      const std::string normal = normal_uuid(known);
      if (uuid != normal && uuid != swapped(normal)) continue;
      record.facts.push_back(fmt::format("UUID {}", known));
      return;
    }
  }
  if (told && !ours.empty()) record.against.emplace_back("its UUID is another");
}

void weigh_macs(const Machine& machine, const Testimony& testimony, Record& record) {
  const auto ours = macs_to_find(machine);
  std::string other;
  for (const std::string& text : testimony.macs) {
    const std::string mac = normal_mac(text);
    if (mac.empty() || mac == std::string(12, '0')) continue;
    const auto same = std::ranges::find(ours, mac, normal_mac);
    if (same != ours.end()) {
      record.facts.push_back(fmt::format("MAC address {}", *same));
      return;
    }
    other = text;
  }
  if (!other.empty() && !ours.empty())
    record.against.push_back(fmt::format("its MAC address is {}, the machine's is {}", other, ours.front()));
}

void weigh_morefs(const Machine& machine, const Testimony& testimony, Record& record) {
  const Identity& ours = machine.identity;
  if (testimony.morefs.empty() || ours.moref.empty()) return;
  if (folded(testimony.vcenter_uuid) != folded(ours.vcenter_uuid))
    record.against.emplace_back("it is of another vCenter");
  else if (std::ranges::find(testimony.morefs, ours.moref) != testimony.morefs.end())
    record.facts.push_back(fmt::format("managed object {}", ours.moref));
  else
    record.against.push_back(
        fmt::format("it is {} of its vCenter, the machine is {}", testimony.morefs.front(), ours.moref));
}

}  // namespace

std::vector<std::string> names_to_find(const Machine& machine) {
  std::vector<std::string> names;
  for (const std::string& name : {machine.name, machine.guest_host_name}) {
    add_once(names, name);
    if (bytes_of(name)) continue;
    add_once(names, first_label(name));
    add_once(names, folded(name));
    add_once(names, folded(first_label(name)));
  }
  return names;
}

std::vector<std::string> addresses_to_find(const Machine& machine) {
  std::vector<std::string> addresses;
  for (const std::string& address : machine.ip_addresses) {
    const auto bytes = bytes_of(address);
    if (!bytes || is_of_everybody(*bytes)) continue;
    add_once(addresses, address, [](const std::string& a, const std::string& b) { return bytes_of(a) == bytes_of(b); });
  }
  return addresses;
}

std::vector<std::string> uuids_to_find(const Machine& machine) {
  std::vector<std::string> uuids;
  for (const std::string& uuid : {machine.bios_uuid, machine.identity.instance_uuid})
    if (!normal_uuid(uuid).empty()) add_once(uuids, folded(uuid));
  return uuids;
}

std::vector<std::string> dns_names_to_find(const Machine& machine) {
  std::vector<std::string> names;
  for (const std::string& typed : names_to_find(machine)) {
    const std::string name = without_root(typed);
    const bool fits = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string::npos;
    if (fits && name.size() <= 253 && !name.starts_with('.') && name.find("..") == std::string::npos && !bytes_of(name))
      add_once(names, name);
  }
  return names;
}

std::vector<std::string> macs_to_find(const Machine& machine) {
  std::vector<std::string> macs;
  for (const std::string& mac : machine.mac_addresses)
    if (!normal_mac(mac).empty()) add_once(macs, folded(mac));
  return macs;
}

void weigh(const Machine& machine, const Testimony& said, Record& record) {
  const Testimony testimony = sorted(said);
  const bool trusted = machine.power != PowerState::off;
  const std::string guest = trusted ? without_root(machine.guest_host_name) : std::string{};
  weigh_names(machine, guest, testimony, record);
  weigh_addresses(machine, trusted, testimony, record);
  weigh_uuids(machine, testimony, record);
  weigh_macs(machine, testimony, record);
  weigh_morefs(machine, testimony, record);
  for (const std::string& name : testimony.names) {
    add_once(record.bears, name);
    add_once(record.bears, first_label(name));
  }
  for (const std::string& address : testimony.addresses)
    if (bytes_of(address)) add_once(record.bears, address.substr(0, address.find_first_of("/%")));
}

}  // namespace decom
