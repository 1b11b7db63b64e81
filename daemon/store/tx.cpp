#include "daemon/store/tx.hpp"

#include <fmt/core.h>

#include "common/base/text.hpp"
#include "daemon/store/audit.hpp"

namespace decom {

std::string Place::to_text() const {
  std::string text = std::to_string(request);
  if (machine) text += fmt::format(".{}", *machine);
  if (step) text += "/" + *step;
  return text;
}

Actor actor_of(const Principal& who) {
  return {.sid = who.sid, .who = display_name(who.domain, who.sam), .uid = who.uid};
}

std::int64_t Tx::reserve(std::string_view counter, std::int64_t count) {
  if (db.run("UPDATE counter SET value = value + :count WHERE name = :name", count, counter) != 1)
    throw sql::Failure{sql::Trouble::fault, ErrorCode::internal,
                       fmt::format("the database has no counter {}", counter)};
  return db.one<std::int64_t>("SELECT value FROM counter WHERE name = :name", counter) - count + 1;
}

std::int64_t Tx::event(EventKind kind, const Place& place, EventLevel level, std::string_view text, const Json& data) {
  const std::int64_t seq = reserve("event");
  db.run(
      "INSERT INTO event (seq, at, request, machine, step, kind, level, text, data)"
      " VALUES (:seq, :at, :request, :machine, :step, :kind, :level, :text, :data)",
      seq, now, place.request, place.machine, place.step, kind, level, storable(text), canonical(data));
  last_event_ = seq;
  return seq;
}

void Tx::audit(const Actor& actor, std::string_view action, std::string_view object, std::string_view text) {
  audit::add(*this, actor, action, object, text);
}

std::string storable(std::string_view text) {
  if (text.find('\0') == std::string_view::npos && is_valid_utf8(text)) return std::string(text);
  // nlohmann knows how to replace what is not UTF-8, one U+FFFD for each maximal wrong sequence.
  const std::string quoted = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string clean = Json::parse(quoted).get<std::string>();
  for (auto at = clean.find('\0'); at != std::string::npos; at = clean.find('\0', at)) clean.replace(at, 1, "\uFFFD");
  return clean;
}

std::string canonical(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace decom
