#pragma once

#include <string>

#include "common/api/optional.hpp"

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
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Event, seq, at, request, decommission, step, kind, level, text, data)

}  // namespace decom::api
