#include "daemon/inventory/fields.hpp"

#include <algorithm>
#include <array>

#include "common/base/text.hpp"

namespace decom::inventory {
namespace {

using enum FieldKind;

constexpr std::array kFields{
    FieldInfo{Field::name, "name", "vm", text, "name in vSphere: name:web01, name:web*"},
    FieldInfo{Field::host, "host", "hostname dns", text,
              "host name that the guest reports, or its first label: host:web01"},
    FieldInfo{Field::ip, "ip", "address addr", address,
              "address or network: ip:10.1.2.3, ip:10.1.0.0/16, ip:fd00::/8, ip:10.1.*"},
    FieldInfo{Field::os, "os", "family", family,
              "windows, linux, other or ambiguous, or part of the full name: os:\"Server 2019\""},
    FieldInfo{Field::power, "power", "state", FieldKind::power, "on, off, suspended or unknown"},
    FieldInfo{Field::vcenter, "vcenter", "vc", text, "configured name of the vCenter"},
    FieldInfo{Field::datacenter, "datacenter", "dc", text, "name of the datacenter"},
    FieldInfo{Field::cluster, "cluster", "", text, "name of the cluster, or of the host where it stands alone"},
    FieldInfo{Field::folder, "folder", "path", text, "this folder or one below it: folder:Prod/Web, folder:*/Old"},
    FieldInfo{Field::pool, "pool", "resource_pool", text, "name of the resource pool"},
    FieldInfo{Field::esx, "esx", "esxi hypervisor", text, "ESXi host that runs it, or its first label"},
    FieldInfo{Field::tag, "tag", "tags", text, "tag, or category:tag: tag:prod, tag:env:prod"},
    FieldInfo{Field::owner, "owner", "", text, "custom attribute 'owner'"},
    FieldInfo{Field::attr, "attr.KEY", "", text, "custom attribute KEY: attr.ticket:CHG*, attr.\"Cost centre\":4711"},
    FieldInfo{Field::snapshot, "snapshot", "snapshots", count,
              "yes, no, how many, or a name: snapshot:>2, snapshot:before*"},
    FieldInfo{Field::uuid, "uuid", "", FieldKind::uuid, "instance or BIOS UUID, or its beginning"},
    FieldInfo{Field::moref, "moref", "", text, "managed object reference: moref:vm-123"},
    FieldInfo{Field::id, "id", "", text, "vCenter and reference: id:lab:vm-123"},
    FieldInfo{Field::created, "created", "", time,
              "date, or an age: created:<2024-01-01, created:>90d is older than 90 days"},
    FieldInfo{Field::booted, "booted", "boot", time, "date, or an age: booted:>1y is longer ago than a year"},
    FieldInfo{Field::cpu, "cpu", "cpus", count, "number of virtual CPUs: cpu:>=8"},
    FieldInfo{Field::memory, "memory", "mem ram", size, "memory, in GB without a unit: memory:>16, memory:512MB"},
    FieldInfo{Field::template_, "template", "", yes_no, "yes or no"},
    FieldInfo{Field::tools, "tools", "", text, "state of the guest tools: tools:running, tools:not_running"},
    FieldInfo{Field::managed, "managed", "managed_by", text, "yes, no, or by whom: managed:com.vmware.*"},
    FieldInfo{Field::annotation, "annotation", "note notes", text, "part of the notes: annotation:\"do not delete\""},
    FieldInfo{Field::guest, "guest", "guest_id", text, "part of the guest's full name or id: guest:rhel9"}};

constexpr std::array<std::string_view, 2> kAttributePrefixes{"attr.", "attribute."};

}  // namespace

std::span<const FieldInfo> all_fields() { return kFields; }

const FieldInfo& info(Field field) { return *std::ranges::find(kFields, field, &FieldInfo::field); }

std::optional<FieldName> field_named(std::string_view name) {
  const std::string wanted = folded(name);
  for (const std::string_view prefix : kAttributePrefixes)
    if (wanted.starts_with(prefix) && wanted.size() > prefix.size())
      return FieldName{Field::attr, wanted.substr(prefix.size())};
  for (const FieldInfo& field : kFields) {
    if (field.field == Field::attr) continue;
    if (field.name == wanted) return FieldName{field.field, {}};
    for (const std::string& alias : split(field.aliases, ' '))
      if (!alias.empty() && alias == wanted) return FieldName{field.field, {}};
  }
  return std::nullopt;
}

std::string nearest_fields(std::string_view name) {
  std::vector<std::string> names;
  for (const FieldInfo& field : kFields) {
    names.emplace_back(field.name);
    for (const std::string& alias : split(field.aliases, ' '))
      if (!alias.empty()) names.push_back(alias);
  }
  std::vector<std::string> found;
  for (const std::string& near : nearest(name, names)) {
    const auto field = field_named(near);
    std::string canonical(field ? info(field->field).name : std::string_view(near));
    if (std::ranges::find(found, canonical) == found.end()) found.push_back(std::move(canonical));
  }
  return join(found, ", ");
}

}  // namespace decom::inventory
