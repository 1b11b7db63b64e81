#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/domain/machine.hpp"
#include "daemon/vsphere/properties.hpp"

namespace decom::vsphere {

/// Where a VM hangs: MoRefs, empty where unset or not visible to us.
struct MachineLinks {
  std::string folder;  ///< a VM in a vApp has none
  std::string vapp;
  std::string host;
  std::string pool;
};
MachineLinks links_of(const ObjectFacts& facts);

/// Folders, datacenters, clusters, hosts and resource pools by MoRef, for the names in a machine's path.
class Places {
 public:
  struct Place {
    std::string type;
    std::string name;
    std::string parent;
    std::string folder;  ///< VirtualApp.parentFolder

    bool operator==(const Place&) const = default;
  };

  /// Types and paths that `put` reads.
  static std::vector<PropertySet> properties();

  /// Adds or replaces; true where something changed. With `partly`, what the facts do not mention stays.
  bool put(const ObjectFacts& facts, bool partly = false);
  bool remove(const std::string& moref);
  [[nodiscard]] bool knows(const std::string& moref) const { return places_.contains(moref); }
  [[nodiscard]] std::size_t size() const { return places_.size(); }
  /// Whether all that the machine hangs on is known, up to the root.
  [[nodiscard]] bool knows_all_of(const MachineLinks& links) const;
  /// Fills in folder, datacenter, cluster, host and resource pool.
  void name(Machine& machine, const MachineLinks& links) const;
  /// Whether one of `morefs` lies on the way from `links` to the root.
  [[nodiscard]] bool passes(const MachineLinks& links, const std::vector<std::string>& morefs) const;

 private:
  [[nodiscard]] const Place* find(const std::string& moref) const;
  [[nodiscard]] const std::string& first_folder(const MachineLinks& links) const;

  std::unordered_map<std::string, Place> places_;
};

/// vCenter writes '/', '\' and '%' of a name as %2f, %5c and %25.
std::string decoded_name(std::string name);

}  // namespace decom::vsphere
