#pragma once

#include <cstdint>
#include <filesystem>

#include "common/base/secret.hpp"

namespace decom {

/// The directory that holds all that the daemon remembers, locked for as long as this lives.
///
/// The database file itself is never opened here while a connection is open: closing any descriptor of it would drop
/// the POSIX locks of the whole process, and an administrator's `sqlite3` could then delete the live log (sqlite.org,
/// "How To Corrupt An SQLite Database File", 2.2).
class StateDir {
 public:
  /// Creates it (0700) where it is missing. Throws `storage` when it is not ours or others can write it, `conflict`
  /// when another daemon has it, naming its pid.
  explicit StateDir(std::filesystem::path path);
  ~StateDir();
  StateDir(const StateDir&) = delete;
  StateDir& operator=(const StateDir&) = delete;

  /// Creates an empty file (0600) where there is none. Call before the first connection. Throws `storage` when the file
  /// is not a plain file of ours that nobody else can write.
  void prepare_database() const;
  [[nodiscard]] std::filesystem::path database() const { return path_ / "decomd.db"; }

  /// Seals rows that people have approved. Made at the first start.
  [[nodiscard]] bool has_key() const;
  void make_key() const;
  [[nodiscard]] Secret read_key() const;  ///< throws `storage` when others can read it

  [[nodiscard]] std::int64_t bytes_used() const;  ///< by the database and its log
  [[nodiscard]] std::int64_t bytes_free() const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  [[nodiscard]] std::filesystem::path key() const { return path_ / "plan.key"; }

  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace decom
