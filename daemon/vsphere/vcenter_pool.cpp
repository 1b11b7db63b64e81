#include <map>
#include <mutex>

#include "common/base/text.hpp"
#include "daemon/vsphere/vcenter.hpp"

namespace decom {

class VcenterPool::Impl {
 public:
  struct Entry {
    std::string name;
    std::unique_ptr<Vcenter> vcenter;
  };

  /// Answers the entry's instance UUID and remembers it.
  std::string learn(const Entry& entry) {
    std::string uuid = entry.vcenter->about().instance_uuid;
    const std::lock_guard lock(mutex);
    uuids[entry.name] = uuid;
    return uuid;
  }

  std::vector<Entry> entries;  ///< as configured; never changes
  std::mutex mutex;
  std::map<std::string, std::string> uuids;  ///< by name, of those that were reached
};

VcenterPool::VcenterPool(std::vector<VcenterOptions> options, Clock& clock) : impl_(std::make_unique<Impl>()) {
  for (auto& one : options) {
    std::string name = one.name;
    impl_->entries.push_back({std::move(name), std::make_unique<Vcenter>(std::move(one), clock)});
  }
}

VcenterPool::~VcenterPool() = default;

std::vector<std::string> VcenterPool::names() const {
  std::vector<std::string> names;
  for (const auto& entry : impl_->entries) names.push_back(entry.name);
  return names;
}

Vcenter& VcenterPool::by_name(const std::string& name) {
  for (const auto& entry : impl_->entries)
    if (entry.name == name) return *entry.vcenter;
  throw Error{ErrorCode::not_found, "no vCenter is called {}", name};
}

Vcenter& VcenterPool::by_uuid(const std::string& instance_uuid) {
  const std::string wanted = folded(instance_uuid);
  {
    const std::lock_guard lock(impl_->mutex);
    for (const auto& entry : impl_->entries)
      if (const auto known = impl_->uuids.find(entry.name); known != impl_->uuids.end() && known->second == wanted)
        return *entry.vcenter;
  }
  // Ask them all, those too that were another one when we last looked: a vCenter can be replaced behind its URL.
  std::string trouble;
  for (const auto& entry : impl_->entries) {
    try {
      if (impl_->learn(entry) == wanted) return *entry.vcenter;
    } catch (const Error& error) {
      trouble += (trouble.empty() ? "" : "; ") + std::string(error.what());
    }
  }
  if (!trouble.empty())
    throw Error{ErrorCode::unreachable, "no vCenter with instance UUID {} has been reached yet: {}", wanted, trouble};
  throw Error{ErrorCode::not_found, "no configured vCenter has instance UUID {}", wanted};
}

void VcenterPool::check_distinct() {
  std::map<std::string, std::string> bearers;
  for (const auto& entry : impl_->entries) {
    const auto [first, fresh] = bearers.emplace(impl_->learn(entry), entry.name);
    if (!fresh)
      throw Error{ErrorCode::invalid, "{} and {} are the same vCenter (instance UUID {}): remove one of them",
                  first->second, entry.name, first->first};
  }
}

std::vector<std::string> VcenterPool::others_knowing(const Identity& identity) {
  std::vector<std::string> knowing;
  for (const auto& entry : impl_->entries) {
    if (impl_->learn(entry) == folded(identity.vcenter_uuid)) continue;
    if (!entry.vcenter->find_by_instance_uuid(identity.instance_uuid).empty()) knowing.push_back(entry.name);
  }
  return knowing;
}

}  // namespace decom
