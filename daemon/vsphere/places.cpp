#include "daemon/vsphere/places.hpp"

#include <algorithm>

#include "common/base/text.hpp"

namespace decom::vsphere {
namespace {

// A circle of parents would be vCenter's mistake; it must not hang us.
constexpr int kMostParents = 64;

}  // namespace

MachineLinks links_of(const ObjectFacts& facts) {
  return {facts.text("parent"), facts.text("parentVApp"), facts.text("runtime.host"), facts.text("resourcePool")};
}

std::string decoded_name(std::string name) {
  std::size_t at = 0;
  while ((at = name.find('%', at)) != std::string::npos) {
    const std::string code = folded(std::string_view(name).substr(at, 3));
    const char plain = code == "%2f" ? '/' : code == "%5c" ? '\\' : code == "%25" ? '%' : '\0';
    if (plain != '\0') name.replace(at, 3, 1, plain);
    ++at;
  }
  return name;
}

std::vector<PropertySet> Places::properties() {
  return {{"Folder", {"name", "parent"}},
          {"Datacenter", {"name", "parent"}},
          {"ComputeResource", {"name", "parent"}},
          {"ClusterComputeResource", {"name", "parent"}},
          {"HostSystem", {"name", "parent"}},
          {"ResourcePool", {"name", "parent"}},
          {"VirtualApp", {"name", "parent", "parentFolder"}}};
}

bool Places::put(const ObjectFacts& facts, bool partly) {
  Place& place = places_[facts.ref.value];
  const Place before = place;
  if (!partly) place = {};
  place.type = facts.ref.type;
  for (const auto& [path, value] : facts.values) {
    if (path == "name") place.name = text_of(value);
    if (path == "parent") place.parent = text_of(value);
    if (path == "parentFolder") place.folder = text_of(value);
  }
  return !(place == before);
}

bool Places::remove(const std::string& moref) { return places_.erase(moref) > 0; }

const Places::Place* Places::find(const std::string& moref) const {
  const auto found = places_.find(moref);
  return found == places_.end() ? nullptr : &found->second;
}

const std::string& Places::first_folder(const MachineLinks& links) const {
  if (!links.folder.empty()) return links.folder;
  const std::string* vapp = &links.vapp;
  for (int i = 0; i < kMostParents; ++i) {  // vApps lie in vApps; the outermost one lies in a folder
    const Place* const place = find(*vapp);
    if (place == nullptr) break;
    if (!place->folder.empty()) return place->folder;
    vapp = &place->parent;
  }
  return links.folder;
}

bool Places::knows_all_of(const MachineLinks& links) const {
  for (const auto* start : {&first_folder(links), &links.host, &links.pool}) {
    const std::string* at = start;
    for (int i = 0; i < kMostParents && !at->empty(); ++i) {
      const Place* const place = find(*at);
      if (place == nullptr) return false;
      at = &place->parent;
    }
  }
  return true;
}

void Places::name(Machine& machine, const MachineLinks& links) const {
  std::vector<std::string> folders;
  const std::string* at = &first_folder(links);
  for (int i = 0; i < kMostParents; ++i) {
    const Place* const place = find(*at);
    if (place == nullptr) break;
    if (place->type == "Datacenter") {
      machine.datacenter = decoded_name(place->name);
      if (!folders.empty()) folders.pop_back();  // the datacenter's own "vm" folder, which everything is in
      break;
    }
    folders.push_back(place->name);
    at = &place->parent;
  }
  std::ranges::reverse(folders);
  machine.folder = join(folders, "/");
  if (const Place* const host = find(links.host)) {
    machine.host = decoded_name(host->name);
    const Place* const owner = find(host->parent);
    machine.cluster =
        owner != nullptr && owner->type == "ClusterComputeResource" ? decoded_name(owner->name) : machine.host;
  }
  if (const Place* const pool = find(links.pool)) machine.resource_pool = decoded_name(pool->name);
}

bool Places::passes(const MachineLinks& links, const std::vector<std::string>& morefs) const {
  const auto named = [&](const std::string& moref) { return std::ranges::find(morefs, moref) != morefs.end(); };
  for (const auto* start : {&first_folder(links), &links.vapp, &links.host, &links.pool}) {
    const std::string* at = start;
    for (int i = 0; i < kMostParents && !at->empty(); ++i) {
      if (named(*at)) return true;
      const Place* const place = find(*at);
      if (place == nullptr) break;
      at = &place->parent;
    }
  }
  return false;
}

}  // namespace decom::vsphere
