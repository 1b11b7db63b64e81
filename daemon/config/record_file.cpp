#include "daemon/config/record_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/secret.hpp"
#include "common/base/text.hpp"
#include "daemon/config/json_of_toml.hpp"
#include "daemon/config/rule_reader.hpp"
#include "daemon/steps/silence_step.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;

/// Of the steps that the shipped plans have themselves.
const std::vector<std::string>& names_of_shipped_steps() {
  static const std::vector<std::string> names{"power_off", "destroy", "ad_computer"};
  return names;
}

bool is_shipped_step(const std::string& name) {
  return std::ranges::find(names_of_shipped_steps(), name) != names_of_shipped_steps().end();
}

/// Says what keeps a file from its use, or nothing.
std::optional<std::string> wrong_with(const std::filesystem::path& file, FileUse use) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return fmt::format("cannot read {}: {}", file.string(), std::strerror(errno));
  if (use != FileUse::certificate && (info.st_mode & S_IRWXO) != 0)
    return fmt::format("others can reach the secret {}: chmod o= '{}'", file.string(), file.string());
  if (use != FileUse::secret) {
    if (S_ISDIR(info.st_mode)) return fmt::format("{} is not a file", file.string());
    if (::access(file.c_str(), R_OK) == 0) return std::nullopt;
    return fmt::format("cannot read {}: {}", file.string(), std::strerror(errno));
  }
  try {
    (void)read_secret_file(file);
  } catch (const Error& e) {
    return e.what();
  }
  return std::nullopt;
}

/// A definition, and where it says what it comes after.
struct Read {
  RecordDefinition definition;
  toml::source_position after;
};

class RecordFileReader {
 public:
  RecordFileReader(const std::filesystem::path& file, const RecordFiles& files, Mistakes& mistakes)
      : file_(file), files_(files), mistakes_(mistakes) {}

  std::optional<Read> read() {
    const auto table = parse_toml_file(file_, mistakes_);
    if (!table) return std::nullopt;
    const std::size_t before = mistakes_.size();
    JsonOfToml json(file_.string(), table->source().begin, mistakes_);
    const RecordKind* kind = nullptr;
    Read read;
    read.definition.source = file_.string();
    {
      TableReader reader(*table, "", file_.string(), mistakes_);
      kind = read_shared(reader, read.definition);
      read.after = reader.place_of("after");
      reader.rest_as_nodes([&](const std::string& key, const toml::node& node) { json.add(key, node); });
    }
    if (kind != nullptr) read_own(*kind, json, read.definition);
    if (mistakes_.size() != before) return std::nullopt;
    read.definition.definition = json.document().dump();
    return read;
  }

 private:
  const RecordKind* read_shared(TableReader& reader, RecordDefinition& definition) {
    const RecordKind* kind = nullptr;
    reader.require("kind");
    reader.string("kind", definition.kind, [&](const std::string& name) -> std::optional<std::string> {
      std::vector<std::string> known;
      for (const RecordKind& one : files_.kinds) {
        if (one.name == name) kind = &one;
        known.push_back(one.name);
      }
      if (kind != nullptr) return std::nullopt;
      return fmt::format("is '{}', which is no kind of system; known are {}", name, join(known, ", "));
    });
    definition.name = file_.stem().string();
    const auto check_name = [](const std::string& name) -> std::optional<std::string> {
      if (is_shipped_step(name)) return fmt::format("is '{}', which is a step of the shipped plans", name);
      return check_step_name(name);
    };
    if (!reader.string("name", definition.name, check_name) && !reader.has("name"))
      if (const auto wrong = check_name(definition.name))
        reader.mistake("name", fmt::format("'name' is missing, and the file's own {}", *wrong));
    reader.string("summary", definition.summary);
    reader.string("unverified", definition.unverified);
    reader.duration("deadline", definition.deadline, 100ms, 10min);
    reader.strings("after", definition.after);
    read_on_failure(reader, definition.on_failure);
    read_on_return(reader, definition.on_return);
    reader.table("when", [&](TableReader& when) { read_rule(when, definition.rule); });
    return kind;
  }

  void read_own(const RecordKind& kind, JsonOfToml& json, RecordDefinition& definition) {
    add_language(json);
    std::vector<Finding> findings;
    {
      const FileCheck check = [&](const std::string& name, FileUse use) {
        return files_.world.secret_file ? wrong_with(files_.world.secret_file(name), use) : std::nullopt;
      };
      DefinitionReader reader(json.document(), "", findings, &check);
      const auto system = kind.make(reader, files_.world);
      if (system == nullptr && findings.empty())
        reader.mistake("", fmt::format("it is no system of kind {}", kind.name));
      definition.silences = system != nullptr && system->silencer() != nullptr;
    }
    if (findings.empty() && kind.freeze) kind.freeze(json.document(), findings);
    for (Finding& finding : findings)
      mistakes_.add(file_.string(), json.place_of(finding.where), std::move(finding.what));
  }

  /// A script's language is the configuration's, and its command becomes part of what a plan freezes.
  void add_language(JsonOfToml& json) {
    constexpr const char* kCommand = "language_command";
    nlohmann::json& document = json.document();
    if (document.contains(kCommand)) {
      mistakes_.add(file_.string(), json.place_of(std::string("/") + kCommand),
                    "the command of a language belongs into decomd.toml: [language.NAME]");
      document.erase(kCommand);
    }
    const auto language = document.find("language");
    if (language == document.end() || !language->is_string()) return;
    const auto found = files_.languages.find(language->get_ref<const std::string&>());
    if (found != files_.languages.end()) {
      document[kCommand] = found->second;
      return;
    }
    std::vector<std::string> known;
    for (const auto& [name, command] : files_.languages) known.push_back(name);
    mistakes_.add(file_.string(), json.place_of("/language"),
                  fmt::format("'language' is '{}'; {}", language->get_ref<const std::string&>(),
                              known.empty() ? "decomd.toml defines none: [language.NAME]"
                                            : "decomd.toml defines " + join(known, ", ")));
  }

  std::filesystem::path file_;
  const RecordFiles& files_;
  Mistakes& mistakes_;
};

/// Names that `from` comes after, however far.
std::set<std::string> everything_before(const std::vector<Read>& all, const std::string& from) {
  std::set<std::string> before;
  std::vector<std::string> open{from};
  while (!open.empty()) {
    const auto at = std::ranges::find(all, open.back(), [](const Read& read) { return read.definition.name; });
    open.pop_back();
    if (at == all.end()) continue;
    for (const std::string& name : at->definition.after)
      if (before.insert(name).second) open.push_back(name);
  }
  return before;
}

/// Each step of the shipped plans has a name of its own, and those that silence are called after their system.
void check_silences(const std::vector<Read>& all, Mistakes& mistakes) {
  for (const Read& read : all) {
    if (!read.definition.silences) continue;
    const auto twin = std::ranges::find(all, silence_step_name(read.definition.name),
                                        [](const Read& other) { return other.definition.name; });
    if (twin != all.end())
      mistakes.add(twin->definition.source, fmt::format("the system is called '{}', as is the step that silences {}",
                                                        twin->definition.name, read.definition.name));
  }
}

void check_order(const std::vector<Read>& all, Mistakes& mistakes) {
  std::vector<std::string> names = names_of_shipped_steps();
  for (const Read& read : all) names.push_back(read.definition.name);
  for (const Read& read : all) {
    for (const std::string& name : read.definition.after) {
      if (std::ranges::find(names, name) != names.end()) continue;
      const auto near = nearest(name, names, 1);
      mistakes.add(read.definition.source, read.after,
                   fmt::format("'after' is '{}', which is neither a system nor a step of the shipped plans{}", name,
                               near.empty() ? "" : fmt::format(": did you mean '{}'?", near.front())));
    }
    if (everything_before(all, read.definition.name).contains(read.definition.name))
      mistakes.add(read.definition.source, read.after,
                   fmt::format("'after' leads in a circle: {} would come after itself", read.definition.name));
  }
}

}  // namespace

Languages read_languages(TableReader& reader) {
  Languages languages;
  reader.each_table([&](const std::string& name, TableReader& language) {
    language.require("command");
    std::vector<std::string> command;
    if (!language.strings("command", command)) return;
    const auto places = std::ranges::count(command, "{}");
    if (places != 1 || command.front() == "{}") {
      language.mistake("command",
                       "'command' is to be a program and its arguments, one of which is \"{}\": the script's text");
    } else {
      languages[name] = std::move(command);
    }
  });
  return languages;
}

std::vector<std::filesystem::path> toml_files_of(const std::filesystem::path& folder, Mistakes& mistakes) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  if (error && error != std::errc::no_such_file_or_directory)
    mistakes.add(folder.string(), fmt::format("cannot read the folder: {}", error.message()));
  std::ranges::sort(files);
  return files;
}

std::vector<RecordDefinition> read_record_files(const std::filesystem::path& folder, const RecordFiles& files,
                                                Mistakes& mistakes) {
  std::vector<Read> all;
  bool complete = true;
  for (const auto& file : toml_files_of(folder, mistakes)) {
    auto read = RecordFileReader(file, files, mistakes).read();
    if (!read) {
      complete = false;
      continue;
    }
    const auto twin =
        std::ranges::find(all, read->definition.name, [](const Read& other) { return other.definition.name; });
    if (twin != all.end()) {
      mistakes.add(file.string(),
                   fmt::format("the system '{}' is also in {}", read->definition.name, twin->definition.source));
      continue;
    }
    all.push_back(std::move(*read));
  }
  check_silences(all, mistakes);
  if (complete) check_order(all, mistakes);  // what a broken file is called is not known
  std::vector<RecordDefinition> definitions;
  definitions.reserve(all.size());
  for (Read& read : all) definitions.push_back(std::move(read.definition));
  return definitions;
}

}  // namespace decom
