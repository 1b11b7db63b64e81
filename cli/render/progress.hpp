#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/render/style.hpp"
#include "common/api/events.hpp"
#include "common/api/requests.hpp"
#include "common/base/clock.hpp"

namespace decom::cli {

/// What is known of the requests that are watched: a state that was read, and each event since.
class Progress {
 public:
  /// Nothing named: all machines of it.
  explicit Progress(std::vector<std::string> only_machines = {}) : only_(std::move(only_machines)) {}

  /// As it was read just now. Events up to its `last_event` are in it already.
  void load(const api::Request& request);
  /// True when the request should be read again, since the event does not tell all.
  bool apply(const api::Event& event);

  [[nodiscard]] bool knows(std::int64_t request) const { return requests_.contains(request); }
  /// Of the machines that are watched.
  [[nodiscard]] std::vector<std::string> states() const;
  [[nodiscard]] bool is_settled() const;
  [[nodiscard]] std::string id_of_first() const;

  struct Machine {
    api::Decommission now;
    int percent = -1;  ///< of the running step
    std::vector<std::string> warnings;
  };
  struct Watched {
    api::Request request;
    std::vector<Machine> machines;
  };
  [[nodiscard]] const std::map<std::int64_t, Watched>& requests() const { return requests_; }

 private:
  [[nodiscard]] bool is_watched(const std::string& machine) const;
  std::vector<std::string> only_;
  std::map<std::int64_t, Watched> requests_;
};

/// The picture: a line a request, a line a machine with its bar, and the warnings below. Never wider than the style's
/// width; `most` lines at most, in which case those at work come first and the rest are counted.
std::vector<std::string> progress_lines(const Progress& progress, Timestamp now, const Style& style, std::size_t most);

}  // namespace decom::cli
