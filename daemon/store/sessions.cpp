#include <fmt/core.h>

#include "daemon/store/verbs.hpp"

namespace decom::verbs {
namespace {

using namespace std::chrono_literals;

/// How long one that ended is still told apart from one that never was.
constexpr auto kSessionKept = 24h * 30;

template <typename... Values>
std::vector<SessionRow> read_sessions(sql::Db& db, const std::string& where, const Values&... values) {
  std::vector<SessionRow> found;
  for (auto& row : db.all<std::string, std::string, std::string, std::string, std::string, std::string, std::uint32_t,
                          bool, std::string, std::string, Timestamp, Timestamp, std::optional<Timestamp>>(
           "SELECT id, token_hash, sid, sam, upn, domain, uid, is_token, name, roles, created, expires, revoked"
           " FROM session WHERE " +
               where,
           values...)) {
    auto& [id, hash, sid, sam, upn, domain, uid, is_token, name, roles, created, expires, revoked] = row;
    found.push_back({.id = std::move(id),
                     .token_hash = std::move(hash),
                     .sid = std::move(sid),
                     .sam = std::move(sam),
                     .upn = std::move(upn),
                     .domain = std::move(domain),
                     .uid = uid,
                     .is_token = is_token,
                     .name = std::move(name),
                     .roles = std::move(roles),
                     .created = created,
                     .expires = expires,
                     .revoked = revoked});
  }
  return found;
}

}  // namespace

void add_session(Tx& tx, const SessionRow& row, const Principal& who) {
  // Who was let in, and when, stays in the audit.
  tx.db.run("DELETE FROM session WHERE expires < :long_ago", tx.now - kSessionKept);
  tx.db.run(
      "INSERT INTO session (id, token_hash, sid, sam, upn, domain, uid, is_token, name, roles, created, expires, "
      "revoked)"
      " VALUES (:id, :hash, :sid, :sam, :upn, :domain, :uid, :is_token, :name, :roles, :created, :expires, :revoked)",
      row.id, row.token_hash, row.sid, row.sam, row.upn, row.domain, row.uid, row.is_token, row.name, row.roles,
      row.created, row.expires, row.revoked);
  tx.audit(actor_of(who), row.is_token ? "token" : "login", row.id,
           row.is_token ? fmt::format("'{}' until {}", row.name, to_rfc3339(row.expires))
                        : fmt::format("until {}", to_rfc3339(row.expires)));
}

std::optional<SessionRow> find_session(sql::Db& db, const std::string& token_hash) {
  auto found = read_sessions(db, "token_hash = :hash", token_hash);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<SessionRow> tokens_of(sql::Db& db, const std::string& sid) {
  if (sid.empty()) return read_sessions(db, "is_token = 1 ORDER BY created, id");
  return read_sessions(db, "is_token = 1 AND sid = :sid ORDER BY created, id", sid);
}

bool revoke_session(Tx& tx, const std::string& id, const Principal& who) {
  const auto changed = tx.db.run(
      "UPDATE session SET revoked = :now WHERE id = :id AND revoked IS NULL AND expires > :then", tx.now, id, tx.now);
  if (changed == 0) return false;
  tx.audit(actor_of(who), "revoke", id, "");
  return true;
}

}  // namespace decom::verbs
