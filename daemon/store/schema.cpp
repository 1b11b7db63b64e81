#include "daemon/store/schema.hpp"

#include <array>
#include <span>

#include <fmt/core.h>

#include "common/base/failpoint.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"

namespace decom::schema {
namespace {

/// What differs between engines is two words: `{int}` and `{table}`. SQLite's STRICT refuses "bigint", PostgreSQL's
/// "integer" has 32 bits.
struct Dialect {
  std::string_view integer;
  std::string_view table;
};
constexpr Dialect kSqlite{"INTEGER", " STRICT"};

/// One migration a version, as single statements, since only the first of several would run.
/// A migration that was released never changes; each has a stored database of the version before it among the tests.
constexpr std::array kVersion1{
    R"(CREATE TABLE meta (
         name TEXT PRIMARY KEY,
         value TEXT NOT NULL){table})",

    // Every number that must have no gap, in commit order on every engine: one row each, moved in the same transaction.
    R"(CREATE TABLE counter (
         name TEXT PRIMARY KEY,
         value {int} NOT NULL){table})",

    // What was shown to a person.
    R"(CREATE TABLE plan (
         id TEXT PRIMARY KEY,
         hash TEXT NOT NULL,
         created {int} NOT NULL,
         expires {int} NOT NULL,
         requester_sid TEXT NOT NULL,
         options TEXT NOT NULL,
         machines TEXT NOT NULL,
         seal TEXT NOT NULL,
         request {int}){table})",
    "CREATE INDEX plan_by_expiry ON plan (expires)",

    R"(CREATE TABLE request (
         id {int} PRIMARY KEY,
         created {int} NOT NULL,
         finished {int},
         requester_sid TEXT NOT NULL,
         requester TEXT NOT NULL,
         sam TEXT NOT NULL,
         upn TEXT NOT NULL,
         domain TEXT NOT NULL,
         uid {int} NOT NULL,
         reason TEXT NOT NULL,
         ticket TEXT NOT NULL,
         options TEXT NOT NULL,
         plan TEXT NOT NULL REFERENCES plan (id),
         idempotency_key TEXT NOT NULL,
         body_hash TEXT NOT NULL,
         seal TEXT NOT NULL){table})",
    "CREATE UNIQUE INDEX one_request_per_key ON request (requester_sid, idempotency_key) WHERE idempotency_key <> ''",
    "CREATE INDEX request_by_time ON request (created)",
    "CREATE INDEX request_by_requester ON request (requester_sid, id)",

    R"(CREATE TABLE decommission (
         id {int} PRIMARY KEY,
         request {int} NOT NULL REFERENCES request (id),
         ordinal {int} NOT NULL,
         vcenter_uuid TEXT NOT NULL,
         moref TEXT NOT NULL,
         instance_uuid TEXT NOT NULL,
         name TEXT NOT NULL,
         search TEXT NOT NULL,
         facts TEXT NOT NULL,
         plan TEXT NOT NULL,
         plan_hash TEXT NOT NULL,
         seal TEXT NOT NULL,
         state TEXT NOT NULL,
         reason TEXT NOT NULL,
         not_before {int},
         cancel_number {int},
         warnings {int} NOT NULL,
         created {int} NOT NULL,
         started {int},
         finished {int},
         acting_sid TEXT NOT NULL,
         acting_sam TEXT NOT NULL,
         acting_upn TEXT NOT NULL,
         acting_domain TEXT NOT NULL,
         acting_seal TEXT NOT NULL,
         apply_again {int} NOT NULL,
         UNIQUE (request, ordinal)){table})",
    // needs_attention still holds the machine. A retry of a failed one is refused (409) while another lives.
    R"(CREATE UNIQUE INDEX one_live_decommission_per_machine ON decommission (vcenter_uuid, moref, instance_uuid)
         WHERE state NOT IN ('succeeded', 'failed', 'cancelled'))",
    "CREATE INDEX decommission_by_state ON decommission (state, request, ordinal, vcenter_uuid)",
    "CREATE INDEX decommission_by_due ON decommission (not_before) WHERE state IN ('scheduled', 'holding')",

    R"(CREATE TABLE step (
         id {int} PRIMARY KEY,
         decommission {int} NOT NULL REFERENCES decommission (id),
         ordinal {int} NOT NULL,
         name TEXT NOT NULL,
         kind TEXT NOT NULL,
         irreversible {int} NOT NULL,
         state TEXT NOT NULL,
         message TEXT NOT NULL,
         attempts {int} NOT NULL,
         crashes {int} NOT NULL,
         not_before {int},
         started {int},
         finished {int},
         UNIQUE (decommission, ordinal),
         UNIQUE (decommission, name)){table})",

    R"(CREATE TABLE attempt (
         id {int} PRIMARY KEY,
         step {int} NOT NULL REFERENCES step (id),
         number {int} NOT NULL,
         started {int} NOT NULL,
         finished {int},
         outcome TEXT,
         observed TEXT,
         message TEXT NOT NULL,
         UNIQUE (step, number)){table})",

    // One row an outside call, written before the call is sent.
    R"(CREATE TABLE effect (
         id {int} PRIMARY KEY,
         attempt {int} NOT NULL REFERENCES attempt (id),
         ordinal {int} NOT NULL,
         call TEXT NOT NULL,
         target TEXT NOT NULL,
         before_image TEXT NOT NULL,
         irreversible {int} NOT NULL,
         opened {int} NOT NULL,
         deadline {int} NOT NULL,
         server_time {int},
         handle TEXT NOT NULL,
         handled {int},
         outcome TEXT NOT NULL,
         detail TEXT NOT NULL,
         closed {int},
         UNIQUE (attempt, ordinal)){table})",

    R"(CREATE TABLE event (
         seq {int} PRIMARY KEY,
         at {int} NOT NULL,
         request {int} NOT NULL,
         machine {int},
         step TEXT,
         kind TEXT NOT NULL,
         level TEXT NOT NULL,
         text TEXT NOT NULL,
         data TEXT NOT NULL){table})",
    "CREATE INDEX event_by_request ON event (request, seq)",

    // Chained; never pruned. The last number and hash are in meta, sealed.
    R"(CREATE TABLE audit (
         number {int} PRIMARY KEY,
         at {int} NOT NULL,
         sid TEXT NOT NULL,
         who TEXT NOT NULL,
         uid {int} NOT NULL,
         action TEXT NOT NULL,
         object TEXT NOT NULL,
         text TEXT NOT NULL,
         previous TEXT NOT NULL,
         hash TEXT NOT NULL){table})",

    R"(CREATE TABLE session (
         id TEXT PRIMARY KEY,
         token_hash TEXT NOT NULL UNIQUE,
         sid TEXT NOT NULL,
         sam TEXT NOT NULL,
         upn TEXT NOT NULL,
         domain TEXT NOT NULL,
         uid {int} NOT NULL,
         is_token {int} NOT NULL,
         name TEXT NOT NULL,
         roles TEXT NOT NULL,
         created {int} NOT NULL,
         expires {int} NOT NULL,
         revoked {int}){table})",
    "CREATE INDEX session_by_person ON session (sid)",

    R"(INSERT INTO counter (name, value) VALUES
         ('request', 0), ('decommission', 0), ('step', 0), ('attempt', 0), ('effect', 0), ('event', 0), ('audit', 0))",
};

constexpr std::array kVersion2{
    // What falls due for a step after its decommission has ended.
    R"(CREATE TABLE aftercare (
         id {int} PRIMARY KEY,
         decommission {int} NOT NULL REFERENCES decommission (id),
         step {int} NOT NULL REFERENCES step (id),
         kind TEXT NOT NULL,
         after_ms {int} NOT NULL,
         due {int} NOT NULL,
         state TEXT NOT NULL,
         attempts {int} NOT NULL,
         said TEXT NOT NULL,
         found TEXT NOT NULL,
         finished {int},
         UNIQUE (decommission, step, kind, after_ms)){table})",
    "CREATE INDEX aftercare_by_due ON aftercare (due) WHERE state = 'waiting'",
    "INSERT INTO counter (name, value) VALUES ('aftercare', 0)",
};

const std::array kMigrations{std::span<const char* const>(kVersion1), std::span<const char* const>(kVersion2)};

std::string in_dialect(std::string_view statement, const Dialect& dialect) {
  std::string text(statement);
  const auto replace_all = [&](std::string_view word, std::string_view by) {
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size()))
      text.replace(at, word.size(), by);
  };
  replace_all("{int}", dialect.integer);
  replace_all("{table}", dialect.table);
  return text;
}

void migrate(sql::Db& db, int from) {
  for (int version = from + 1; version <= latest(); ++version) {
    db.begin_write();
    try {
      for (const char* statement : kMigrations.at(static_cast<std::size_t>(version - 1)))
        db.run(in_dialect(statement, kSqlite));
      DECOM_FAILPOINT("store.migrate");
      if (version == 1) {
        db.run("INSERT INTO meta (name, value) VALUES ('schema', :version)", std::to_string(version));
      } else {
        db.run("UPDATE meta SET value = :version WHERE name = 'schema'", std::to_string(version));
      }
      db.commit();
    } catch (...) {
      db.roll_back();
      throw;
    }
    log::info("store", "the database is at schema {}", version);
  }
}

}  // namespace

int latest() { return static_cast<int>(kMigrations.size()); }

int stored(sql::Db& db) {
  if (db.one<std::int64_t>("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'meta'") == 0) return 0;
  const auto row = db.maybe<std::string>("SELECT value FROM meta WHERE name = 'schema'");
  return row ? std::stoi(std::get<0>(*row)) : 0;
}

void open(sql::Db& db, const std::string& file) {
  try {
    if (db.one<std::string>("PRAGMA journal_mode = WAL") != "wal")
      throw Error{ErrorCode::storage, "cannot use a write-ahead log for {}: is it on a network file system?", file};
    db.run("PRAGMA synchronous = FULL");
    db.run("PRAGMA foreign_keys = ON");
    db.run("PRAGMA journal_size_limit = 67108864");  // a log that a slow reader made long shrinks again
    if (db.one<std::int64_t>("PRAGMA synchronous") != 2 || db.one<std::int64_t>("PRAGMA foreign_keys") != 1)
      throw Error{ErrorCode::storage, "this SQLite cannot sync or cannot check foreign keys"};
    const auto damage = db.all<std::string>("PRAGMA quick_check(3)");
    if (damage.size() != 1 || std::get<0>(damage.front()) != "ok")
      throw Error{ErrorCode::storage, "the database {} is damaged ({}): restore a backup of the state directory", file,
                  damage.empty() ? "no answer" : std::get<0>(damage.front())};
  } catch (const sql::Failure& e) {
    if (e.trouble() != sql::Trouble::io) throw;
    throw Error{ErrorCode::storage,
                "the database {} is damaged or no database at all: restore a backup of the state "
                "directory ({})",
                file, e.what()};
  }
  const int version = stored(db);
  if (version > latest())
    throw Error{ErrorCode::storage,
                "the database {} was written by a newer decomd (schema {}, this one knows up to {}): upgrade decomd",
                file, version, latest()};
  if (version < latest()) migrate(db, version);
}

void open_read_only(sql::Db& db) { db.run("PRAGMA foreign_keys = ON"); }

}  // namespace decom::schema
