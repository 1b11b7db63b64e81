#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client/client.hpp"
#include "cli/render/style.hpp"
#include "cli/render/verb_spec.hpp"
#include "common/base/clock.hpp"

namespace CLI {
class Option;
}  // namespace CLI

namespace decom::cli {

/// Options that every verb has.
struct Settings {
  std::string socket;
  std::string timeout = "60s";
  bool no_color = false;
};

/// What a verb needs to run: the settings, the two outputs and a client.
class Context {
 public:
  Settings settings;
  /// The parsed verb, to be run after the whole command line was found to be well formed. Returns the exit code.
  std::function<int()> run;
  /// Of `search`: the text that a finding's place is in.
  std::string query;
  std::map<const CLI::Option*, ValueSpec> values;  ///< for completion

  [[nodiscard]] Client client() const;
  /// For a call whose work the daemon bounds itself: a little less than --timeout, so that its answer still arrives.
  [[nodiscard]] std::int64_t time_for_the_daemon() const;
  [[nodiscard]] Style out() const;  ///< of stdout
  [[nodiscard]] Style err() const;  ///< of stderr
  [[nodiscard]] Timestamp now() const { return system_clock().now(); }

  /// To stdout. Throws where it cannot be written: a list cut short by a full disk is no list.
  void print(std::string_view text) const;
  /// To stderr: hints, warnings, progress.
  void note(std::string_view text) const;
};

}  // namespace decom::cli
