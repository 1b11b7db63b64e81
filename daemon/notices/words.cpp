#include "daemon/notices/words.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/text.hpp"
#include "daemon/notices/markup.hpp"

namespace decom::notices {
namespace {

using MachineFacts = RequestFacts::MachineFacts;

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

class Writer {
 public:
  Writer(const Notice& notice, Markup markup) : notice_(notice), markup_(markup) {}

  Words words() {
    switch (notice_.kind) {
      case Notice::Kind::request: of_request(); break;
      case Notice::Kind::daemon: of_daemon(); break;
      case Notice::Kind::summary: of_summary(); break;
      case Notice::Kind::test:
        words_.title = "decom: this is a test";
        say("Nothing has happened. Notices of requests arrive here as this one did.");
        break;
    }
    say(own(how_to_look(notice_)));
    if (!notice_.host.empty()) say("decomd on " + outside(notice_.host));
    return std::move(words_);
  }

 private:
  [[nodiscard]] std::string outside(std::string_view text, std::size_t most = 120) const {
    return written(text, markup_, most);
  }
  /// Text of ours that has characters which the markup would take for its own.
  [[nodiscard]] std::string own(std::string_view text) const { return written(text, markup_, 400); }
  void say(std::string line) { words_.lines.push_back(std::move(line)); }

  [[nodiscard]] std::string names(const std::vector<std::string>& all) const {
    std::vector<std::string> shown;
    for (std::size_t i = 0; i < std::min(all.size(), kMostNames); ++i) shown.push_back(outside(all[i], 80));
    std::string text = join(shown, ", ");
    if (all.size() > kMostNames) text += fmt::format(" and {} more", all.size() - kMostNames);
    return text;
  }

  [[nodiscard]] std::vector<const Item*> items(Occasion occasion) const {
    std::vector<const Item*> found;
    for (const Item& item : notice_.draft.items)
      if (item.occasion == occasion) found.push_back(&item);
    return found;
  }

  void who_and_why() {
    const RequestFacts& facts = notice_.facts;
    say("Asked for by " + outside(facts.requester));
    if (!facts.reason.empty()) say("Reason: " + outside(facts.reason, 300));
    if (!facts.ticket.empty()) say("Ticket: " + outside(facts.ticket));
  }

  void of_request() {
    const std::string request = fmt::format("decom: request {}", notice_.request());
    switch (notice_.occasion()) {
      case Occasion::start: {
        words_.title = fmt::format("{} has begun: {}", request, counted(notice_.facts.machines.size(), "machine"));
        who_and_why();
        std::vector<std::string> all;
        for (const MachineFacts& machine : notice_.facts.machines) all.push_back(machine.name);
        say("Machines: " + names(all));
        break;
      }
      case Occasion::finish: finished(request); break;
      case Occasion::failure:
      case Occasion::attention: {
        const auto failed = items(Occasion::failure);
        const auto waiting = items(Occasion::attention);
        std::vector<std::string> parts;
        if (!waiting.empty())
          parts.push_back(counted(waiting.size(), "machine") + (waiting.size() == 1 ? " needs" : " need") +
                          " attention");
        if (!failed.empty()) parts.push_back(counted(failed.size(), "machine") + " failed");
        words_.title = fmt::format("{}: {}", request, join(parts, ", "));
        list("Needs attention", waiting);
        list("Failed", failed);
        who_and_why();
        break;
      }
    }
  }

  void list(std::string_view what, const std::vector<const Item*>& all) {
    for (std::size_t i = 0; i < std::min(all.size(), kMostNames); ++i)
      say(fmt::format("{}: {}.{} {}{}", what, notice_.request(), all[i]->machine, outside(all[i]->name, 80),
                      all[i]->text.empty() ? "" : own(": ") + outside(all[i]->text, 200)));
    if (all.size() > kMostNames) say(fmt::format("{}: and {} more", what, all.size() - kMostNames));
  }

  void finished(const std::string& request) {
    std::vector<std::string> parts;
    for (const auto& [state, count] : notice_.facts.counts())
      parts.push_back(fmt::format("{} {}", count, spelled(state)));
    words_.title = fmt::format("{} is over: {}", request, join(parts, ", "));
    for (const DecommissionState state : all_decommission_states()) {
      std::vector<std::string> of_state;
      for (const MachineFacts& machine : notice_.facts.machines)
        if (machine.state == state) of_state.push_back(machine.name);
      if (!of_state.empty()) say(fmt::format("{} {}: {}", of_state.size(), spelled(state), names(of_state)));
    }
    if (const int warnings = notice_.facts.warnings(); warnings > 0)
      say(counted(static_cast<std::size_t>(warnings), "warning"));
    who_and_why();
  }

  [[nodiscard]] static std::string spelled(DecommissionState state) {
    std::string text(to_string(state));
    std::ranges::replace(text, '_', ' ');
    return text;
  }

  void of_daemon() {
    // A title of our own words alone: Slack refuses one of more than 150 characters.
    const bool frozen = notice_.draft.items.back().text.starts_with("frozen");
    words_.title = frozen ? "decom: everything irreversible is stopped" : "decom: irreversible calls go on";
    for (const Item& item : notice_.draft.items) say(outside(item.text, 400));
  }

  void of_summary() {
    const Summary& summary = notice_.summary;
    const std::size_t all = summary.requests.size() - (summary.requests.contains(0) ? 1 : 0);
    words_.title = fmt::format("decom: {} since {}", counted(all, "request"), own(to_rfc3339(summary.since)));
    say("Nobody could be told of these when it was time:");
    std::size_t shown = 0;
    for (const auto& [request, row] : summary.requests) {
      if (request == 0) continue;
      if (shown++ == kMostNames) break;
      std::vector<std::string> parts;
      if (row.started) parts.emplace_back("begun");
      if (row.failed > 0) parts.push_back(fmt::format("{} failed", row.failed));
      if (row.attention > 0) parts.push_back(fmt::format("{} needed attention", row.attention));
      if (!row.finished.empty()) parts.push_back("ended as " + own(row.finished));
      say(fmt::format("Request {} of {}: {}", request, outside(row.requester), join(parts, ", ")));
    }
    if (all > kMostNames) say(fmt::format("and {} more requests", all - kMostNames));
    if (summary.more > 0) say(fmt::format("and {} more notices", summary.more));
    if (summary.requests.contains(0)) say("The daemon was frozen or thawed meanwhile.");
  }

  const Notice& notice_;
  Markup markup_;
  Words words_;
};

}  // namespace

Words words_of(const Notice& notice, Markup markup) { return Writer(notice, markup).words(); }

std::string how_to_look(const Notice& notice) {
  switch (notice.kind) {
    case Notice::Kind::request: return fmt::format("Look: decomctl status {}", notice.request());
    case Notice::Kind::summary: return "Look: decomctl list";
    case Notice::Kind::daemon: return "Look: decomctl doctor";
    case Notice::Kind::test: return "Look: decomctl notices";
  }
  return "";
}

std::string_view level_of(const Notice& notice) {
  if (notice.kind == Notice::Kind::test) return "info";
  if (notice.kind == Notice::Kind::summary || notice.kind == Notice::Kind::daemon) return "warning";
  switch (notice.occasion()) {
    case Occasion::start: return "info";
    case Occasion::failure:
    case Occasion::attention: return "error";
    case Occasion::finish: {
      const auto counts = notice.facts.counts();
      if (counts.contains(DecommissionState::failed) || counts.contains(DecommissionState::needs_attention))
        return "error";
      return counts.contains(DecommissionState::cancelled) || notice.facts.warnings() > 0 ? "warning" : "info";
    }
  }
  return "info";
}

}  // namespace decom::notices
