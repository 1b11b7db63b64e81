#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "common/base/error.hpp"

namespace decom {

/// All mistakes of all files, in the order of file, line and column.
class Mistakes {
 public:
  void add(const std::string& file, const toml::source_position& at, std::string what);
  void add(const std::string& file, std::string what) { add(file, {}, std::move(what)); }
  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] std::vector<Finding> findings() const;

 private:
  struct Mistake {
    std::string file;
    toml::source_position at;
    std::string what;
  };
  std::vector<Mistake> all_;
};

/// Reads one table. What is asked for is known; whatever is left when the reader goes is an unknown key, and is said
/// with the nearest known one. A value of the wrong type is said with what was expected, and the target stays as it
/// was.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string path, std::string file, Mistakes& mistakes);
  TableReader(const TableReader&) = delete;
  TableReader& operator=(const TableReader&) = delete;
  ~TableReader();

  /// Says what is wrong with a value, or nothing.
  template <typename T>
  using Check = std::function<std::optional<std::string>(const T&)>;

  bool string(std::string_view key, std::string& target, const Check<std::string>& check = {});
  bool integer(std::string_view key, std::int64_t least, std::int64_t most,
               const std::function<void(std::int64_t)>& set);
  bool boolean(std::string_view key, bool& target);
  /// One string or a list of them.
  bool strings(std::string_view key, std::vector<std::string>& target, const Check<std::string>& check = {});
  bool duration(std::string_view key, std::chrono::milliseconds& target, std::chrono::milliseconds least,
                std::chrono::milliseconds most);
  /// A file that must be there and be readable; a relative one is looked for by `resolve`.
  bool file(std::string_view key, std::filesystem::path& target,
            const std::function<std::filesystem::path(const std::string&)>& resolve, bool secret);

  bool table(std::string_view key, const std::function<void(TableReader&)>& read);
  bool tables(std::string_view key, const std::function<void(TableReader&)>& read);
  /// Every key of a table that nobody has asked for yet, as strings: parameters of a step.
  void rest(const std::function<void(const std::string& key, const std::string& value)>& take);

  /// The same, as they are.
  void rest_as_nodes(const std::function<void(const std::string& key, const toml::node& node)>& take);
  /// Every key that nobody has asked for yet is a table: [language.python].
  void each_table(const std::function<void(const std::string& name, TableReader& table)>& read);

  [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }
  /// Where the value of `key` is, or the table where it has no such key.
  [[nodiscard]] toml::source_position place_of(std::string_view key) const;
  void require(std::string_view key);
  /// A mistake at the place of `key`, or of the table where it has no such key.
  void mistake(std::string_view key, std::string what);

 private:
  const toml::node* take(std::string_view key);
  void wrong_type(std::string_view key, const toml::node& node, std::string_view expected);

  const toml::table& table_;
  std::string path_;
  std::string file_;
  Mistakes& mistakes_;
  std::vector<std::string> known_;
};

/// Parses one file. A syntax error is a mistake; toml++ stops at the first of them.
std::optional<toml::table> parse_toml_file(const std::filesystem::path& file, Mistakes& mistakes);

}  // namespace decom
