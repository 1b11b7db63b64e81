#include "daemon/inventory/inventory.hpp"
#include "daemon/inventory/mirror_feed.hpp"

namespace decom {
namespace {

class VcenterFeed final : public MirrorFeed {
 public:
  explicit VcenterFeed(Vcenter& vcenter) : vcenter_(vcenter) {}

  std::string name() const override { return vcenter_.options().name; }
  std::string vcenter_uuid() override { return vcenter_.about().instance_uuid; }
  void follow(const std::stop_token& stop, const std::function<void(InventoryChange)>& apply,
              const std::function<void()>& alive) override {
    vcenter_.follow_inventory(stop, apply, alive);
  }

 private:
  Vcenter& vcenter_;
};

}  // namespace

std::unique_ptr<MirrorFeed> make_feed(Vcenter& vcenter) { return std::make_unique<VcenterFeed>(vcenter); }

namespace {

std::vector<std::unique_ptr<MirrorFeed>> feeds_of(VcenterPool& vcenters) {
  std::vector<std::unique_ptr<MirrorFeed>> feeds;
  for (const std::string& name : vcenters.names()) feeds.push_back(make_feed(vcenters.by_name(name)));
  return feeds;
}

}  // namespace

Inventory::Inventory(VcenterPool& vcenters, Clock& clock) : Inventory(feeds_of(vcenters), clock) {}

}  // namespace decom
