#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/api/wire_type.hpp"
#include "common/base/json.hpp"

namespace decom::api {

/// GET /v1/events?since=N&request=…&machine=… as text/event-stream or application/x-ndjson, by Accept.
struct Event {
  std::int64_t seq = 0;
  std::string at;
  std::optional<std::int64_t> request;
  std::optional<std::string> decommission;  ///< "17.3"
  std::optional<std::string> step;          ///< its name
  std::string kind;                         ///< "step.finished"
  std::string level;                        ///< info, warning, error
  std::string text;
  nlohmann::json data = nlohmann::json::object();
};
DECOM_WIRE_TYPE(Event)

}  // namespace decom::api
