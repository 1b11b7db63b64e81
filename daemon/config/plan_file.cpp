#include "daemon/config/plan_file.hpp"

#include <algorithm>

#include "common/base/text.hpp"

namespace decom {
namespace {

void read_rule(TableReader& when, MachineRule& rule) {
  std::vector<std::string> families;
  when.strings("family", families, [](const std::string& name) -> std::optional<std::string> {
    try {
      (void)os_family_from(name);
      return std::nullopt;
    } catch (const Error&) {
      return fmt::format("is '{}'; expected windows, linux, other or ambiguous", name);
    }
  });
  for (const std::string& name : families) rule.families.push_back(os_family_from(name));
  when.strings("guest_id", rule.guest_ids);
  when.strings("vcenter", rule.vcenters);
  when.strings("folder", rule.folders);
  when.strings("tag", rule.tags);
  when.strings("name", rule.names);
}

void read_step(TableReader& reader, const StepRegistry& registry, PlanTemplate& plan) {
  PlanStep step;
  reader.require("kind");
  const KindTraits* kind = nullptr;
  reader.string("kind", step.kind, [&](const std::string& name) -> std::optional<std::string> {
    kind = registry.find(name);
    if (kind != nullptr) return std::nullopt;
    std::vector<std::string> known;
    for (const KindTraits& traits : registry.all()) known.push_back(traits.name);
    return fmt::format("is '{}', which is no kind of step; known are {}", name, join(known, ", "));
  });
  step.name = step.kind.substr(step.kind.rfind('.') + 1);
  reader.string("name", step.name, [&](const std::string& name) -> std::optional<std::string> {
    const bool plain = !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
    if (!plain) return fmt::format("is '{}'; expected lower-case letters, digits, '_' and '-'", name);
    return std::nullopt;
  });
  if (std::ranges::any_of(plan.steps, [&](const PlanStep& other) { return other.name == step.name; }))
    reader.mistake("name", fmt::format("two steps are named '{}'", step.name));
  reader.strings("after", step.after, [&](const std::string& name) -> std::optional<std::string> {
    if (std::ranges::any_of(plan.steps, [&](const PlanStep& other) { return other.name == name; })) return std::nullopt;
    return fmt::format("is '{}', which is no earlier step of this plan", name);
  });
  std::string on_failure = "stop";
  reader.string("on_failure", on_failure, [](const std::string& value) -> std::optional<std::string> {
    if (value == "stop" || value == "warn") return std::nullopt;
    return fmt::format("is '{}'; expected stop or warn", value);
  });
  step.on_failure = on_failure_from(on_failure);
  reader.rest([&](const std::string& key, const std::string& value) {
    if (kind != nullptr && std::ranges::find(kind->params, key) == kind->params.end()) {
      reader.mistake(key,
                     kind->params.empty()
                         ? fmt::format("unknown key '{}': {} takes no parameters", key, kind->name)
                         : fmt::format("unknown key '{}': {} takes {}", key, kind->name, join(kind->params, ", ")));
      return;
    }
    step.params[key] = value;
  });
  if (kind != nullptr) step.irreversible = kind->irreversible;
  plan.steps.push_back(std::move(step));
}

}  // namespace

std::optional<PlanTemplate> read_plan_file(const std::filesystem::path& file, const StepRegistry& registry,
                                           Mistakes& mistakes) {
  const auto table = parse_toml_file(file, mistakes);
  if (!table) return std::nullopt;
  PlanTemplate plan{.name = file.stem().string(), .source = file.string()};
  TableReader reader(*table, "", file.string(), mistakes);
  reader.string("name", plan.name);
  reader.integer("priority", -1000, 1000, [&](std::int64_t value) { plan.priority = static_cast<int>(value); });
  reader.table("when", [&](TableReader& when) { read_rule(when, plan.rule); });
  reader.tables("step", [&](TableReader& step) { read_step(step, registry, plan); });
  if (plan.steps.empty()) mistakes.add(file.string(), "it has no [[step]]");
  return plan;
}

}  // namespace decom
