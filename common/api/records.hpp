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
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Ghost, name, host, addresses, uuid)

/// POST /v1/records: machines of the mirror, by id or unique name, or a ghost; any of its facts makes one.
struct RecordsBody {
  std::vector<std::string> machines;
  Ghost ghost;
  std::vector<std::string> systems;  ///< none: all of them
  std::int64_t timeout_ms = 0;       ///< 0: the deadline of each system
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RecordsBody, machines, ghost, systems, timeout_ms)

struct FoundRecord {
  std::string id;
  std::string what;
  std::string state;                 ///< proven, unproven, foreign, forbidden
  std::vector<std::string> facts;    ///< that agree with the machine
  std::vector<std::string> against;  ///< that speak against it
  std::string forbidden;             ///< why it is not removed although it is proven; usually empty
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FoundRecord, id, what, state, facts, against, forbidden)

struct SystemRecords {
  std::string system;
  std::string kind;
  std::string state;  ///< found, none, unread
  std::vector<FoundRecord> records;
  std::optional<std::string> code;  ///< of unread
  std::string text;                 ///< of unread: why
  std::int64_t elapsed_ms = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SystemRecords, system, kind, state, records, code, text, elapsed_ms)

struct MachineRecords {
  std::optional<std::string> id;  ///< null: a ghost
  std::string name;
  std::vector<SystemRecords> systems;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(MachineRecords, id, name, systems)

struct RecordsAnswer {
  std::vector<MachineRecords> items;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RecordsAnswer, items)

}  // namespace decom::api
