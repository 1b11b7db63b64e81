#include "daemon/steps/ad_definition.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/error.hpp"
#include "daemon/directory/active_directory.hpp"
#include "daemon/directory/endpoint.hpp"
#include "daemon/steps/ad_records.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<RecordSystem> make_system(DefinitionReader& reader, const RecordWorld& world) {
  const std::size_t before = reader.mistakes();
  DirectoryOptions options;
  std::string password_file;
  std::string ca_file;
  std::string action;
  std::string move_to;
  for (const char* key : {"url", "base_dn", "bind_dn", "password_file"}) reader.require(key);
  reader.boolean("starttls", options.starttls);
  reader.strings("url", options.urls, [&](const std::string& url) -> std::optional<std::string> {
    try {
      (void)directory::Endpoint::parse(url, options.starttls);
      return std::nullopt;
    } catch (const Error& e) {
      return e.what();
    }
  });
  reader.string("base_dn", options.base_dn);
  reader.string("bind_dn", options.bind_dn);
  reader.string("address", options.address);
  reader.strings("computer_ous", options.computer_ous);
  reader.file("password_file", password_file, FileUse::secret);
  reader.file("ca_file", ca_file, FileUse::certificate);
  reader.duration("timeout", options.timeout, 100ms, 2min);
  reader.string(kActionKey, action);
  reader.string(kMoveToKey, move_to);
  if (const auto wrong = wrong_in_action(action, move_to))
    reader.mistake(reader.has(kActionKey) ? kActionKey : kMoveToKey, *wrong);
  else if (const auto outside = wrong_in_unit(move_to, options.base_dn))
    reader.mistake(kMoveToKey, "'move_to' " + *outside);
  if (reader.mistakes() > before) return nullptr;
  options.password_file = world.secret_file(password_file);
  if (!ca_file.empty()) options.ca_file = world.secret_file(ca_file);
  try {
    return std::make_unique<AdRecords>(connect_active_directory(options), ad_action(action, move_to));
  } catch (const Error& e) {
    if (e.code() != ErrorCode::invalid) throw;
    reader.mistake("base_dn", e.what());
    return nullptr;
  }
}

}  // namespace

RecordKind ad_computer_kind() {
  return {.name = kAdComputerKind,
          .summary = "computer accounts of one more Active Directory domain",
          .make = make_system,
          .freeze = {},
          .has_default = true};
}

const std::vector<RecordKind>& all_record_kinds() {
  static const std::vector<RecordKind> kinds = [] {
    std::vector<RecordKind> all = record_kinds();
    all.push_back(ad_computer_kind());
    return all;
  }();
  return kinds;
}

std::string with_action(const std::string& definition, const std::map<std::string, std::string>& params) {
  if (!params.contains(kActionKey)) return definition;
  auto json = nlohmann::json::parse(definition, nullptr, false);
  if (!json.is_object()) return definition;
  for (const char* key : {kActionKey, kMoveToKey}) {
    json.erase(key);
    if (const auto said = params.find(key); said != params.end()) json[key] = said->second;
  }
  return json.dump();
}

}  // namespace decom
