#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "daemon/domain/request.hpp"
#include "daemon/steps/step.hpp"
#include "daemon/steps/world.hpp"

namespace decom {

/// A step's context whose intents are kept in a list. The engine's own one is tested with the engine.
class FakeContext final : public StepContext {
 public:
  struct Effect {
    CallSpec spec;
    std::string handle;
    std::string outcome = "open";
    std::string detail;
  };

  FakeContext(Clock& clock, VmOps& vms, Machine machine) : clock_(clock), vms_(vms), machine_(std::move(machine)) {
    seen.ours = clock.now();
  }

  PlanStep planned;
  RequestOptions request;
  Plan whole;
  std::stop_source stopping;
  std::stop_source shutting_down;
  Directory* directory_server = nullptr;
  LiveBearers bearers = [](const std::string&, const Identity&) { return std::vector<std::string>{}; };
  std::vector<std::string> protected_ones;
  std::vector<std::string> done;
  LastSeen seen;
  bool rehearses = false;
  std::chrono::milliseconds time = std::chrono::minutes{10};
  std::function<void()> on_effect;  ///< runs when an intent is opened
  std::deque<Effect> effects;
  std::vector<std::string> said;
  std::vector<SeenRecord> records;  ///< as `observe` said last

  const Machine& machine() const override { return machine_; }
  const PlanStep& step() const override { return planned; }
  const RequestOptions& options() const override { return request; }
  const Plan& plan() const override { return whole; }
  std::string on_behalf_of() const override { return "CORP\\alice, decom 17.3"; }
  std::string number() const override { return "17.3"; }
  Clock& clock() override { return clock_; }
  std::stop_token stop() const override { return stopping.get_token(); }
  std::stop_token shutdown() const override { return shutting_down.get_token(); }
  Clock::Steady deadline() const override { return started_ + time; }
  bool rehearsal() const override { return rehearses; }
  VmOps& vms() override { return vms_; }
  Directory& directory() override { return *directory_server; }
  std::vector<std::string> live_bearers(const std::string& name) override { return bearers(name, machine_.identity); }
  const std::vector<std::string>& protected_uuids() const override { return protected_ones; }
  bool did(const std::string& call) const override {
    for (const Effect& effect : effects)
      if (effect.spec.call == call && effect.outcome == "done") return true;
    return std::find(done.begin(), done.end(), call) != done.end();
  }
  bool did(const std::string& call, const std::string& target) const override {
    return std::ranges::any_of(effects, [&](const Effect& effect) {
      return effect.spec.call == call && effect.spec.target == target && effect.outcome == "done";
    });
  }
  LastSeen last_seen() const override { return seen; }
  std::unique_ptr<Call> effect(const CallSpec& spec) override {
    effects.push_back({.spec = spec, .handle = "", .detail = ""});
    if (on_effect) on_effect();
    return std::make_unique<Handle>(effects.back());
  }
  void saw(const std::vector<SeenRecord>& found) override { records = found; }
  void say(EventLevel, const std::string& text) override { said.push_back(text); }
  void progress(int, const std::string&) override {}

 private:
  struct Handle final : Call {
    explicit Handle(Effect& of) : effect(of) {}
    void handle(const std::string& reference) override { effect.handle = reference; }
    void done(const std::string& detail) override { close("done", detail); }
    void refused(const std::string& detail) override { close("refused", detail); }
    void not_sent(const std::string& detail) override { close("not_sent", detail); }
    void unclear(const std::string& detail) override { close("unknown", detail); }
    void close(const char* outcome, const std::string& detail) {
      if (effect.outcome != "open") throw Error{ErrorCode::internal, "closed twice"};
      effect.outcome = outcome;
      effect.detail = detail;
    }
    Effect& effect;
  };

  Clock& clock_;
  VmOps& vms_;
  Machine machine_;
  Clock::Steady started_ = clock_.steady();
};

}  // namespace decom
