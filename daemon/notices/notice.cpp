#include "daemon/notices/notice.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/text.hpp"

namespace decom::notices {

int RequestFacts::warnings() const {
  int all = 0;
  for (const MachineFacts& machine : machines) all += machine.warnings;
  return all;
}

std::map<DecommissionState, int> RequestFacts::counts() const {
  std::map<DecommissionState, int> counts;
  for (const MachineFacts& machine : machines) ++counts[machine.state];
  return counts;
}

RequestFacts facts_of(const Request& request) {
  RequestFacts facts{.requester = request.requester,
                     .requester_sam = request.requester_sam,
                     .reason = request.options.reason,
                     .ticket = request.options.ticket,
                     .first_started = {},
                     .first_machine = 0,
                     .machines = {}};
  for (const Decommission& d : request.decommissions) {
    facts.machines.push_back({.ordinal = d.ordinal,
                              .name = d.machine.name,
                              .vcenter = d.machine.vcenter,
                              .state = d.state,
                              .reason = d.reason,
                              .warnings = d.warnings});
    if (!d.started || (facts.first_started && *facts.first_started <= *d.started)) continue;
    facts.first_started = d.started;
    facts.first_machine = d.ordinal;
  }
  return facts;
}

void Summary::add(const Draft& draft, const RequestFacts& facts) {
  if (requests.empty() && more == 0) since = draft.at;
  if (requests.size() >= kMost && !requests.contains(draft.request)) {
    ++more;
    return;
  }
  Row& row = requests[draft.request];
  row.requester = facts.requester;
  for (const Item& item : draft.items) {
    row.last_seq = std::max(row.last_seq, item.seq);
    switch (item.occasion) {
      case Occasion::start: row.started = true; break;
      case Occasion::finish: row.finished = item.text; break;
      case Occasion::failure: ++row.failed; break;
      case Occasion::attention: ++row.attention; break;
    }
  }
}

Occasion Notice::occasion() const {
  const auto has = [&](Occasion occasion) {
    return std::ranges::any_of(draft.items, [&](const Item& item) { return item.occasion == occasion; });
  };
  for (const Occasion occasion : {Occasion::attention, Occasion::failure, Occasion::finish})
    if (has(occasion)) return occasion;
  return Occasion::start;
}

std::string_view Notice::what() const {
  switch (kind) {
    case Kind::request:
    case Kind::daemon: return to_string(occasion());
    case Kind::summary: return "summary";
    case Kind::test: return "test";
  }
  return "";
}

std::optional<Notice> notice_for(const ChannelOptions& channel, const Draft& draft, const RequestFacts& facts) {
  const bool of_daemon = draft.request == 0;
  if (!of_daemon && !channel.users.empty() && std::ranges::none_of(channel.users, [&](const std::string& user) {
        return equals_folded(user, facts.requester) || equals_folded(user, facts.requester_sam);
      }))
    return std::nullopt;
  if (!of_daemon && !channel.vcenters.empty() &&
      std::ranges::none_of(facts.machines, [&](const RequestFacts::MachineFacts& machine) {
        return std::ranges::find(channel.vcenters, machine.vcenter) != channel.vcenters.end();
      }))
    return std::nullopt;
  Notice notice{.kind = of_daemon ? Notice::Kind::daemon : Notice::Kind::request,
                .id = {},
                .draft = {.request = draft.request, .at = draft.at, .items = {}},
                .facts = facts,
                .summary = {},
                .host = {},
                .owed = {}};
  for (const Item& item : draft.items)
    if (channel.on.contains(item.occasion)) notice.draft.items.push_back(item);
  if (notice.draft.items.empty()) return std::nullopt;
  notice.id = fmt::format("{}-{}", draft.request, notice.draft.first_seq());
  notice.owed = {notice.draft.first_seq()};
  return notice;
}

}  // namespace decom::notices
