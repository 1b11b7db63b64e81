#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "daemon/vsphere/machine_facts.hpp"
#include "daemon/vsphere/places.hpp"
#include "daemon/vsphere/session.hpp"
#include "daemon/vsphere/tags.hpp"
#include "daemon/vsphere/vcenter.hpp"

namespace decom::vsphere {

/// The mirror's feed: two container views (VMs, and the places that name them), a filter over each, one collector, and
/// WaitForUpdatesEx from the first load on, so that there is no gap between load and changes.
///
/// What is kept of a VM is where it hangs, some tens of bytes. When vCenter says that something about VMs has changed,
/// they are read anew, all of that moment in one call, rather than pieced together: changes can name parts of arrays
/// ("config.hardware.device[4000]"), come without a value, or be merged, and a renamed folder changes machines that
/// vCenter does not mention at all.
class InventoryFeed {
 public:
  using Apply = std::function<void(InventoryChange)>;

  InventoryFeed(Session& session, Tags& tags) : session_(session), tags_(tags) {}

  /// As Vcenter::follow_inventory.
  void follow(const std::stop_token& stop, const Apply& apply, const std::function<void()>& alive);

 private:
  /// MachineLinks as numbers of `names_`.
  struct CompactLinks {
    std::uint32_t folder = 0, vapp = 0, host = 0, pool = 0;
  };

  void begin(const std::stop_token& stop);
  void destroy_leftovers();
  void read_places(const std::stop_token& stop);
  MoRef create_view(const std::vector<std::string>& types, const CallOptions& options);
  void create_filters(const CallOptions& options);
  /// False on InvalidCollectorVersion.
  bool wait(const std::stop_token& stop, const Apply& apply);
  void update(const ObjectFacts& facts, const Apply& apply);
  void refresh_tags(const std::stop_token& stop);
  void enter(const ObjectFacts& facts);
  void leave(const std::string& moref);
  void drop_entered(const std::string& moref);
  void mark_below(const std::vector<std::string>& places);
  void mark_all();
  void read_dirty(const std::stop_token& stop, const Apply& apply);
  void hand_over(const Apply& apply, bool complete);
  [[nodiscard]] std::uint32_t number_of(const std::string& moref);
  [[nodiscard]] MachineLinks links(const CompactLinks& compact) const;

  Session& session_;
  Tags& tags_;
  std::shared_ptr<const Service> service_;
  std::vector<MoRef> own_;  ///< views and collector on the server, to be destroyed
  std::uint64_t own_generation_ = 0;
  MoRef collector_, machines_view_, places_view_;
  std::string version_;

  Places places_;
  FieldNames fields_;
  TagsByMachine tagged_;
  std::chrono::steady_clock::time_point tags_read_;
  std::unordered_map<std::string, CompactLinks> machines_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t> numbers_;

  InventoryChange change_;
  std::unordered_set<std::string> waiting_;  ///< MoRefs of change_.entered
  bool loading_ = true;
  bool truncated_ = false;
  std::set<std::string> dirty_;            ///< VMs to be read anew
  std::vector<std::string> moved_places_;  ///< whose names or parents changed
};

}  // namespace decom::vsphere
