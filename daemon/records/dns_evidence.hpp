#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/domain/machine.hpp"
#include "daemon/records/dns_rr.hpp"
#include "daemon/records/record.hpp"

namespace decom::dns {

/// What DNS can know a machine by.
struct Bearer {
  std::vector<Name> names;
  std::vector<std::string> addresses;

  [[nodiscard]] bool has(const Name& name) const;
  [[nodiscard]] bool has(const std::string& address) const;
};

/// The names are the VM's and the guest's: whole ones that lie in a zone, and short ones joined with every forward
/// zone. What is no host name ("web01 (old)") is none.
Bearer bearer_of(const Machine& machine, const std::vector<Name>& zones);

bool is_reverse(const Name& zone);

/// What of the zones must never be removed.
struct Protected {
  std::vector<Name> zones;
  std::vector<Name> servers;       ///< of the zones: their NS and SOA
  std::vector<std::string> never;  ///< globs; one without a dot is for the first label alone

  /// Why not, or empty.
  [[nodiscard]] std::string why(const Rr& rr) const;
};

/// The addresses that a name has by now.
using AddressesOf = std::function<std::vector<std::string>(const Name&)>;

/// What speaks for and against `rr` being the machine's.
///
/// An A or AAAA is proven by its name and its address, a PTR by its address and the name it leads to, a CNAME by the
/// name it leads to and that name's addresses, TXT, SSHFP and DHCID by their name and that name's addresses. An SRV is
/// never proven: it is a service's, and what else offers that service cannot be seen.
Record judge(const Rr& rr, const Bearer& bearer, const Protected& kept, const AddressesOf& addresses_of);

}  // namespace decom::dns
