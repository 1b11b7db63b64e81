#include "daemon/vsphere/machine_reader.hpp"

#include <optional>

#include "daemon/vsphere/places.hpp"

namespace decom::vsphere {

Machine read_machine(Session& session, Tags& tags, const std::string& moref) {
  const auto service = session.service();
  // From the machine to all that its names come from, in one call: facts of one moment.
  FilterSpec filter{.properties = Places::properties(), .objects = {{.object = machine_ref(moref)}}};
  filter.properties.push_back({"VirtualMachine", machine_paths(*service)});
  filter.objects.front().steps = {
      {.name = "up", .type = "ManagedEntity", .path = "parent", .then = {"up", "inFolder"}},
      {.name = "onHost", .type = "VirtualMachine", .path = "runtime.host", .then = {"up"}},
      {.name = "inPool", .type = "VirtualMachine", .path = "resourcePool", .then = {"up", "inFolder"}},
      {.name = "inVApp", .type = "VirtualMachine", .path = "parentVApp", .then = {"up", "inFolder"}},
      {.name = "inFolder", .type = "VirtualApp", .path = "parentFolder", .then = {"up"}}};
  if (!service->custom_fields.empty()) {
    filter.properties.push_back({"CustomFieldsManager", {"field"}});
    filter.objects.push_back({.object = service->custom_fields});
  }
  Places places;
  FieldNames fields;
  std::optional<Machine> machine;
  MachineLinks links;
  retrieve(session, filter, {.what = "read machine " + moref}, [&](const ObjectFacts& facts) {
    if (facts.ref.type == "VirtualMachine") {
      if (facts.ref.value != moref) return;
      if (facts.values.empty() && facts.denied)
        throw Error{ErrorCode::denied, "cannot read machine {}: the right to do this is missing", moref};
      if (facts.values.empty()) return;
      machine = machine_of(facts, {});
      links = links_of(facts);
    } else if (facts.ref.type == "CustomFieldsManager") {
      fields = field_names(facts["field"]);
    } else {
      places.put(facts);
    }
  });
  if (!machine) throw Error{ErrorCode::gone, "cannot read machine {}: vCenter does not show it", moref};
  // Attributes came as "#101"; their names come in another object of the same answer.
  std::map<std::string, std::string> named;
  for (auto& [key, value] : machine->attributes) {
    const auto name = fields.find(std::strtoll(key.c_str() + 1, nullptr, 10));
    named[name == fields.end() ? key : name->second] = std::move(value);
  }
  machine->attributes = std::move(named);
  places.name(*machine, links);
  machine->identity.vcenter_uuid = service->about.instance_uuid;
  machine->vcenter = session.options().name;
  machine->tags = tags.of({moref})[moref];
  return std::move(*machine);
}

}  // namespace decom::vsphere
