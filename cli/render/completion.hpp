#pragma once

#include <string>

#include "cli/render/verb_spec.hpp"

namespace decom::cli {

/// Completion scripts, made from the verbs. Machines and requests are asked of the daemon, by `decomctl __complete`.
std::string bash_completion(const VerbSpec& program);
std::string zsh_completion(const VerbSpec& program);
std::string fish_completion(const VerbSpec& program);

}  // namespace decom::cli
