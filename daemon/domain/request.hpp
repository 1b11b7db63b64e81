#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/domain/aftercare.hpp"
#include "daemon/domain/machine.hpp"
#include "daemon/domain/plan.hpp"
#include "daemon/domain/states.hpp"

namespace decom {

/// What a person may say beside the machines.
struct RequestOptions {
  std::string reason;
  std::string ticket;
  std::chrono::milliseconds shutdown_timeout = std::chrono::minutes{5};
  bool guest_shutdown = true;     ///< false: power off at once
  std::vector<std::string> skip;  ///< names of steps
  std::optional<Timestamp> not_before;
  bool records_only = false;  ///< of machines that are gone: what other systems still hold of them

  bool operator==(const RequestOptions&) const = default;
};

/// One machine with its frozen facts and its frozen plan: what was shown to the person.
struct PlannedMachine {
  Machine machine;
  Plan plan;
};

struct Step {
  std::int64_t id = 0;
  int ordinal = 0;  ///< index in the plan, from 0
  std::string name;
  std::string kind;
  bool irreversible = false;
  StepState state = StepState::pending;
  std::string message;  ///< what it says of its outcome, for people
  int attempts = 0;
  std::optional<Timestamp> not_before;
  std::optional<Timestamp> started;
  std::optional<Timestamp> finished;
  std::vector<Aftercare> aftercare = {};  ///< what falls, or fell, due after the end, in that order
};

/// One machine of a request.
struct Decommission {
  std::int64_t id = 0;
  std::int64_t request = 0;
  int ordinal = 0;  ///< from 1: machine 17.3
  Machine machine;
  Plan plan;
  std::string plan_hash;
  DecommissionState state = DecommissionState::queued;
  std::string reason;  ///< why it is holding, failed, cancelled or in need of attention
  std::optional<Timestamp> not_before;
  bool cancel_requested = false;
  int warnings = 0;
  Timestamp created{};
  std::optional<Timestamp> started;
  std::optional<Timestamp> finished;
  std::vector<Step> steps;
};

struct Request {
  std::int64_t id = 0;
  Timestamp created{};
  std::string requester_sid;
  std::string requester;  ///< "CORP\\alice"
  std::string requester_sam;
  std::string requester_upn;
  std::string requester_domain;
  std::uint32_t uid = 0;
  RequestOptions options;
  std::vector<Decommission> decommissions;
};

/// What a request as a whole is, from its machines: running while any is alive; else the worst of them
/// (needs_attention > failed > cancelled > succeeded).
DecommissionState state_of_request(const std::vector<DecommissionState>& machines);

}  // namespace decom
