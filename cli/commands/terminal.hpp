#pragma once

#include <optional>
#include <string>

#include "cli/render/style.hpp"
#include "common/base/secret.hpp"

namespace decom::cli {

/// What the terminal behind `fd` can do; nothing where it is a pipe, or TERM is dumb. NO_COLOR is respected
/// (no-color.org).
Style style_of(int fd, bool no_color);
/// A terminal on which lines can be drawn again.
bool can_redraw(int fd);

/// Asks on the controlling terminal, wherever stdin and stdout go. nullopt: there is none. Ctrl-D is an empty answer,
/// and what was typed before the question is no answer.
std::optional<std::string> ask(const std::string& prompt);
/// The same without echo. The terminal is set right again whatever happens, Ctrl-C included.
std::optional<Secret> ask_secret(const std::string& prompt);

}  // namespace decom::cli
