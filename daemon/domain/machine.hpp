#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/domain/identity.hpp"
#include "daemon/domain/os_family.hpp"

namespace decom {

enum class PowerState { on, off, suspended, unknown };
std::string_view to_string(PowerState state);
PowerState power_state_from(std::string_view name);  ///< as we write it; throws `invalid`

struct Disk {
  std::string label;  ///< "Hard disk 1"
  std::int64_t capacity_bytes = 0;
  std::string backing;               ///< datastore path: "[ds1] web01/web01.vmdk"
  std::vector<std::string> parents;  ///< backing chain below it, nearest first
  bool raw_mapping = false;          ///< RDM
  bool multi_writer = false;         ///< sharing = sharingMultiWriter
  bool shared_bus = false;           ///< its controller's sharedBus is not noSharing
  bool first_class = false;          ///< FCD or CNS volume (vDiskId set)

  bool operator==(const Disk&) const = default;
};

/// Everything that vSphere says of a VM, as far as this project uses it. Frozen as JSON when a request is accepted,
/// because the guest's facts go away with the power.
struct Machine {
  Identity identity;
  std::string name;
  std::string vcenter;  ///< configured name of its vCenter: "lab"
  std::string folder;   ///< path below the datacenter's vm folder: "Prod/Web"; empty at the top
  std::string datacenter;
  std::string cluster;  ///< or the host's name where it stands alone
  std::string host;
  std::string resource_pool;
  std::string guest_id;                    ///< config.guestId: "windows2019srv_64Guest"
  std::string guest_full_name;             ///< config.guestFullName, or what the tools say while they run
  std::string tools_guest_id;              ///< guest.guestId as the tools report it; empty when they never did
  OsFamily family = OsFamily::other;       ///< from guest_id; `ambiguous` where the tools disagree
  std::string guest_host_name;             ///< guest.hostName
  std::vector<std::string> ip_addresses;   ///< all that the tools report, the primary first
  std::vector<std::string> mac_addresses;  ///< of its network cards: "00:50:56:8a:0b:1c"; none in the mirror's copy
  PowerState power = PowerState::unknown;
  std::string tools;  ///< guest.toolsRunningStatus without its prefix: "running", "not_running", …
  std::string bios_uuid;
  std::string annotation;
  std::map<std::string, std::string> attributes;  ///< custom attributes by name
  std::vector<std::string> tags;                  ///< "category:tag"
  std::int32_t cpus = 0;
  std::int64_t memory_mb = 0;
  std::vector<Disk> disks;
  std::vector<std::string> snapshots;  ///< names, oldest first
  bool is_template = false;
  std::string managed_by;  ///< "extension key/type"; empty when nobody manages it
  std::optional<Timestamp> created;
  std::optional<Timestamp> booted;

  /// "lab:vm-123", as `search -o id` prints it and `submit` takes it.
  [[nodiscard]] std::string id() const { return vcenter + ":" + identity.moref; }
  /// custom attribute "owner", whatever its case; empty when there is none
  [[nodiscard]] std::string owner() const;
  [[nodiscard]] bool tools_running() const { return tools == "running"; }

  bool operator==(const Machine&) const = default;
};

}  // namespace decom
