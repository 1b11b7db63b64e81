#pragma once

#include "common/api/vms.hpp"

namespace decom::api {

/// A machine that is gone already, by what is remembered of it.
struct Ghost {
  std::string name;
  std::string host;
  std::vector<std::string> addresses;
  std::string uuid;
};
DECOM_WIRE_TYPE(Ghost)

/// POST /v1/records: machines of the mirror, by id or unique name, or a ghost; any of its facts makes one.
struct RecordsBody {
  std::vector<std::string> machines;
  Ghost ghost;
  std::vector<std::string> systems;  ///< none: all of them
  std::int64_t timeout_ms = 0;       ///< 0: the deadline of each system
};
DECOM_WIRE_TYPE(RecordsBody)

struct FoundRecord {
  std::string id;
  std::string what;
  std::string state;                 ///< proven, unproven, foreign, forbidden
  std::vector<std::string> facts;    ///< that agree with the machine
  std::vector<std::string> against;  ///< that speak against it
  std::string forbidden;             ///< why it is not removed although it is proven; usually empty
  std::string effect = "remove";     ///< what a step does to it: "remove", "disable", "move"
  std::string done;                  ///< that nothing is left to do: "is disabled"; usually empty
};
DECOM_WIRE_TYPE(FoundRecord)

struct SystemRecords {
  std::string system;
  std::string kind;
  std::string state;  ///< found, none, unread
  std::vector<FoundRecord> records;
  std::optional<std::string> code;  ///< of unread
  std::string text;                 ///< of unread: why
  std::int64_t elapsed_ms = 0;
};
DECOM_WIRE_TYPE(SystemRecords)

struct MachineRecords {
  std::optional<std::string> id;  ///< null: a ghost
  std::string name;
  std::optional<std::string> retired = {};  ///< when a request saw its end; null while it is there, and of a ghost
  std::vector<SystemRecords> systems;
};
DECOM_WIRE_TYPE(MachineRecords)

struct RecordsAnswer {
  std::vector<MachineRecords> items;
};
DECOM_WIRE_TYPE(RecordsAnswer)

}  // namespace decom::api
