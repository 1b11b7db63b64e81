#pragma once

#include "common/api/vms.hpp"

namespace decom::api {

/// POST /v1/freeze and /v1/thaw
struct FreezeBody {
  std::string reason;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FreezeBody, reason)

struct Freeze {
  bool frozen = false;
  std::string who;
  std::string reason;
  std::optional<std::string> at;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Freeze, frozen, who, reason, at)

/// GET /v1/health: needs no login, tells nothing that a login would protect.
struct Health {
  std::string status;  ///< "ok", "degraded"
  std::string version;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Health, status, version)

struct Check {
  std::string name;   ///< "vcenter lab: rights"
  std::string level;  ///< ok, warning, error
  std::string text;
  std::string hint;  ///< what to do; empty when ok
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Check, name, level, text, hint)

/// GET /v1/doctor
struct Doctor {
  std::vector<Check> checks;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Doctor, checks)

}  // namespace decom::api
