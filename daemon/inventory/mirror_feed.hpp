#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "daemon/vsphere/vcenter.hpp"

namespace decom {

/// Where a mirror learns what one vCenter has. The real one is Vcenter; tests have one with a state of its own.
class MirrorFeed {
 public:
  virtual ~MirrorFeed() = default;
  [[nodiscard]] virtual std::string name() const = 0;  ///< configured label: "lab"
  /// about.instanceUuid. Connects; throws as Vcenter does.
  virtual std::string vcenter_uuid() = 0;
  /// As Vcenter::follow_inventory: a first load in pieces, then each change, until `stop` or until it throws.
  virtual void follow(const std::stop_token& stop, const std::function<void(InventoryChange)>& apply,
                      const std::function<void()>& alive) = 0;
};

/// The real one; `vcenter` outlives it.
std::unique_ptr<MirrorFeed> make_feed(Vcenter& vcenter);

}  // namespace decom
