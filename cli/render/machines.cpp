#include "cli/render/machines.hpp"

#include <array>
#include <chrono>
#include <cmath>

#include <fmt/core.h>

#include "cli/render/table.hpp"
#include "cli/render/times.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

std::string os_of(const api::Machine& machine) {
  return machine.guest_full_name.empty() ? machine.family : machine.guest_full_name;
}

Color color_of_power(const std::string& power) {
  if (power == "on") return Color::green;
  return power == "off" ? Color::dim : Color::yellow;
}

}  // namespace

std::string bytes_text(std::int64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  const auto tenths = std::llround(value * 10);
  return tenths % 10 == 0 ? fmt::format("{} {}", tenths / 10, kUnits[unit])
                          : fmt::format("{}.{} {}", tenths / 10, tenths % 10, kUnits[unit]);
}

std::string machine_table(const std::vector<api::Machine>& machines, bool wide, const Style& style) {
  std::vector<Column> columns{{"NAME", false, Narrow::cut, 20},
                              {"ID"},
                              {"POWER"},
                              {"OS", false, Narrow::cut},
                              {"IP", false, Narrow::cut},
                              {"FOLDER", false, Narrow::cut},
                              {"OWNER", false, Narrow::cut}};
  if (wide)
    for (const char* title : {"HOSTNAME", "CLUSTER", "HOST", "TOOLS", "SNAPSHOTS", "TAGS"}) columns.push_back({title});
  Table table(columns);
  for (const api::Machine& machine : machines) {
    const std::string ip = wide || machine.ip_addresses.size() < 2
                               ? join(machine.ip_addresses, " ")
                               : fmt::format("{} +{}", machine.ip_addresses.front(), machine.ip_addresses.size() - 1);
    std::vector<Cell> row{machine.name,
                          machine.id,
                          {machine.power, color_of_power(machine.power)},
                          wide ? os_of(machine) : machine.family,
                          ip,
                          machine.folder,
                          machine.owner};
    if (wide)
      for (const std::string& value : {machine.host_name, machine.cluster, machine.host, machine.tools,
                                       std::to_string(machine.snapshots.size()), join(machine.tags, " ")})
        row.emplace_back(value);
    table.add(std::move(row));
  }
  Style uncut = style;
  if (wide) uncut.width = 0;  // who asks for all of it scrolls
  return table.text(uncut);
}

std::string machine_story(const api::Machine& machine, const Style& style) {
  Facts facts;
  facts.add("name", machine.name);
  facts.add("id", machine.id);
  facts.add("power", machine.power, color_of_power(machine.power));
  facts.add("os", os_of(machine) + (machine.guest_full_name.empty() ? "" : " (" + machine.family + ")"));
  facts.add("host name", machine.host_name);
  facts.add("addresses", join(machine.ip_addresses, " "));
  facts.add("owner", machine.owner);
  facts.add("vcenter", machine.vcenter);
  facts.add("datacenter", machine.datacenter);
  facts.add("folder", machine.folder);
  facts.add("cluster", machine.cluster);
  facts.add("host", machine.host);
  facts.add("tools", machine.tools);
  facts.add("size", fmt::format("{} CPUs, {}", machine.cpus, bytes_text(machine.memory_mb * 1024 * 1024)));
  for (const api::Disk& disk : machine.disks)
    facts.add("disk", fmt::format("{}, {} {}", disk.label, bytes_text(disk.capacity_bytes), disk.backing));
  for (const std::string& snapshot : machine.snapshots) facts.add("snapshot", snapshot, Color::yellow);
  facts.add("tags", join(machine.tags, " "));
  for (const auto& [key, value] : machine.attributes) facts.add("attr." + safe_for_terminal(key), value);
  if (machine.is_template) facts.add("template", "yes", Color::yellow);
  facts.add("managed by", machine.managed_by, Color::yellow);
  facts.add("created", local_time(machine.created));
  facts.add("booted", local_time(machine.booted));
  facts.add("instance uuid", machine.instance_uuid);
  facts.add("bios uuid", machine.bios_uuid);
  facts.add("vcenter uuid", machine.vcenter_uuid);
  for (const std::string& line : split(machine.annotation, '\n')) facts.add("note", trimmed(line));
  return facts.text(style);
}

std::string mirror_warnings(const std::vector<api::Mirror>& mirrors, const Style& style) {
  std::string text;
  for (const api::Mirror& mirror : mirrors) {
    if (mirror.loaded && mirror.connected) continue;
    std::string line = "vCenter " + mirror.vcenter;
    if (!mirror.loaded) {
      line += " has not been read yet: its machines are missing here";
    } else {
      line += " is away";
      if (mirror.age_ms)
        line += ": its machines are shown as they were " + to_text(std::chrono::milliseconds{*mirror.age_ms}) + " ago";
    }
    if (!mirror.trouble.empty()) line += " (" + mirror.trouble + ")";
    text += painted(style, Color::yellow, safe_for_terminal(line)) + "\n";
  }
  return text;
}

const std::vector<Field>& machine_fields() {
  static const std::vector<Field> fields{{"name", "name"},
                                         {"id", "id"},
                                         {"power", "power"},
                                         {"family", "family"},
                                         {"os", "guest_full_name"},
                                         {"host_name", "host_name"},
                                         {"ip_addresses", "ip_addresses"},
                                         {"owner", "owner"},
                                         {"vcenter", "vcenter"},
                                         {"datacenter", "datacenter"},
                                         {"folder", "folder"},
                                         {"cluster", "cluster"},
                                         {"host", "host"},
                                         {"cpus", "cpus"},
                                         {"memory_mb", "memory_mb"},
                                         {"tags", "tags"},
                                         {"snapshots", "snapshots"},
                                         {"created", "created"},
                                         {"instance_uuid", "instance_uuid"},
                                         {"annotation", "annotation"}};
  return fields;
}

}  // namespace decom::cli
