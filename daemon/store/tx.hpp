#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/json.hpp"
#include "common/base/secret.hpp"
#include "daemon/domain/event.hpp"
#include "daemon/domain/principal.hpp"
#include "daemon/store/sql.hpp"

namespace decom {

struct AftercareRules;

/// What an event is about.
struct Place {
  std::int64_t request = 0;  ///< 0: the daemon as a whole
  std::optional<int> machine;
  std::optional<std::string> step;

  /// "17", "17.3", "17.3/destroy": the object of an audit entry.
  [[nodiscard]] std::string to_text() const;
};

/// Who an audit entry names.
struct Actor {
  std::string sid;
  std::string who;
  std::uint32_t uid;
};
Actor actor_of(const Principal& who);

/// A verb's view of the transaction that it runs in. A verb may run twice (where the batch around it had to be rolled
/// back), so it changes nothing but the database and what it answers.
class Tx {
 public:
  Tx(sql::Db& database, Timestamp time, const Secret& seal_key, const AftercareRules& after)
      : db(database), now(time), key(seal_key), aftercare(after) {}

  sql::Db& db;
  const Timestamp now;
  const Secret& key;
  const AftercareRules& aftercare;

  /// The first of `count` new numbers.
  std::int64_t reserve(std::string_view counter, std::int64_t count = 1);
  /// Writes the next row of the journal; returns its number.
  std::int64_t event(EventKind kind, const Place& place, EventLevel level, std::string_view text, const Json& data);
  void audit(const Actor& actor, std::string_view action, std::string_view object, std::string_view text);

  [[nodiscard]] std::int64_t last_event() const { return last_event_; }
  /// An attempt that ended: percentages that still wait for it are dropped after the commit.
  void ended(std::int64_t attempt) { ended_.push_back(attempt); }
  [[nodiscard]] const std::vector<std::int64_t>& ended() const { return ended_; }

 private:
  std::int64_t last_event_ = 0;
  std::vector<std::int64_t> ended_;
};

/// Text from outside as every engine can store it: NUL and bytes that are not UTF-8 become U+FFFD.
std::string storable(std::string_view text);
/// Compact, keys sorted, always UTF-8.
std::string canonical(const Json& json);

}  // namespace decom
