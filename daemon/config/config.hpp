#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "daemon/auth/auth.hpp"
#include "daemon/directory/directory.hpp"
#include "daemon/domain/policy.hpp"
#include "daemon/engine/engine.hpp"
#include "daemon/notices/channel_options.hpp"
#include "daemon/plans/planner.hpp"
#include "daemon/records/definition.hpp"
#include "daemon/records/record_definition.hpp"
#include "daemon/server/server_options.hpp"
#include "daemon/steps/ad_action.hpp"
#include "daemon/steps/ad_definition.hpp"
#include "daemon/store/store.hpp"
#include "daemon/vsphere/vcenter.hpp"

namespace decom {

/// All of decomd.toml, typed.
struct Config {
  ServerOptions server;
  StoreOptions store;
  EngineOptions engine;
  Policy policy;
  AuthOptions auth;
  std::optional<DirectoryOptions> directory;
  AdAction computer_action;                      ///< of [directory]: what steps do that say nothing else
  std::string vcenter_user = "{domain}\\{sam}";  ///< how vCenter spells a person
  std::vector<VcenterOptions> vcenters;
  std::vector<std::string> protected_uuids;  ///< VMs that the vCenters and this daemon run on
  std::vector<RecordDefinition> systems;     ///< of records.d
  std::vector<PlanTemplate> plans;           ///< of plans.d, then the shipped ones that no file replaces
  std::vector<std::chrono::milliseconds> look_again{std::chrono::hours{1}, std::chrono::hours{24},
                                                    std::chrono::hours{7 * 24}};  ///< for records, after an end
  std::vector<notices::ChannelOptions> channels;                                  ///< of notices.d
  log::Level log_level = log::Level::info;
};

/// Where the files that the configuration names are: below CREDENTIALS_DIRECTORY (systemd's LoadCredential) where there
/// is one of that name, else beside decomd.toml.
std::function<std::filesystem::path(const std::string& name)> secret_files_of(const std::filesystem::path& config);

/// Reads decomd.toml, and records.d, plans.d and notices.d beside it. Throws Error{invalid} with one finding for every
/// mistake at once, each with "file:line:column", what was found and what was expected. Secret files are looked for,
/// not read into the Config.
Config load_config(const std::filesystem::path& file, const StepRegistry& registry,
                   const std::vector<RecordKind>& kinds = all_record_kinds());

}  // namespace decom
