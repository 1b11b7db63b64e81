#include "daemon/config/plan_file.hpp"

#include <algorithm>

#include "common/base/text.hpp"
#include "daemon/config/rule_reader.hpp"
#include "daemon/steps/silence_step.hpp"

namespace decom {
namespace {

class StepReader {
 public:
  explicit StepReader(const PlanWorld& world)
      : registry_(world.registry), kinds_(world.kinds), systems_(world.systems) {}

  void read(TableReader& reader, PlanTemplate& plan) const {
    PlanStep step;
    reader.require("kind");
    reader.string("kind", step.kind, [&](const std::string& name) { return check_kind(name); });
    const auto kind = std::ranges::find(kinds_, step.kind, &RecordKind::name);
    const bool silences = step.kind == kSilenceKind;
    const bool of_records = kind != kinds_.end() && (!kind->has_default || reader.has("system"));
    const RecordDefinition* system = of_records || silences ? read_system(reader, step) : nullptr;
    step.name = system != nullptr ? system->name : step.kind.substr(step.kind.rfind('.') + 1);
    if (system != nullptr && silences) step.name = silence_step_name(system->name);
    reader.string("name", step.name, check_step_name);
    if (std::ranges::find(plan.steps, step.name, &PlanStep::name) != plan.steps.end())
      reader.mistake("name", fmt::format("two steps are named '{}'", step.name));
    reader.strings("after", step.after, [&](const std::string& name) -> std::optional<std::string> {
      if (std::ranges::find(plan.steps, name, &PlanStep::name) != plan.steps.end()) return std::nullopt;
      return fmt::format("is '{}', which is no earlier step of this plan", name);
    });
    if (silences) step.on_failure = OnFailure::warn;
    if (system != nullptr && !silences) {
      step.on_failure = system->on_failure;
      step.on_return = system->on_return;
    }
    read_on_failure(reader, step.on_failure);
    read_on_return(reader, step.on_return);
    const KindTraits* traits = registry_.find(step.kind);
    if (traits != nullptr && !traits->removes_records && reader.has("on_return"))
      reader.mistake("on_return",
                     fmt::format("'on_return' is for steps that remove records, which {} does not", step.kind));
    reader.table("when", [&](TableReader& when) { read_rule(when, plan.step_rules[step.name]); });
    read_params(reader, step);
    plan.steps.push_back(std::move(step));
  }

 private:
  [[nodiscard]] std::vector<std::string> known_kinds() const {
    std::vector<std::string> names;
    for (const KindTraits& traits : registry_.all()) names.push_back(traits.name);
    return names;
  }

  [[nodiscard]] std::optional<std::string> check_kind(const std::string& name) const {
    if (registry_.find(name) != nullptr) return std::nullopt;
    return fmt::format("is '{}', which is no kind of step; known are {}", name, join(known_kinds(), ", "));
  }

  /// The system that the step works on; null, and a mistake, where there is none such.
  const RecordDefinition* read_system(TableReader& reader, PlanStep& step) const {
    reader.require("system");
    const RecordDefinition* found = nullptr;
    const bool silences = step.kind == kSilenceKind;
    const auto fits = [&](const RecordDefinition& one) { return silences ? one.silences : one.kind == step.kind; };
    const std::string which = silences ? "with a [silence]" : "of kind " + step.kind;
    reader.string("system", step.system, [&](const std::string& name) -> std::optional<std::string> {
      const auto system = std::ranges::find(systems_, name, &RecordDefinition::name);
      if (system == systems_.end()) {
        std::vector<std::string> names;
        for (const RecordDefinition& one : systems_)
          if (fits(one)) names.push_back(one.name);
        return fmt::format("is '{}', which no file of records.d defines{}", name,
                           names.empty() ? fmt::format("; none is {}", which)
                                         : fmt::format("; {} there is {}", which, join(names, ", ")));
      }
      if (silences && !system->silences)
        return fmt::format("is '{}', which says nothing of how it is silenced: {} has no [silence]", name,
                           system->source);
      if (!fits(*system))
        return fmt::format("is '{}', which is of kind {}, not {}: {}", name, system->kind, step.kind, system->source);
      found = &*system;
      return std::nullopt;
    });
    return found;
  }

  void read_params(TableReader& reader, PlanStep& step) const {
    const KindTraits* kind = registry_.find(step.kind);
    if (kind != nullptr) step.irreversible = kind->irreversible;
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
    if (kind == nullptr || !kind->wrong_params) return;
    if (const auto wrong = kind->wrong_params(step.params))
      reader.mistake(step.params.empty() ? "kind" : step.params.begin()->first, *wrong);
  }

  const StepRegistry& registry_;
  const std::vector<RecordKind>& kinds_;
  const std::vector<RecordDefinition>& systems_;
};

}  // namespace

std::optional<PlanTemplate> read_plan_file(const std::filesystem::path& file, const PlanWorld& world,
                                           Mistakes& mistakes) {
  const auto table = parse_toml_file(file, mistakes);
  if (!table) return std::nullopt;
  PlanTemplate plan{.name = file.stem().string(), .source = file.string()};
  TableReader reader(*table, "", file.string(), mistakes);
  reader.string("name", plan.name);
  reader.integer("priority", -1000, 1000, [&](std::int64_t value) { plan.priority = static_cast<int>(value); });
  reader.table("when", [&](TableReader& when) { read_rule(when, plan.rule); });
  reader.tables("step", [&](TableReader& step) { StepReader(world).read(step, plan); });
  if (plan.steps.empty()) mistakes.add(file.string(), "it has no [[step]]");
  return plan;
}

}  // namespace decom
