#include "daemon/api/event_json.hpp"

#include <fmt/format.h>

#include "common/base/json.hpp"

namespace decom {

api::Event to_wire(const Event& event) {
  api::Event wire;
  wire.seq = event.seq;
  wire.at = to_rfc3339(event.at);
  if (event.request != 0) {
    wire.request = event.request;
    if (event.machine) wire.decommission = fmt::format("{}.{}", event.request, *event.machine);
  }
  wire.step = event.step;
  wire.kind = to_string(event.kind);
  wire.level = to_string(event.level);
  wire.text = event.text;
  // Our own writer made `data`; should a hand have been at the database, the event is still shown.
  wire.data = Json::parse(event.data, nullptr, false);
  if (!wire.data.is_object()) wire.data = Json::object();
  return wire;
}

std::string encode_event(const Event& event) {
  return Json(to_wire(event)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace decom
