#pragma once

#include "common/api/vms.hpp"

namespace decom::api {

struct Options {
  std::string reason;
  std::string ticket;
  std::int64_t shutdown_timeout_s = 300;
  bool guest_shutdown = true;
  std::vector<std::string> skip;
  std::optional<std::string> not_before;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Options, reason, ticket, shutdown_timeout_s, guest_shutdown, skip,
                                                not_before)

/// POST /v1/plans: ids ("lab:vm-123") or names that are unique.
struct PlanBody {
  std::vector<std::string> machines;
  Options options;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(PlanBody, machines, options)

/// A record in another system, as it was when the plan was made.
struct PlannedRecord {
  std::string id;
  std::string what;
  std::vector<std::string> facts;         ///< that prove whose it is
  std::optional<std::string> left_alone;  ///< why it is not removed; null: it is
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(PlannedRecord, id, what, facts, left_alone)

struct PlannedStep {
  std::string name;
  std::string kind;
  bool irreversible = false;
  bool skipped = false;
  std::string why;
  std::optional<std::string> observation;  ///< satisfied, needed, blocked, left_alone, unknown, unread
  std::optional<std::string> text;         ///< what it saw
  std::string system;                      ///< whose records it removes: "dns-corp"; empty for other kinds
  std::vector<PlannedRecord> records;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(PlannedStep, name, kind, irreversible, skipped, why, observation, text,
                                                system, records)

struct PlannedMachine {
  Machine machine;
  std::string plan;  ///< its name: "windows"
  std::vector<PlannedStep> steps;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(PlannedMachine, machine, plan, steps)

/// What is to be shown to a person, and then accepted as it is, by id and hash.
struct Plan {
  std::string plan;  ///< id
  std::string hash;
  std::string expires;
  Options options;
  std::vector<PlannedMachine> machines;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Plan, plan, hash, expires, options, machines)

}  // namespace decom::api
