#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/api/wire_type.hpp"

/// The types of the HTTP API, as JSON says them; both programs use these. Times are RFC 3339 in UTC. Members are the
/// JSON's keys. `common/api/openapi.yaml` is the contract, and a test holds the daemon's answers against it.
namespace decom::api {

struct Disk {
  std::string label;
  std::int64_t capacity_bytes = 0;
  std::string backing;
};
DECOM_WIRE_TYPE(Disk)

struct Machine {
  std::string id;  ///< "lab:vm-123"
  std::string name;
  std::string vcenter;
  std::string vcenter_uuid;
  std::string moref;
  std::string instance_uuid;
  std::string bios_uuid;
  std::string power;   ///< on, off, suspended, unknown
  std::string family;  ///< windows, linux, other, ambiguous
  std::string guest_id;
  std::string guest_full_name;
  std::string host_name;  ///< as the guest says
  std::vector<std::string> ip_addresses;
  std::string tools;
  std::string folder;
  std::string datacenter;
  std::string cluster;
  std::string host;
  std::string owner;
  std::string annotation;
  std::map<std::string, std::string> attributes;
  std::vector<std::string> tags;
  std::int32_t cpus = 0;
  std::int64_t memory_mb = 0;
  std::vector<Disk> disks;
  std::vector<std::string> snapshots;
  bool is_template = false;
  std::string managed_by;
  std::optional<std::string> created;
  std::optional<std::string> booted;
};
DECOM_WIRE_TYPE(Machine)

/// How fresh the mirror of one vCenter is.
struct Mirror {
  std::string vcenter;
  bool loaded = false;
  bool connected = false;
  std::int64_t machines = 0;
  std::optional<std::string> as_of;
  std::optional<std::int64_t> age_ms;  ///< of what the answer shows
  std::string trouble;
};
DECOM_WIRE_TYPE(Mirror)

/// GET /v1/vms?q=…&sort=…&limit=…&cursor=…
struct VmPage {
  std::vector<Machine> items;
  std::int64_t total = 0;
  bool total_is_at_least = false;
  std::optional<std::string> next;  ///< cursor of the next page
  std::vector<Mirror> mirrors;
};
DECOM_WIRE_TYPE(VmPage)

/// A field of the query language: "ip", and what it is compared with.
struct VmField {
  std::string name;
  std::string text;
};
DECOM_WIRE_TYPE(VmField)

/// GET /v1/vm-fields
struct VmFields {
  std::vector<VmField> items;
};
DECOM_WIRE_TYPE(VmFields)

}  // namespace decom::api
