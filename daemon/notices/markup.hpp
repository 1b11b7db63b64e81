#pragma once

#include <string>
#include <string_view>

#include "daemon/notices/channel_options.hpp"

namespace decom::notices {

/// A text from outside as it must be written where `markup` holds sway: shown as it is, without becoming a mention, a
/// link or a format. Control and bidirectional characters are made visible everywhere. Cut to `most` characters.
std::string written(std::string_view text, Markup markup, std::size_t most = 200);

}  // namespace decom::notices
