#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"

/// The one typed wrapper around SOCI. It exists because SOCI 4.0.3 bites: `into(int)` and `row` cut to 32 bits, NULL
/// keeps the old value, so does a select without rows, a forgotten `use` binds NULL, and only the first of several
/// statements runs. Here integers are int64, a NULL must be asked for by std::optional, the number of bound values
/// must fit, and every select is read to its end.
namespace decom::sql {

/// What kind of failure it was, for those who decide what goes on.
enum class Trouble {
  full,   ///< no room: nothing was written; a later try may work
  busy,   ///< another process holds the database
  io,     ///< reading, writing or syncing failed, or the file is damaged: only a restart may trust the disk again
  fault,  ///< a fault of ours: a wrong statement, a broken constraint
};

/// Thrown by all of this. To everybody outside of the store it is an Error like any other.
class Failure : public Error {
 public:
  Failure(Trouble trouble, ErrorCode code, const std::string& message) : Error(code, message), trouble_(trouble) {}
  [[nodiscard]] Trouble trouble() const noexcept { return trouble_; }

 private:
  Trouble trouble_;
};

using Value = std::variant<std::monostate, std::int64_t, std::string>;

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

/// Numbers, text, times, our enumerations by their names, and std::optional of these.
template <typename T>
Value to_value(const T& x) {
  if constexpr (IsOptional<T>::value) {
    return x ? to_value(*x) : Value{};
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    return to_millis(x);
  } else if constexpr (std::is_enum_v<T>) {
    return std::string(to_string(x));  // found by its type's namespace
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<std::int64_t>(x);
  } else if constexpr (std::is_same_v<T, Value>) {
    return x;
  } else {
    return std::string(std::string_view(x));
  }
}

class Db;

/// One statement that runs. Not for use outside of Db.
class Cursor {
 public:
  /// `kinds` has an 'i' (integer) or a 't' (text) for each column.
  Cursor(Db& db, std::string_view statement, std::vector<Value> values, std::string_view kinds);
  ~Cursor();
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  /// For what returns no rows; answers how many were changed.
  std::int64_t run();
  bool next();
  [[nodiscard]] std::optional<std::int64_t> integer(std::size_t column) const;
  [[nodiscard]] std::optional<std::string> text(std::size_t column);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

template <typename T>
constexpr char kind_of_column() {
  if constexpr (IsOptional<T>::value) {
    return kind_of_column<typename T::value_type>();
  } else {
    return std::is_same_v<T, std::string> ? 't' : 'i';
  }
}

[[noreturn]] void unexpected_null(std::size_t column);

template <typename T>
T from_column(Cursor& cursor, std::size_t column) {
  if constexpr (IsOptional<T>::value) {
    using Inner = typename T::value_type;
    if constexpr (kind_of_column<Inner>() == 't') {
      return cursor.text(column);
    } else {
      const auto value = cursor.integer(column);
      if (!value) return std::nullopt;
      return from_column<Inner>(cursor, column);
    }
  } else if constexpr (std::is_same_v<T, std::string>) {
    auto value = cursor.text(column);
    if (!value) unexpected_null(column);
    return *std::move(value);
  } else {
    const auto value = cursor.integer(column);
    if (!value) unexpected_null(column);
    if constexpr (std::is_same_v<T, Timestamp>) {
      return from_millis(*value);
    } else if constexpr (std::is_same_v<T, bool>) {
      return *value != 0;
    } else {
      return static_cast<T>(*value);
    }
  }
}

/// One connection. Not thread-safe: each belongs to one thread at a time.
class Db {
 public:
  enum class Mode { write, read_only };

  /// `file` exists already. Throws Failure, in words for whoever starts the daemon.
  Db(const std::filesystem::path& file, Mode mode, const std::string& vfs);
  ~Db();
  Db(const Db&) = delete;
  Db& operator=(const Db&) = delete;

  /// Values are bound in the order of the `:names` in the statement, each of which occurs once.
  template <typename... Values>
  std::int64_t run(std::string_view statement, const Values&... values) {
    return Cursor(*this, statement, {to_value(values)...}, "").run();
  }

  /// Every row, read to the end.
  template <typename... Columns, typename... Values>
  std::vector<std::tuple<Columns...>> all(std::string_view statement, const Values&... values) {
    return collect<Columns...>(statement, {to_value(values)...});
  }
  /// The same with a list of values made at run time.
  template <typename... Columns>
  std::vector<std::tuple<Columns...>> collect(std::string_view statement, std::vector<Value> values) {
    static constexpr char kKinds[] = {kind_of_column<Columns>()...};
    Cursor cursor(*this, statement, std::move(values), std::string_view(kKinds, sizeof...(Columns)));
    std::vector<std::tuple<Columns...>> rows;
    while (cursor.next()) rows.push_back(read<Columns...>(cursor, std::index_sequence_for<Columns...>{}));
    return rows;
  }
  /// The first row, or nothing.
  template <typename... Columns, typename... Values>
  std::optional<std::tuple<Columns...>> maybe(std::string_view statement, const Values&... values) {
    auto rows = all<Columns...>(statement, values...);
    if (rows.empty()) return std::nullopt;
    return std::move(rows.front());
  }
  /// One value of a row that must be there.
  template <typename Column, typename... Values>
  Column one(std::string_view statement, const Values&... values) {
    auto row = maybe<Column>(statement, values...);
    if (!row) throw Failure{Trouble::fault, ErrorCode::internal, "the database has no row where one must be"};
    return std::get<0>(*std::move(row));
  }

  void begin_write();
  void begin_read();
  void commit();
  /// Also where the database has rolled back by itself. Never throws.
  void roll_back() noexcept;
  [[nodiscard]] bool in_transaction() const;

  /// Pages in the write-ahead log as of the last commit.
  [[nodiscard]] int pages_to_checkpoint() const;
  /// Only ever on the writing connection: SQLite before 3.51.3 can corrupt its log when two connections do.
  void checkpoint();

 private:
  template <typename... Columns, std::size_t... I>
  static std::tuple<Columns...> read(Cursor& cursor, std::index_sequence<I...> /*positions*/) {
    return {from_column<Columns>(cursor, I)...};
  }

  friend class Cursor;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace decom::sql
