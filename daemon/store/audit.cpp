#include "daemon/store/audit.hpp"

#include <fmt/core.h>

#include "common/base/crypto.hpp"

namespace decom::audit {
namespace {

constexpr std::string_view kFirst = "decom audit";  // what the first entry has before it

struct Head {
  std::int64_t number = 0;
  std::string hash{kFirst};
  std::string seal;
};

/// A JSON array, as its quotes keep the columns apart: "ab","c" never reads like "a","bc".
std::string hash_of(const AuditEntry& e) {
  return sha256_hex(
      canonical(Json::array({e.previous, e.number, to_millis(e.at), e.sid, e.who, e.uid, e.action, e.object, e.text})));
}

std::string seal_of(const Head& head, const Secret& key) {
  return hmac_sha256_hex(key, fmt::format("audit head {} {}", head.number, head.hash));
}

std::optional<Head> stored_head(sql::Db& db) {
  const auto row = db.maybe<std::string>("SELECT value FROM meta WHERE name = 'audit_head'");
  if (!row) return std::nullopt;
  const std::string& text = std::get<0>(*row);
  const auto first = text.find(' ');
  const auto second = text.find(' ', first + 1);
  if (first == std::string::npos || second == std::string::npos) return Head{.number = -1, .hash = "", .seal = ""};
  Head head{.number = -1, .hash = text.substr(first + 1, second - first - 1), .seal = text.substr(second + 1)};
  try {
    head.number = std::stoll(text.substr(0, first));
  } catch (const std::exception&) {
    head.number = -1;  // somebody wrote something else there: no seal fits it
  }
  return head;
}

AuditEntry to_entry(std::tuple<std::int64_t, Timestamp, std::string, std::string, std::uint32_t, std::string,
                               std::string, std::string, std::string, std::string>&& row) {
  auto& [number, at, sid, who, uid, action, object, text, previous, hash] = row;
  return {.number = number,
          .at = at,
          .sid = std::move(sid),
          .who = std::move(who),
          .uid = uid,
          .action = std::move(action),
          .object = std::move(object),
          .text = std::move(text),
          .previous = std::move(previous),
          .hash = std::move(hash)};
}

}  // namespace

void add(Tx& tx, const Actor& actor, std::string_view action, std::string_view object, std::string_view text) {
  const auto known = stored_head(tx.db);
  Head head = known.value_or(Head{});
  AuditEntry entry{.number = tx.reserve("audit"),
                   .at = tx.now,
                   .sid = storable(actor.sid),
                   .who = storable(actor.who),
                   .uid = actor.uid,
                   .action = storable(action),
                   .object = storable(object),
                   .text = storable(text),
                   .previous = head.hash,
                   .hash = ""};
  entry.hash = hash_of(entry);
  tx.db.run(
      "INSERT INTO audit (number, at, sid, who, uid, action, object, text, previous, hash)"
      " VALUES (:number, :at, :sid, :who, :uid, :action, :object, :text, :previous, :hash)",
      entry.number, entry.at, entry.sid, entry.who, entry.uid, entry.action, entry.object, entry.text, entry.previous,
      entry.hash);
  head = {.number = entry.number, .hash = entry.hash, .seal = ""};
  const std::string value = fmt::format("{} {} {}", head.number, head.hash, seal_of(head, tx.key));
  if (known) {
    tx.db.run("UPDATE meta SET value = :value WHERE name = 'audit_head'", value);
  } else {
    tx.db.run("INSERT INTO meta (name, value) VALUES ('audit_head', :value)", value);
  }
}

std::vector<AuditEntry> entries(sql::Db& db, std::int64_t since, std::size_t limit) {
  std::vector<AuditEntry> found;
  for (auto& row : db.all<std::int64_t, Timestamp, std::string, std::string, std::uint32_t, std::string, std::string,
                          std::string, std::string, std::string>(
           "SELECT number, at, sid, who, uid, action, object, text, previous, hash FROM audit WHERE number > :since"
           " ORDER BY number LIMIT :limit",
           since, limit))
    found.push_back(to_entry(std::move(row)));
  return found;
}

std::optional<std::int64_t> verify(sql::Db& db, const Secret& key) {
  constexpr std::size_t kPage = 1000;
  Head last;
  for (;;) {
    const auto page = entries(db, last.number, kPage);
    for (const AuditEntry& entry : page) {
      if (entry.number != last.number + 1) return last.number + 1;
      if (entry.previous != last.hash || entry.hash != hash_of(entry)) return entry.number;
      last = {.number = entry.number, .hash = entry.hash, .seal = ""};
    }
    if (page.size() < kPage) break;
  }
  const auto head = stored_head(db);
  if (!head) return last.number == 0 ? std::nullopt : std::optional(last.number);
  if (!equal_in_constant_time(head->seal, seal_of(*head, key))) return last.number + 1;
  if (head->number > last.number) return last.number + 1;  // the end was cut off
  if (head->number < last.number || head->hash != last.hash) return last.number;
  return std::nullopt;
}

std::string head(sql::Db& db) {
  const Head known = stored_head(db).value_or(Head{});
  return fmt::format("{} {}", known.number, known.hash);
}

}  // namespace decom::audit
