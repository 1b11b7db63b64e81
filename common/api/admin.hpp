#pragma once

#include "common/api/vms.hpp"

namespace decom::api {

/// POST /v1/freeze and /v1/thaw
struct FreezeBody {
  std::string reason;
};
DECOM_WIRE_TYPE(FreezeBody)

struct Freeze {
  bool frozen = false;
  std::string who;
  std::string reason;
  std::optional<std::string> at;
};
DECOM_WIRE_TYPE(Freeze)

/// GET /v1/health: needs no login, tells nothing that a login would protect.
struct Health {
  std::string status;  ///< "ok", "degraded"
  std::string version;
};
DECOM_WIRE_TYPE(Health)

struct Check {
  std::string name;   ///< "vcenter lab: rights"
  std::string level;  ///< ok, warning, error
  std::string text;
  std::string hint;  ///< what to do; empty when ok
};
DECOM_WIRE_TYPE(Check)

/// GET /v1/doctor
struct Doctor {
  std::vector<Check> checks;
};
DECOM_WIRE_TYPE(Doctor)

}  // namespace decom::api
