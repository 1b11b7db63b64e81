#include "daemon/engine/preview.hpp"

#include <algorithm>

#include "common/base/error.hpp"

namespace decom {
namespace {

class Rehearsal final : public StepContext {
 public:
  Rehearsal(EngineRoom& room, const PlannedMachine& planned, const PlanStep& step, const RequestOptions& options)
      : room_(room),
        planned_(planned),
        step_(step),
        options_(options),
        deadline_(room.clock.steady() + std::min(room.registry.deadline(step), room.options.preview_within)),
        now_(room.clock.now()) {}

  const Machine& machine() const override { return planned_.machine; }
  const PlanStep& step() const override { return step_; }
  const RequestOptions& options() const override { return options_; }
  const Plan& plan() const override { return planned_.plan; }
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

}  // namespace

std::vector<StepPreview> preview_plan(EngineRoom& room, const PlannedMachine& planned, const RequestOptions& options) {
  std::vector<StepPreview> previews;
  for (const PlanStep& step : planned.plan.steps) {
    StepPreview preview{.step = step, .observation = "skipped", .text = step.why, .records = {}};
    if (!step.skipped) {
      try {
        Rehearsal rehearsal(room, planned, step, options);
        const Observation seen = room.registry.make(step)->observe(rehearsal);
        preview.observation = std::string(kind_of(seen));
        preview.text = text_of(seen);
        preview.records = rehearsal.take_seen();
      } catch (const Error& e) {
        preview.observation = "unread";
        preview.text = e.what();
      }
    }
    previews.push_back(std::move(preview));
  }
  return previews;
}

}  // namespace decom
