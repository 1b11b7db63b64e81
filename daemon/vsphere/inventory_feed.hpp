#pragma once

#include <functional>
#include <stop_token>

#include "daemon/vsphere/session.hpp"
#include "daemon/vsphere/vcenter.hpp"

namespace decom::vsphere {

class InventoryFeed {
 public:
  explicit InventoryFeed(Session& session);
  ~InventoryFeed();
  void follow(const std::stop_token& stop, const std::function<void(InventoryChange)>& apply,
              const std::function<void()>& alive);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace decom::vsphere
