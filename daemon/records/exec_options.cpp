#include "daemon/records/exec_options.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/core.h>

#include "common/base/text.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kMiB = std::int64_t{1024} * 1024;
// An argument has at most 128 KiB: MAX_ARG_STRLEN, execve(2).
constexpr std::size_t kLongestCode = 64 * 1024;
constexpr std::string_view kHole = "{}";

/// "50MiB", "1GiB"; whole numbers, so that nobody has to know how it is rounded.
std::optional<std::int64_t> size_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0 || number > 1'000'000) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit == "KiB") return number * 1024;
  if (unit == "MiB") return number * kMiB;
  if (unit == "GiB") return number * 1024 * kMiB;
  return std::nullopt;
}

void read_size(DefinitionReader& reader, std::string_view key, std::int64_t& target, std::int64_t least_mib,
               std::int64_t most_mib) {
  std::string text;
  std::int64_t read = 0;
  const bool good = reader.string(key, text, [&](const std::string& typed) -> std::optional<std::string> {
    const auto size = size_of(typed);
    if (!size) return fmt::format("is '{}'; expected a size such as '50MiB'", typed);
    read = *size;
    if (read >= least_mib * kMiB && read <= most_mib * kMiB) return std::nullopt;
    return fmt::format("is {}; expected {}MiB to {}MiB", typed, least_mib, most_mib);
  });
  if (good) target = read;
}

bool is_word(std::string_view text, std::string_view further) {
  if (text.empty() || text.size() > 64 || (text.front() >= '0' && text.front() <= '9') || text.front() == '.')
    return false;
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           further.find(c) != std::string_view::npos;
  });
}

/// A table of names to strings, or to files with secrets.
void read_words(DefinitionReader& reader, std::string_view key, std::string_view further,
                std::map<std::string, std::string>& target, bool files = false) {
  reader.table(key, [&](DefinitionReader& table) {
    table.rest([&](const std::string& name, const nlohmann::json& value) {
      if (!is_word(name, further))
        table.mistake(name, fmt::format("'{}' is no name for it; expected letters, digits and '_'", name));
      else if (!value.is_string() || value.get_ref<const std::string&>().find('\0') != std::string::npos)
        table.mistake(name, fmt::format("'{}' is no string", name));
      else if (const auto wrong =
                   files ? table.wrong_with_file(value.get<std::string>(), FileUse::secret) : std::nullopt)
        table.mistake(name, fmt::format("'{}': {}", name, *wrong));
      else
        target[name] = value.get<std::string>();
    });
  });
}

std::optional<std::string> no_nul(const std::string& text) {
  if (text.find('\0') == std::string::npos) return std::nullopt;
  return "has a NUL character";
}

std::optional<std::string> clean_absolute_path(const std::string& path) {
  if (!path.starts_with('/')) return fmt::format("is '{}'; expected an absolute path", path);
  for (const std::string& part : split(path.substr(1), '/'))
    if (part.empty() || part == "." || part == "..")
      return fmt::format("is '{}'; expected a path without '.', '..' and empty parts", path);
  return no_nul(path);
}

/// What stands in a sandbox is /usr alone.
std::optional<std::string> reachable_program(const std::string& program) {
  if (program.empty()) return "is empty";
  if (program.find('/') == std::string::npos || program.starts_with("/usr/") || program.starts_with("/bin/"))
    return std::nullopt;
  return fmt::format("runs '{}'; expected a name, or a path below /usr, which is all that its sandbox has", program);
}

void read_language(DefinitionReader& reader, ExecOptions& options) {
  std::string code;
  std::vector<std::string> line;
  reader.string("language", options.language);
  const bool has_code = reader.string("code", code, [](const std::string& text) -> std::optional<std::string> {
    if (trimmed(text).empty()) return "is empty";
    if (text.size() > kLongestCode) return "is longer than 64 KiB: make an executable of it, and name it as 'command'";
    return no_nul(text);
  });
  const bool has_line = reader.strings("language_command", line, no_nul);
  if (!reader.has("language")) {
    if (reader.has("code")) reader.mistake("code", "'code' needs 'language', which says what runs it");
    return;
  }
  reader.require("code");
  if (!has_code || !has_line) return;
  if (const auto wrong = line.empty() ? "is empty" : reachable_program(line.front())) {
    reader.mistake("language", fmt::format("the command of language '{}' {}", options.language, *wrong));
    return;
  }
  if (std::ranges::count(line, kHole) != 1) {
    reader.mistake("language", fmt::format("the command of language '{}' has {} arguments that are '{{}}'; expected "
                                           "one, where the code goes",
                                           options.language, std::ranges::count(line, kHole)));
    return;
  }
  *std::ranges::find(line, kHole) = code;
  options.line = std::move(line);
}

}  // namespace

ExecOptions read_exec_options(DefinitionReader& reader) {
  ExecOptions options;
  reader.string("command", options.command, clean_absolute_path);
  reader.string("sha256", options.sha256, [](const std::string& text) -> std::optional<std::string> {
    if (text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos) return std::nullopt;
    return "is no SHA-256; expected 64 digits of 0-9 and a-f";
  });
  read_language(reader, options);
  if (reader.has("command") == (reader.has("language") || reader.has("code")))
    reader.mistake("command", reader.has("command") ? "'command' and 'language' are both there; expected one of them"
                                                    : "'command' is missing, or 'language' with 'code'");
  reader.strings("args", options.args, no_nul);
  read_words(reader, "env", "", options.env);
  read_words(reader, "secrets", ".-", options.secrets, true);
  reader.boolean("network", options.network);
  read_size(reader, "memory", options.memory_bytes, 8, 65'536);
  read_size(reader, "tmp", options.tmp_bytes, 1, 4'096);
  reader.integer("processes", options.processes, 1, 4'096);
  reader.duration("timeout", options.timeout, 100ms, 10min);
  return options;
}

}  // namespace decom
