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
  bool records_only = false;  ///< of machines that are gone: what other systems still hold of them
};
DECOM_WIRE_TYPE(Options)

/// POST /v1/plans: ids ("lab:vm-123") or names that are unique.
struct PlanBody {
  std::vector<std::string> machines;
  Options options;
};
DECOM_WIRE_TYPE(PlanBody)

/// A record in another system, as it was when the plan was made.
struct PlannedRecord {
  std::string id;
  std::string what;
  std::vector<std::string> facts;         ///< that prove whose it is
  std::optional<std::string> left_alone;  ///< why it is left as it is; null: it is not
  std::string effect = "remove";          ///< what is done to it: "remove", "disable", "move"
};
DECOM_WIRE_TYPE(PlannedRecord)

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
DECOM_WIRE_TYPE(PlannedStep)

struct PlannedMachine {
  Machine machine;
  std::string plan;  ///< its name: "windows"
  std::vector<PlannedStep> steps;
};
DECOM_WIRE_TYPE(PlannedMachine)

/// What is to be shown to a person, and then accepted as it is, by id and hash.
struct Plan {
  std::string plan;  ///< id
  std::string hash;
  std::string expires;
  Options options;
  std::vector<PlannedMachine> machines;
};
DECOM_WIRE_TYPE(Plan)

}  // namespace decom::api
