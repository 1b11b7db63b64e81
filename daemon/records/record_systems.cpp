#include "daemon/records/record_systems.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "common/base/error.hpp"

namespace decom {
namespace {

// Accepted plans keep their definitions through every change of the configuration: more than this many of them at once
// means that old ones lie idle.
constexpr std::size_t kMost = 64;

}  // namespace

RecordSystems::RecordSystems(RecordWorld world, std::vector<RecordKind> kinds)
    : world_(std::move(world)), kinds_(std::move(kinds)) {}

std::shared_ptr<RecordSystem> RecordSystems::of(const std::string& kind, const std::string& definition) {
  const std::string key = kind + "\n" + definition;
  const std::lock_guard guard(mutex_);
  if (const auto found = made_.find(key); found != made_.end()) {
    found->second.used = ++uses_;
    return found->second.system;
  }
  auto system = make(kind, definition);
  if (made_.size() >= kMost)
    made_.erase(std::ranges::min_element(made_, {}, [](const auto& each) { return each.second.used; }));
  made_.emplace(key, Made{system, ++uses_});
  return system;
}

std::shared_ptr<RecordSystem> RecordSystems::make(const std::string& kind, const std::string& definition) const {
  const auto found = std::ranges::find(kinds_, kind, &RecordKind::name);
  if (found == kinds_.end()) throw Error{ErrorCode::invalid, "this decomd knows no kind of records '{}'", kind};
  const auto json = nlohmann::json::parse(definition, nullptr, false);
  if (!json.is_object())
    throw Error{ErrorCode::invalid, "the definition of a system of kind '{}' is no JSON object", kind};
  std::vector<Finding> mistakes;
  std::unique_ptr<RecordSystem> system;
  {
    DefinitionReader reader(json, "", mistakes);  // says what is left over when it goes
    system = found->make(reader, world_);
  }
  if (!mistakes.empty()) {
    std::string text =
        fmt::format("cannot use a definition of kind '{}': {} {}", kind, mistakes.front().where, mistakes.front().what);
    throw Error{ErrorCode::invalid, text, std::move(mistakes)};
  }
  if (!system) throw Error{ErrorCode::internal, "a definition of kind '{}' gave no system and no mistake", kind};
  return system;
}

}  // namespace decom
