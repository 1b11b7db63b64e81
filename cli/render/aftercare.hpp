#pragma once

#include <string>

#include "common/api/requests.hpp"

namespace decom::cli {

/// Something that fell due after the end was done, or tried.
bool aftercare_begun(const api::Decommission& machine);

/// A look after the end found records of it.
bool has_returned(const api::Step& step);

/// "1h nothing came back, 1d 1 record came back (icinga), 7d on 2026-03-08 09:15"; empty where nothing falls due.
std::string looked_again(const api::Decommission& machine);

/// What was left behind for as long as it lasted: "silence: downtime removed"; empty where there is none.
std::string lifted(const api::Decommission& machine);

}  // namespace decom::cli
