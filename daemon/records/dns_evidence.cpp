#include "daemon/records/dns_evidence.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/glob.hpp"
#include "common/base/text.hpp"

namespace decom::dns {
namespace {

template <typename T>
void add_once(std::vector<T>& all, const T& one) {
  if (std::ranges::find(all, one) == all.end()) all.push_back(one);
}

/// A name that a host may have: no underscore in front, which belongs to services (RFC 8552), and no '/'.
bool is_host(const Name& name) { return name.text()[0] != '_' && name.text().find('/') == std::string::npos; }

bool matches(const std::string& pattern, const Name& name) {
  const std::string bare = name.bare();
  const std::string wanted = pattern.ends_with('.') ? pattern.substr(0, pattern.size() - 1) : pattern;
  return matches_glob(wanted, wanted.find('.') == std::string::npos ? bare.substr(0, bare.find('.')) : bare);
}

/// The address that a name of a reverse zone stands for, where it is one of these.
std::string address_of(const Name& reverse, const Bearer& bearer) {
  for (const std::string& address : bearer.addresses) {
    const Name whole = reverse_name(address);
    if (whole == reverse) return address;
    // RFC 2317: "1.0/26.2.0.10.in-addr.arpa." stands for 1.2.0.10.in-addr.arpa.
    const std::string &text = reverse.text(), &other = whole.text();
    const std::size_t first = text.find('.'), second = text.find('.', first + 1);
    if (second == std::string::npos || other.find(':') != std::string::npos) continue;
    if (text.find('/') < second && text.substr(0, first) + text.substr(second) == other) return address;
  }
  return {};
}

class Judge {
 public:
  Judge(const Rr& rr, const Bearer& bearer, const AddressesOf& addresses_of)
      : rr_(rr), bearer_(bearer), addresses_of_(addresses_of) {}

  Record judged() {
    record_.id = rr_.id();
    record_.what = fmt::format("{} {} {}", to_string(rr_.type), bare(rr_.owner), value());
    record_.before = rr_.text();
    switch (rr_.type) {
      case RrType::A:
      case RrType::AAAA: address(); break;
      case RrType::PTR: pointer(); break;
      case RrType::CNAME: alias(); break;
      case RrType::TXT:
      case RrType::SSHFP:
      case RrType::DHCID:
        bears(rr_.owner);
        if (owner_is_its()) only_its_addresses(rr_.owner, "that name");
        break;
      case RrType::SRV: service(); break;
      case RrType::SOA:
      case RrType::NS: record_.against.emplace_back("it belongs to a zone, not to a machine"); break;
    }
    return std::move(record_);
  }

 private:
  static std::string bare(const Name& name) { return name.bare(); }

  std::string value() const {
    return rr_.type == RrType::PTR || rr_.type == RrType::CNAME ? bare(rr_.target()) : rr_.data;
  }

  /// A new VM may be known by its short name alone until its guest reports the whole one.
  void bears(const Name& name) {
    const std::string whole = bare(name);
    add_once(record_.bears, whole);
    if (bearer_.has(name)) add_once(record_.bears, whole.substr(0, whole.find('.')));
  }

  bool owner_is_its() {
    if (bearer_.has(rr_.owner)) {
      record_.facts.push_back("name " + bare(rr_.owner));
      return true;
    }
    record_.against.push_back("its name is another: " + bare(rr_.owner));
    return false;
  }

  void address() {
    bears(rr_.owner);
    record_.bears.push_back(rr_.data);
    owner_is_its();
    if (bearer_.has(rr_.data)) {
      record_.facts.push_back("address " + rr_.data);
    } else if (!bearer_.addresses.empty()) {
      record_.against.push_back("its address is another: " + rr_.data);
    }
  }

  void pointer() {
    bears(rr_.target());
    const std::string address = address_of(rr_.owner, bearer_);
    if (address.empty()) {
      record_.against.emplace_back("its address is another");
    } else {
      record_.bears.push_back(address);
      record_.facts.push_back("address " + address);
    }
    if (bearer_.has(rr_.target())) {
      record_.facts.push_back("name " + bare(rr_.target()));
    } else {
      record_.against.push_back("it leads to another name: " + bare(rr_.target()));
    }
  }

  void alias() {
    bears(rr_.owner);
    bears(rr_.target());
    if (bearer_.has(rr_.owner)) record_.facts.push_back("name " + bare(rr_.owner));
    if (!bearer_.has(rr_.target())) {
      record_.against.push_back("it leads to another name: " + bare(rr_.target()));
      return;
    }
    // An alias whose own name is the machine's too still has one fact alone, as names are all that speaks so far.
    record_.facts = {"leads to " + bare(rr_.target())};
    only_its_addresses(rr_.target(), "the name it leads to");
  }

  void service() {
    bears(rr_.target());
    if (bearer_.has(rr_.target()))
      record_.facts.push_back("leads to " + bare(rr_.target()));
    else
      record_.against.push_back("it leads to another name: " + bare(rr_.target()));
    record_.against.emplace_back("it is a service's, to be removed by whoever runs that service");
  }

  /// A fact where `name` has addresses and all are the machine's; evidence against where one is another's.
  void only_its_addresses(const Name& name, std::string_view whose) {
    const std::vector<std::string> addresses = addresses_of_(name);
    for (const std::string& address : addresses) {
      add_once(record_.bears, address);
      if (!bearer_.has(address))
        record_.against.push_back(fmt::format("{} has another address too: {}", whose, address));
    }
    if (!addresses.empty() && record_.against.empty()) record_.facts.push_back("address " + addresses.front());
  }

  const Rr& rr_;
  const Bearer& bearer_;
  const AddressesOf& addresses_of_;
  Record record_;
};

}  // namespace

bool Bearer::has(const Name& name) const { return std::ranges::find(names, name) != names.end(); }
bool Bearer::has(const std::string& address) const { return std::ranges::find(addresses, address) != addresses.end(); }

bool is_reverse(const Name& zone) {
  return zone.text().ends_with("in-addr.arpa.") || zone.text().ends_with("ip6.arpa.");
}

Bearer bearer_of(const Machine& machine, const std::vector<Name>& zones) {
  Bearer bearer;
  for (const std::string& known : {machine.name, machine.guest_host_name}) {
    const auto name = Name::parse(trimmed(known));
    if (!name || !is_host(*name)) continue;
    if (name->bare().find('.') != std::string::npos) {
      if (const Name* zone = zone_of(*name, zones); zone != nullptr && !is_reverse(*zone))
        add_once(bearer.names, *name);
      continue;
    }
    for (const Name& zone : zones) {
      const auto whole = is_reverse(zone) ? std::nullopt : Name::below(name->bare(), zone);
      if (whole) add_once(bearer.names, *whole);
    }
  }
  for (const std::string& text : machine.ip_addresses)
    if (const auto address = machine_address(text)) add_once(bearer.addresses, *address);
  return bearer;
}

std::string Protected::why(const Rr& rr) const {
  std::vector<Name> named{rr.owner};
  if (rr.type == RrType::PTR || rr.type == RrType::CNAME || rr.type == RrType::SRV) named.push_back(rr.target());
  for (const Name& name : named) {
    if (std::ranges::find(zones, name) != zones.end()) return fmt::format("{} is a zone itself", name.bare());
    if (std::ranges::find(servers, name) != servers.end())
      return fmt::format("{} is a name server of its zone", name.bare());
    for (const std::string& pattern : never)
      if (matches(pattern, name)) return fmt::format("{} must never be touched (never = \"{}\")", name.bare(), pattern);
  }
  return {};
}

Record judge(const Rr& rr, const Bearer& bearer, const Protected& kept, const AddressesOf& addresses_of) {
  Record record = Judge{rr, bearer, addresses_of}.judged();
  record.forbidden = kept.why(rr);
  return record;
}

}  // namespace decom::dns
