#include <algorithm>

#include "daemon/store/verbs.hpp"

namespace decom::verbs {

std::string notice_state(sql::Db& db) {
  const auto row = db.maybe<std::string>("SELECT value FROM meta WHERE name = 'notices'");
  return row ? std::get<0>(*row) : std::string{};
}

void save_notice_state(Tx& tx, const std::string& state) {
  tx.db.run("DELETE FROM meta WHERE name = 'notices'");
  tx.db.run("INSERT INTO meta (name, value) VALUES ('notices', :value)", storable(state));
}

void notice_failed(Tx& tx, std::int64_t request, const std::string& channel, const std::string& text) {
  tx.event(EventKind::notice_failed, {.request = request, .machine = {}, .step = {}}, EventLevel::warning, text,
           {{"channel", channel}});
}

std::vector<Event> failed_notices(sql::Db& db, std::int64_t request) {
  std::vector<Event> found;
  for (auto& [seq, at, text, data] : db.all<std::int64_t, Timestamp, std::string, std::string>(
           "SELECT seq, at, text, data FROM event WHERE request = :request AND kind = 'notice.failed'"
           " ORDER BY seq DESC LIMIT 100",
           request))
    found.push_back({.seq = seq,
                     .at = at,
                     .request = request,
                     .machine = {},
                     .step = {},
                     .kind = EventKind::notice_failed,
                     .level = EventLevel::warning,
                     .text = std::move(text),
                     .data = std::move(data)});
  std::ranges::reverse(found);
  return found;
}

}  // namespace decom::verbs
