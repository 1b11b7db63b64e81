#include "cli/render/aftercare.hpp"

#include <algorithm>
#include <vector>

#include <fmt/core.h>

#include "cli/render/times.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

/// The looks of all steps that fell due together.
struct Round {
  std::string after;
  std::string due;
  int found = 0;
  bool is_done = false;                ///< at least one of them
  std::vector<std::string> returned;   ///< names of steps
  std::vector<std::string> waiting;    ///< tried, and tried again
  std::vector<std::string> untouched;  ///< their time has not come
  std::vector<std::string> given_up;
};

std::vector<Round> rounds_of(const api::Decommission& machine) {
  std::vector<Round> rounds;
  for (const api::Step& step : machine.steps)
    for (const api::Aftercare& due : step.aftercare) {
      if (due.kind != "look") continue;
      auto round = std::ranges::find(rounds, due.after, &Round::after);
      if (round == rounds.end()) round = rounds.insert(rounds.end(), {.after = due.after, .due = due.due});
      round->found += due.found;
      if (due.found > 0) round->returned.push_back(step.name);
      if (due.state == "done") round->is_done = true;
      if (due.state == "given_up") round->given_up.push_back(step.name);
      if (due.state == "waiting") (due.attempts > 0 ? round->waiting : round->untouched).push_back(step.name);
    }
  return rounds;
}

std::string said_of(const Round& round) {
  std::vector<std::string> parts;
  if (round.found > 0)
    parts.push_back(fmt::format("{} record{} came back ({})", round.found, round.found == 1 ? "" : "s",
                                join(round.returned, ", ")));
  if (round.found == 0 && round.is_done) parts.emplace_back("nothing came back");
  if (!round.waiting.empty()) parts.push_back(fmt::format("{} could not be asked yet", join(round.waiting, ", ")));
  if (!round.given_up.empty()) parts.push_back(fmt::format("{} could not be asked", join(round.given_up, ", ")));
  if (!round.untouched.empty())
    parts.push_back(parts.empty() ? "on " + local_time(std::string_view(round.due))
                                  : fmt::format("{} not asked yet", join(round.untouched, ", ")));
  return round.after + " " + join(parts, "; ");
}

}  // namespace

bool aftercare_begun(const api::Decommission& machine) {
  return std::ranges::any_of(machine.steps, [](const api::Step& step) {
    return std::ranges::any_of(step.aftercare, [](const api::Aftercare& due) { return due.attempts > 0; });
  });
}

bool has_returned(const api::Step& step) {
  return std::ranges::any_of(step.aftercare, [](const api::Aftercare& due) { return due.found > 0; });
}

std::string looked_again(const api::Decommission& machine) {
  std::vector<std::string> parts;
  for (const Round& round : rounds_of(machine)) parts.push_back(said_of(round));
  return join(parts, ", ");
}

std::string lifted(const api::Decommission& machine) {
  std::vector<std::string> parts;
  for (const api::Step& step : machine.steps)
    for (const api::Aftercare& due : step.aftercare)
      if (due.kind == "lift")
        parts.push_back(fmt::format(
            "{}: {}{}", step.name, due.said.empty() ? "not yet" : due.said,
            due.state == "waiting" && due.attempts > 0 ? "; again at " + local_time(std::string_view(due.due)) : ""));
  return join(parts, ", ");
}

}  // namespace decom::cli
