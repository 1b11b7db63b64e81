#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "daemon/records/record_system.hpp"

namespace decom {

/// What a file that a definition names is for.
enum class FileUse {
  secret,       ///< one text, as read_secret_file takes it
  private_key,  ///< bytes that nobody else may read
  certificate   ///< anybody may read it
};

/// Says what is wrong with the file of that name, or nothing.
using FileCheck = std::function<std::optional<std::string>(const std::string& name, FileUse use)>;

/// Reads one object of a definition: a file of records.d as JSON, or the copy of it that a plan has frozen.
///
/// What is asked for is known; whatever is left when the reader goes is an unknown key, and is a mistake with the
/// nearest known one. A value of the wrong type is a mistake, and its target stays as it was. Where a mistake is, is a
/// JSON pointer (RFC 6901, "/find/path"), which the configuration turns into line and column.
class DefinitionReader {
 public:
  /// With `files`, which must outlive it, those that the definition names are looked at. A frozen definition has none:
  /// a file that is away for a while is an error of the call that needs it.
  DefinitionReader(const nlohmann::json& object, std::string pointer, std::vector<Finding>& mistakes,
                   const FileCheck* files = nullptr);
  DefinitionReader(const DefinitionReader&) = delete;
  DefinitionReader& operator=(const DefinitionReader&) = delete;
  ~DefinitionReader();

  /// Says what is wrong with a value ("is 'x'; expected …"), or nothing.
  template <typename T>
  using Check = std::function<std::optional<std::string>(const T&)>;

  bool string(std::string_view key, std::string& target, const Check<std::string>& check = {});
  /// The name of a file, which is never empty.
  bool file(std::string_view key, std::string& target, FileUse use);
  /// What is wrong with the file of that name, for names that are no value of a key of their own.
  [[nodiscard]] std::optional<std::string> wrong_with_file(const std::string& name, FileUse use) const;
  bool integer(std::string_view key, std::int64_t& target, std::int64_t least, std::int64_t most);
  bool boolean(std::string_view key, bool& target);
  /// One string or a list of them.
  bool strings(std::string_view key, std::vector<std::string>& target, const Check<std::string>& check = {});
  /// One whole number or a list of them.
  bool integers(std::string_view key, std::vector<std::int64_t>& target, std::int64_t least, std::int64_t most);
  /// "10s", "5m"
  bool duration(std::string_view key, std::chrono::milliseconds& target, std::chrono::milliseconds least,
                std::chrono::milliseconds most);
  bool table(std::string_view key, const std::function<void(DefinitionReader&)>& read);
  bool tables(std::string_view key, const std::function<void(DefinitionReader&)>& read);
  /// Every key of this object that nobody has asked for yet; its value may be anything.
  void rest(const std::function<void(const std::string& key, const nlohmann::json& value)>& take);
  /// The value as it is, or null where there is none.
  const nlohmann::json* take(std::string_view key);

  [[nodiscard]] bool has(std::string_view key) const { return object_.contains(key); }
  /// A mistake where there is no such key.
  void require(std::string_view key);
  void mistake(std::string_view key, std::string what);
  /// How many mistakes there are by now: whoever makes something of a definition asks before and after.
  [[nodiscard]] std::size_t mistakes() const { return mistakes_.size(); }

 private:
  [[nodiscard]] std::string at(std::string_view key) const;
  void wrong_type(std::string_view key, const nlohmann::json& value, std::string_view expected);

  const nlohmann::json& object_;
  std::string pointer_;
  std::vector<Finding>& mistakes_;
  const FileCheck* files_;
  std::vector<std::string> known_;
};

/// What systems need of the house beside their definition.
struct RecordWorld {
  /// The file that a secret's name means. Secrets are read at each use, never kept in a definition.
  std::function<std::filesystem::path(const std::string& name)> secret_file;
  Clock* clock = nullptr;
};

/// A kind of system: how a definition of it is read.
struct RecordKind {
  std::string name;     ///< "dns", "http", "exec"
  std::string summary;  ///< one line for `decomctl steps`
  /// From a definition to a system that works by it. Every mistake goes to the reader; null where there was any.
  std::function<std::unique_ptr<RecordSystem>(DefinitionReader&, const RecordWorld&)> make;
  /// Completes a definition that is being loaded by what must not change until its plans are done (the hash of an
  /// executable). May be empty.
  std::function<void(nlohmann::json& definition, std::vector<Finding>& mistakes)> freeze = {};
  /// A step of it may name no system: it works on the one that is there without a file of records.d.
  bool has_default = false;
};

/// The kinds that are built in.
const std::vector<RecordKind>& record_kinds();

}  // namespace decom
