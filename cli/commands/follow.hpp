#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands/context.hpp"
#include "cli/commands/verb.hpp"

namespace decom::cli {

struct Follow {
  std::vector<std::int64_t> requests;  ///< empty: everything, until Ctrl-C
  std::vector<std::string> machines;   ///< "17.3": only these; empty: all
  std::optional<std::int64_t> since;   ///< replay the journal behind this number first
  enum class Show { live, log, lines, ndjson, nothing } show = Show::live;
  bool cancelled = false;  ///< it was asked to stop: what Ctrl-C says does not call for that again
};

/// Follows until all have settled; returns the exit code by their states, or 130 after Ctrl-C, which only detaches.
/// `live` draws on a terminal and prints lines elsewhere.
int follow(Context& ctx, const Follow& what);

/// --watch, --wait and --no-wait of the verbs that start something.
struct WaitOptions {
  bool watch = false;
  bool wait = false;
  bool no_wait = false;
  void add(const Verb& verb);
  /// Follows as asked; 0 at once where nothing was asked.
  int run(Context& ctx, std::int64_t request, std::vector<std::string> machines = {}) const;
};

}  // namespace decom::cli
