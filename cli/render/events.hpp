#pragma once

#include <string>

#include "cli/render/style.hpp"
#include "common/api/events.hpp"

namespace decom::cli {

/// One event as one line, without its end: time, machine and step, the level where it matters, text.
std::string event_line(const api::Event& event, const Style& style);
/// The percentage of a step.progress event; -1 for others.
int percent_of(const api::Event& event);
/// What it says beyond machine and step, whose names its text begins with. As it came: not escaped.
std::string saying_of(const api::Event& event);

}  // namespace decom::cli
