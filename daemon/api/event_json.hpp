#pragma once

#include <string>

#include "common/api/events.hpp"
#include "daemon/domain/event.hpp"

namespace decom {

/// The event as the API shows it.
api::Event to_wire(const Event& event);

/// One line of JSON, without a line end: what both kinds of event stream carry.
std::string encode_event(const Event& event);

}  // namespace decom
