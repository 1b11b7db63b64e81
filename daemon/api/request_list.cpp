#include "daemon/api/request_list.hpp"

#include "common/base/crypto.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom {
namespace {

constexpr std::int64_t kMostOnAPage = 500;

std::string mark_of(const Query& query) {
  std::string all;
  for (const char* name : {"state", "live", "user", "machine", "text", "since", "until"})
    all += query.text(name) + '\n';
  return sha256_hex(all).substr(0, 12);
}

std::int64_t place_of(const std::string& cursor, const Query& query) {
  const auto parts = split(cursor, '.');
  const auto id = parts.size() == 3 && parts[0] == "r1" ? parse_number(parts[1]) : std::nullopt;
  if (!id || *id == 0) throw Error{ErrorCode::usage, "the cursor is garbled"};
  if (parts[2] != mark_of(query)) throw Error{ErrorCode::usage, "the cursor belongs to another query"};
  return *id;
}

}  // namespace

RequestFilter request_filter(const Query& query) {
  RequestFilter filter{.states = {},
                       .live_only = query.flag("live"),
                       .user = query.text("user"),
                       .machine = query.text("machine"),
                       .text = query.text("text"),
                       .since = query.time("since"),
                       .until = query.time("until"),
                       .before_id = 0,
                       .limit = static_cast<std::size_t>(query.number("limit", 1, kMostOnAPage).value_or(50))};
  for (const std::string& name : split(query.text("state"), ',')) {
    if (name.empty()) continue;
    try {
      filter.states.insert(decommission_state_from(name));
    } catch (const Error& e) {
      throw Error{ErrorCode::usage, "'state': {}", e.what()};
    }
  }
  if (const std::string cursor = query.text("cursor"); !cursor.empty()) filter.before_id = place_of(cursor, query);
  return filter;
}

std::string cursor_behind(std::int64_t last_id, const Query& query) {
  return fmt::format("r1.{}.{}", last_id, mark_of(query));
}

}  // namespace decom
