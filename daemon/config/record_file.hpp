#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "daemon/config/toml_reader.hpp"
#include "daemon/records/definition.hpp"
#include "daemon/records/record_definition.hpp"

namespace decom {

/// `[language.NAME]`: the command that runs a script, with "{}" where its text stands.
using Languages = std::map<std::string, std::vector<std::string>>;

Languages read_languages(TableReader& reader);

/// What the files of records.d are held against.
struct RecordFiles {
  const std::vector<RecordKind>& kinds;
  const RecordWorld& world;
  const Languages& languages;
};

/// Every *.toml of the folder, by name. A folder that is not there is empty. Every mistake of every file is said with
/// its place: of the shared keys, of the kind's own, of names that two have, and of an `after` that leads nowhere or in
/// a circle. What has a mistake is left out of the answer.
std::vector<RecordDefinition> read_record_files(const std::filesystem::path& folder, const RecordFiles& files,
                                                Mistakes& mistakes);

/// The TOML files of a folder of the configuration, sorted.
std::vector<std::filesystem::path> toml_files_of(const std::filesystem::path& folder, Mistakes& mistakes);

}  // namespace decom
