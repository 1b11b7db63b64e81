#pragma once

#include "common/api/vms.hpp"

namespace decom::api {

struct KindOfStep {
  std::string kind;  ///< "vsphere.destroy"
  std::string summary;
  bool irreversible = false;
  bool removes_records = false;  ///< works on a configured system
};
DECOM_WIRE_TYPE(KindOfStep)

/// A configured system of records.
struct SystemOfRecords {
  std::string name;
  std::string kind;
  std::string summary;
  std::string source;  ///< its file
  std::int64_t deadline_ms = 0;
  std::vector<std::string> after;
  std::string on_failure;
  std::string unverified;  ///< what nobody has tried yet; usually empty
};
DECOM_WIRE_TYPE(SystemOfRecords)

/// GET /v1/steps
struct Steps {
  std::vector<KindOfStep> kinds;
  std::vector<SystemOfRecords> systems;
};
DECOM_WIRE_TYPE(Steps)

/// POST /v1/steps/test
struct StepsTestBody {
  std::vector<std::string> systems;  ///< none: all of them
  std::int64_t timeout_ms = 0;       ///< 0: the deadline of each
};
DECOM_WIRE_TYPE(StepsTestBody)

struct SystemTest {
  std::string system;
  std::string kind;
  bool ok = false;
  std::optional<std::string> code;  ///< of what went wrong
  std::string text;                 ///< what was seen, or what went wrong
  std::int64_t elapsed_ms = 0;
};
DECOM_WIRE_TYPE(SystemTest)

struct StepsTestAnswer {
  std::vector<SystemTest> items;
};
DECOM_WIRE_TYPE(StepsTestAnswer)

}  // namespace decom::api
