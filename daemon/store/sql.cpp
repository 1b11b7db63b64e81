#include "daemon/store/sql.hpp"

#include <cctype>
#include <cerrno>
#include <set>

#include <fmt/core.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "common/base/log.hpp"

namespace decom::sql {
namespace {

using namespace sqlite_api;

/// Counts `:names` outside of quotes and refuses one that occurs twice, since PostgreSQL and SQLite number those
/// differently.
std::size_t count_placeholders(std::string_view statement) {
  std::set<std::string_view> names;
  bool quoted = false;
  for (std::size_t at = 0; at < statement.size(); ++at) {
    if (statement[at] == '\'') quoted = !quoted;
    if (quoted || statement[at] != ':') continue;
    std::size_t end = at + 1;
    while (end < statement.size() &&
           (std::isalnum(static_cast<unsigned char>(statement[end])) || statement[end] == '_'))
      ++end;
    if (end == at + 1) continue;
    if (!names.insert(statement.substr(at, end - at)).second)
      throw Failure{Trouble::fault, ErrorCode::internal, "a statement names a value twice"};
    at = end - 1;
  }
  return names.size();
}

bool ran_out_of_space(int extended, int system_error) {
  if ((extended & 0xFF) == SQLITE_FULL) return true;
  // Writing past a quota is reported as an I/O error, and so is growing the shared memory file on a full disk. Neither
  // leaves anything half done. A failed fsync is never among these.
  const bool wrote = extended == SQLITE_IOERR_WRITE || extended == SQLITE_IOERR_SHMSIZE;
  return wrote && (system_error == ENOSPC || system_error == EDQUOT);
}

[[noreturn]] void fail(::soci::session& session, int result) {
  auto* connection = static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
  int extended = sqlite3_extended_errcode(connection);
  if ((extended & 0xFF) != (result & 0xFF)) extended = result;
  if (ran_out_of_space(extended, sqlite3_system_errno(connection)))
    throw Failure{Trouble::full, ErrorCode::storage_full, "cannot write the database: the disk is full"};
  switch (extended & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Failure{Trouble::busy, ErrorCode::storage, "cannot write the database: another process holds it"};
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_PROTOCOL:
      throw Failure{Trouble::io, ErrorCode::storage,
                    fmt::format("cannot use the database: {} ({})", sqlite3_errstr(extended), extended)};
    default:
      // The text names columns and words of our own statement, never a value.
      throw Failure{Trouble::fault, ErrorCode::internal,
                    fmt::format("the database refused a statement: {}", sqlite3_errmsg(connection))};
  }
}

/// SOCI's own texts carry statement and values, so they stop here.
template <typename F>
auto guarded(::soci::session& session, F&& f) {
  try {
    return f();
  } catch (const soci::sqlite3_soci_error& e) {
    fail(session, e.result());
  } catch (const soci::soci_error&) {
    auto* connection = static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
    fail(session, sqlite3_extended_errcode(connection));
  }
}

}  // namespace

struct Db::State {
  explicit State(const std::string& parameters) : session(soci::sqlite3, parameters) {}

  [[nodiscard]] sqlite3* connection() {
    return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
  }

  soci::session session;
  int pages = 0;
};

struct Cursor::State {
  explicit State(soci::session& s) : session(s), statement(s) {}

  soci::session& session;
  std::vector<Value> values;
  std::vector<long long> bound_integers;
  std::vector<soci::indicator> bound_nulls;
  std::string kinds;
  std::vector<long long> integers;
  std::vector<std::string> texts;
  std::vector<soci::indicator> nulls;
  soci::statement statement;  ///< last, as it refers to all of the above
};

Cursor::Cursor(Db& db, std::string_view statement, std::vector<Value> values, std::string_view kinds)
    : state_(std::make_unique<State>(db.state_->session)) {
  State& s = *state_;
  if (count_placeholders(statement) != values.size())
    throw Failure{Trouble::fault, ErrorCode::internal, "a statement has another number of values than it names"};
  s.values = std::move(values);
  s.kinds = kinds;
  s.bound_integers.resize(s.values.size());
  s.bound_nulls.assign(s.values.size(), soci::i_ok);
  s.integers.resize(kinds.size());
  s.texts.resize(kinds.size());
  s.nulls.assign(kinds.size(), soci::i_ok);
  guarded(s.session, [&] {
    for (std::size_t i = 0; i < s.values.size(); ++i) {
      if (auto* text = std::get_if<std::string>(&s.values[i])) {
        // PostgreSQL cuts text at a NUL; what comes from outside is cleaned before it gets here.
        if (text->find('\0') != std::string::npos) throw Error{ErrorCode::invalid, "a text has a NUL character"};
        s.statement.exchange(soci::use(*text, s.bound_nulls[i]));
      } else {
        const auto* number = std::get_if<std::int64_t>(&s.values[i]);
        s.bound_integers[i] = number != nullptr ? *number : 0;
        if (number == nullptr) s.bound_nulls[i] = soci::i_null;
        s.statement.exchange(soci::use(s.bound_integers[i], s.bound_nulls[i]));
      }
    }
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      if (kinds[i] == 'i') {
        s.statement.exchange(soci::into(s.integers[i], s.nulls[i]));
      } else {
        s.statement.exchange(soci::into(s.texts[i], s.nulls[i]));
      }
    }
    s.statement.alloc();
    s.statement.prepare(std::string(statement));
    s.statement.define_and_bind();
    if (!kinds.empty()) s.statement.execute(false);
  });
}

Cursor::~Cursor() = default;

std::int64_t Cursor::run() {
  return guarded(state_->session, [&] {
    state_->statement.execute(true);
    return static_cast<std::int64_t>(state_->statement.get_affected_rows());
  });
}

bool Cursor::next() {
  return guarded(state_->session, [&] { return state_->statement.fetch(); });
}

std::optional<std::int64_t> Cursor::integer(std::size_t column) const {
  if (state_->nulls[column] == soci::i_null) return std::nullopt;
  return state_->integers[column];
}

std::optional<std::string> Cursor::text(std::size_t column) {
  if (state_->nulls[column] == soci::i_null) return std::nullopt;
  return state_->texts[column];
}

void unexpected_null(std::size_t column) {
  throw Failure{Trouble::fault, ErrorCode::internal,
                fmt::format("the database has nothing in column {}, where something must be", column)};
}

Db::Db(const std::filesystem::path& file, Mode mode, const std::string& vfs) {
  if (file.native().find('"') != std::string::npos)
    throw Failure{Trouble::fault, ErrorCode::invalid, "the state directory's name has a quotation mark"};
  std::string parameters = fmt::format("dbname=\"{}\" timeout=5", file.native());
  if (mode == Mode::read_only) parameters += " readonly=true";
  if (!vfs.empty()) parameters += " vfs=" + vfs;
  try {
    state_ = std::make_unique<State>(parameters);
  } catch (const soci::soci_error&) {
    throw Failure{Trouble::io, ErrorCode::storage, fmt::format("cannot open the database {}", file.native())};
  }
  sqlite3_wal_hook(
      state_->connection(),
      [](void* state, sqlite3* /*connection*/, const char* /*schema*/, int pages) {
        static_cast<State*>(state)->pages = pages;
        return SQLITE_OK;  // replaces the automatic checkpoint: the writer does it, when everybody has been answered
      },
      state_.get());
}

Db::~Db() = default;

void Db::begin_write() { run("BEGIN IMMEDIATE"); }
void Db::begin_read() { run("BEGIN"); }
void Db::commit() { run("COMMIT"); }

void Db::roll_back() noexcept {
  if (!in_transaction()) return;
  try {
    run("ROLLBACK");
  } catch (const std::exception& e) {
    log::error("store", "cannot roll back: {}", e.what());
  }
}

bool Db::in_transaction() const { return sqlite3_get_autocommit(state_->connection()) == 0; }
int Db::pages_to_checkpoint() const { return state_->pages; }

void Db::checkpoint() {
  int in_log = 0;
  int moved = 0;
  const int result =
      sqlite3_wal_checkpoint_v2(state_->connection(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
  if (result != SQLITE_OK && result != SQLITE_BUSY) fail(state_->session, result);
  state_->pages = in_log - moved;
}

}  // namespace decom::sql
