#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/domain/machine.hpp"
#include "daemon/records/record.hpp"

namespace decom {

/// What a record says of the machine that it is about.
struct Testimony {
  std::vector<std::string> names;
  std::vector<std::string> addresses;
  std::vector<std::string> uuids;
  std::vector<std::string> macs = {};
  std::vector<std::string> morefs = {};  ///< "vm-123", of the one vCenter below: every vCenter counts its own
  std::string vcenter_uuid = {};
};

/// Names to look for: of the VM and of its guest, whole and without domain, as written and in lower case.
std::vector<std::string> names_to_find(const Machine& machine);
/// Addresses to look for; those of a link or of the host itself belong to everybody.
std::vector<std::string> addresses_to_find(const Machine& machine);
std::vector<std::string> uuids_to_find(const Machine& machine);
/// Of its names those that can be host names (RFC 952, and with '_'), in lower case.
std::vector<std::string> dns_names_to_find(const Machine& machine);
/// MAC addresses to look for: "00:50:56:8a:0b:1c".
std::vector<std::string> macs_to_find(const Machine& machine);

/// Sets `facts`, `against` and `bears`. A port behind a name or an address is left out, and an address in the place of
/// a name is an address: monitoring says "web01:9100" or "10.0.0.1:9100" of what it asks. The VM's name, the guest's
/// whole host name, an address, a UUID, a MAC address and a managed object are one fact each, however often they
/// appear. What a guest that was off is said to have been called, or had as addresses, is no fact: others may bear it
/// by now.
void weigh(const Machine& machine, const Testimony& testimony, Record& record);

}  // namespace decom
