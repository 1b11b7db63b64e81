#include "daemon/engine/preview.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "common/base/error.hpp"

namespace decom {
namespace {

/// The system's own, where its configuration says one: a slow one that was never read in time would keep its records.
std::chrono::milliseconds time_for_a_look(const EngineRoom& room, const PlanStep& step) {
  const auto own = step.params.find("deadline");
  return own == step.params.end() ? room.options.preview_within : parse_duration(own->second);
}

class Rehearsal final : public StepContext {
 public:
  Rehearsal(EngineRoom& room, const PlannedMachine& planned, const PlanStep& step, const RequestOptions& options)
      : room_(room),
        planned_(planned),
        step_(step),
        options_(options),
        deadline_(room.clock.steady() + std::min(room.registry.deadline(step), time_for_a_look(room, step))),
        now_(room.clock.now()) {}

  const Machine& machine() const override { return planned_.machine; }
  const PlanStep& step() const override { return step_; }
  const RequestOptions& options() const override { return options_; }
  const Plan& plan() const override { return planned_.plan; }
  std::string on_behalf_of() const override { return {}; }
  std::string number() const override { return {}; }
  Clock& clock() override { return room_.clock; }
  std::stop_token stop() const override { return shutdown(); }
  std::stop_token shutdown() const override { return room_.shutdown.get_token(); }
  Clock::Steady deadline() const override { return deadline_; }
  bool rehearsal() const override { return true; }
  VmOps& vms() override { return *room_.world.vms; }
  Directory& directory() override {
    if (room_.world.directory == nullptr) throw Error{ErrorCode::invalid, "no directory is configured"};
    return *room_.world.directory;
  }
  std::vector<std::string> live_bearers(const std::string& name_or_address) override {
    return room_.world.live_bearers(name_or_address, machine().identity);
  }
  const std::vector<std::string>& protected_uuids() const override { return room_.world.protected_uuids; }
  bool did(const std::string&) const override { return false; }
  bool did(const std::string&, const std::string&) const override { return false; }
  LastSeen last_seen() const override { return {.ours = now_, .theirs = {}}; }
  std::unique_ptr<Call> effect(const CallSpec& spec) override {
    throw Error{ErrorCode::internal, "a preview was about to send {}", spec.call};
  }
  void saw(const std::vector<SeenRecord>& records) override { seen_ = records; }
  void say(EventLevel, const std::string&) override {}
  void progress(int, const std::string&) override {}

  std::vector<SeenRecord> take_seen() { return std::move(seen_); }

 private:
  EngineRoom& room_;
  const PlannedMachine& planned_;
  const PlanStep& step_;
  const RequestOptions& options_;
  Clock::Steady deadline_;
  Timestamp now_;
  std::vector<SeenRecord> seen_;
};

/// Never throws: what goes wrong with one step is its own.
StepPreview look(EngineRoom& room, const PlannedMachine& planned, const PlanStep& step, const RequestOptions& options) {
  StepPreview preview{.step = step, .observation = "unread", .text = {}, .records = {}, .removes = {}};
  bool removes_records = false;
  try {
    removes_records = room.registry.at(step.kind).removes_records;
    Rehearsal rehearsal(room, planned, step, options);
    const Observation seen = room.registry.make(step)->observe(rehearsal);
    preview.observation = std::string(kind_of(seen));
    preview.text = text_of(seen);
    preview.records = rehearsal.take_seen();
    if (removes_records) preview.removes.emplace();
    if (const auto* needed = std::get_if<Needed>(&seen); needed != nullptr && removes_records)
      preview.removes = needed->records;
  } catch (const std::exception& e) {
    const auto* error = dynamic_cast<const Error*>(&e);
    preview.trouble = error == nullptr ? ErrorCode::internal : error->code();
    preview.why = e.what();
    preview.text = preview.why;
    if (removes_records) preview.text += "; as it cannot be read now, nothing is removed from it";
  }
  return preview;
}

}  // namespace

std::vector<StepPreview> preview_plan(EngineRoom& room, const PlannedMachine& planned, const RequestOptions& options) {
  const std::vector<PlanStep>& steps = planned.plan.steps;
  std::vector<StepPreview> previews(steps.size());
  std::vector<std::size_t> beside;  // each waits for a server of its own
  std::vector<std::size_t> in_order;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].skipped) {
      previews[i] = {.step = steps[i], .observation = "skipped", .text = steps[i].why, .records = {}, .removes = {}};
      continue;
    }
    const KindTraits* kind = room.registry.find(steps[i].kind);
    const bool has_own = !steps[i].system.empty() || (kind != nullptr && kind->removes_records);
    (has_own ? beside : in_order).push_back(i);
  }
  std::atomic<std::size_t> next = 0;
  const auto look_beside = [&] {
    for (std::size_t at = next++; at < beside.size(); at = next++)
      previews[beside[at]] = look(room, planned, steps[beside[at]], options);
  };
  std::vector<std::jthread> others;
  for (std::size_t i = 0; i < std::min(beside.size(), kMostBeside); ++i) others.emplace_back(look_beside);
  for (const std::size_t i : in_order) previews[i] = look(room, planned, steps[i], options);
  others.clear();  // joins
  return previews;
}

void freeze_records(Plan& plan, const std::vector<StepPreview>& previews) {
  for (std::size_t i = 0; i < std::min(plan.steps.size(), previews.size()); ++i)
    plan.steps[i].records = previews[i].removes;
}

}  // namespace decom
