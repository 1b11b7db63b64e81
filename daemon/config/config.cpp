#include "daemon/config/config.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>

#include <grp.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "common/base/text.hpp"
#include "daemon/config/notice_file.hpp"
#include "daemon/config/plan_file.hpp"
#include "daemon/config/record_file.hpp"
#include "daemon/config/toml_reader.hpp"
#include "daemon/steps/ad_records.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;
using Problem = std::optional<std::string>;

/// Relative secrets lie below $CREDENTIALS_DIRECTORY (systemd's LoadCredential), else beside the configuration.
class Beside {
 public:
  explicit Beside(const std::filesystem::path& config) : folder_(std::filesystem::absolute(config).parent_path()) {
    if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY")) credentials_ = credentials;
  }
  std::filesystem::path operator()(const std::string& name) const {
    std::filesystem::path path(name);
    if (path.is_absolute()) return path;
    std::error_code ignored;
    if (!credentials_.empty() && std::filesystem::exists(credentials_ / path, ignored)) return credentials_ / path;
    return folder_ / path;
  }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  std::filesystem::path credentials_;
};

Problem check_user_format(const std::string& format) {
  if (format.find("{sam}") != std::string::npos || format.find("{upn}") != std::string::npos) return std::nullopt;
  return "has neither {sam} nor {upn}, so that everybody would be the same person to vCenter";
}

Problem check_absolute(const std::string& path) {
  if (path.starts_with('/')) return std::nullopt;
  return fmt::format("is '{}'; expected an absolute path", path);
}

void read_daemon(TableReader& daemon, Config& config) {
  std::string text;
  if (daemon.string("socket", text, [](const std::string& path) -> Problem {
        if (path.size() > 100) return "is longer than the 100 bytes that a Unix socket's name may have";
        return check_absolute(path);
      }))
    config.server.socket = text;
  if (daemon.string("state_dir", text, check_absolute)) config.store.state_dir = text;
  daemon.string("group", config.server.group, [](const std::string& group) -> Problem {
    if (::getgrnam(group.c_str()) != nullptr) return std::nullopt;
    return fmt::format("is '{}', which is no group of this host; 'groupadd {}' makes it", group, group);
  });
  const auto size = [](std::size_t& target) {
    return [&target](std::int64_t v) { target = static_cast<std::size_t>(v); };
  };
  daemon.integer("workers", 1, 128, size(config.engine.workers));
  daemon.integer("most_per_vcenter", 1, 128, size(config.engine.most_per_vcenter));
  daemon.integer("attempts", 1, 100, [&](std::int64_t v) { config.engine.attempts = static_cast<int>(v); });
  daemon.integer("machines_a_request", 1, 1000, size(config.policy.machines_a_request));
  daemon.integer("connections", 1, 65'536, size(config.server.connections));
  daemon.integer("connections_a_uid", 1, 65'536, size(config.server.connections_a_uid));
  daemon.duration("session_life", config.auth.session_life, 1min, 8h);
  daemon.duration("backoff_first", config.engine.backoff_first, 10ms, 1h);
  daemon.duration("backoff_most", config.engine.backoff_most, 10ms, 24h);
  daemon.strings("protected_uuids", config.protected_uuids);
  std::string level = "info";
  daemon.string("log_level", level, [](const std::string& value) -> Problem {
    try {
      (void)log::level_from(value);
      return std::nullopt;
    } catch (const Error&) {
      return fmt::format("is '{}'; expected debug, info, warning or error", value);
    }
  });
  config.log_level = log::level_from(level);
}

void read_aftercare(TableReader& reader, Config& config) {
  std::vector<std::string> texts;
  std::vector<std::chrono::milliseconds> times;
  const bool is_set = reader.strings("look_again", texts, [&](const std::string& text) -> Problem {
    try {
      const auto time = parse_duration(text);
      if (time < 1s || time > 366 * 24h) return fmt::format("has '{}'; expected from 1s to 366d", text);
      if (std::ranges::find(times, time) != times.end()) return fmt::format("has '{}' twice", text);
      times.push_back(time);
      return std::nullopt;
    } catch (const Error&) {
      return fmt::format("has '{}'; expected durations such as \"1h\" and \"7d\"", text);
    }
  });
  if (!is_set) return;
  std::ranges::sort(times);
  config.look_again = std::move(times);
}

void read_vcenter(TableReader& reader, const Beside& beside, Config& config) {
  VcenterOptions vcenter;
  for (const char* key : {"name", "url", "username", "password_file"}) reader.require(key);
  reader.string("name", vcenter.name, [&](const std::string& name) -> Problem {
    const bool plain = !name.empty() && name.size() <= 32 && std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
             c == '.';
    });
    if (!plain) return fmt::format("is '{}'; expected letters, digits, '-', '_' and '.'", name);
    if (std::ranges::any_of(config.vcenters, [&](const auto& other) { return other.name == name; }))
      return fmt::format("is '{}', as another [[vcenter]] is", name);
    return std::nullopt;
  });
  reader.string("url", vcenter.url, [](const std::string& url) -> Problem {
    if (url.starts_with("https://") && url.size() > 8) return std::nullopt;
    return fmt::format("is '{}'; expected https://HOST/sdk", url);
  });
  reader.string("username", vcenter.username);
  reader.file("password_file", vcenter.password_file, beside, true);
  const bool ca = reader.file("ca_file", vcenter.ca_file, beside, false);
  const bool thumbprint = reader.string("thumbprint", vcenter.thumbprint, [](const std::string& text) -> Problem {
    std::string hex = folded(text.starts_with("SHA256:") ? text.substr(7) : "");
    std::erase(hex, ':');
    if (hex.size() == 64 && hex.find_first_not_of("0123456789abcdef") == std::string::npos) return std::nullopt;
    return "is not 'SHA256:' and 64 hexadecimal digits";
  });
  if (ca && thumbprint) reader.mistake("thumbprint", "ca_file and thumbprint exclude each other");
  if (!reader.has("ca_file") && !reader.has("thumbprint"))
    reader.mistake("ca_file", "'vcenter.ca_file' is missing: by it, or by a thumbprint, its certificate is known");
  reader.duration("connect_timeout", vcenter.connect_timeout, 100ms, 5min);
  reader.duration("read_timeout", vcenter.read_timeout, 100ms, 30min);
  reader.duration("call_timeout", vcenter.call_timeout, 100ms, 30min);
  config.vcenters.push_back(std::move(vcenter));
}

void read_directory(TableReader& reader, const Beside& beside, Config& config) {
  DirectoryOptions directory;
  for (const char* key : {"url", "base_dn", "bind_dn", "password_file"}) reader.require(key);
  reader.boolean("starttls", directory.starttls);
  reader.strings("url", directory.urls, [&](const std::string& url) -> Problem {
    if (url.starts_with("ldaps://") && url.size() > 8) {
      if (directory.starttls) return "is ldaps://, which excludes starttls = true";
      return std::nullopt;
    }
    if (url.starts_with("ldap://") && url.size() > 7) {
      if (directory.starttls) return std::nullopt;
      return "is ldap:// without starttls = true: the password would be readable on the wire";
    }
    return fmt::format("is '{}'; expected ldaps://HOST, or ldap://HOST with starttls = true", url);
  });
  reader.string("base_dn", directory.base_dn);
  reader.string("bind_dn", directory.bind_dn);
  reader.string("address", directory.address);
  reader.strings("computer_ous", directory.computer_ous);
  reader.file("password_file", directory.password_file, beside, true);
  reader.file("ca_file", directory.ca_file, beside, false);
  reader.duration("timeout", directory.timeout, 100ms, 2min);
  std::string action;
  std::string move_to;
  reader.string("computer_action", action);
  reader.string("computer_move_to", move_to);
  if (const auto wrong = wrong_in_action(action, move_to)) {
    const bool by_action = reader.has("computer_action");
    reader.mistake(by_action ? "computer_action" : "computer_move_to", fmt::format("of computers: {}", *wrong));
  } else {
    config.computer_action = ad_action(action, move_to);
    if (const auto outside = wrong_in_unit(move_to, directory.base_dn))
      reader.mistake("computer_move_to", fmt::format("'directory.computer_move_to' {}", *outside));
  }
  reader.string("vcenter_user", config.vcenter_user, check_user_format);
  config.directory = std::move(directory);
}

void read_roles(TableReader& roles, Config& config) {
  for (const Role role : {Role::viewer, Role::operator_, Role::approver, Role::admin}) {
    std::vector<std::string> groups;
    roles.strings(to_string(role), groups, [](const std::string& group) -> Problem {
      if (group.empty()) return "has an empty name";
      return std::nullopt;
    });
    config.auth.roles[role] = std::move(groups);
  }
}

/// Of the domain that the step works on; empty where that is not known.
std::string base_dn_for(const Config& config, const PlanStep& step) {
  if (step.system.empty()) return config.directory ? config.directory->base_dn : std::string{};
  const auto system = std::ranges::find(config.systems, step.system, &RecordDefinition::name);
  if (system == config.systems.end()) return {};
  const auto json = nlohmann::json::parse(system->definition, nullptr, false);
  return json.is_object() ? json.value("base_dn", std::string{}) : std::string{};
}

/// A step that says nothing of the account does what its domain's configuration says: that of [directory] is said in
/// the plan itself, and so frozen with it, as a system's definition is.
void complete_account_step(const Config& config, const PlanTemplate& plan, PlanStep& step, Mistakes& mistakes) {
  if (!step.params.contains(kActionKey)) {
    if (step.system.empty()) step.params.merge(params_of(config.computer_action));
    return;
  }
  const auto unit = step.params.find(kMoveToKey);
  if (unit == step.params.end()) return;
  if (const auto wrong = wrong_in_unit(unit->second, base_dn_for(config, step)))
    mistakes.add(plan.source, fmt::format("'move_to' of step {} {}", step.name, *wrong));
}

void read_plans(const std::filesystem::path& folder, const PlanWorld& world, Config& config, Mistakes& mistakes) {
  for (const auto& file : toml_files_of(folder, mistakes)) {
    auto plan = read_plan_file(file, world, mistakes);
    if (!plan) continue;
    const auto twin = std::ranges::find(config.plans, plan->name, &PlanTemplate::name);
    if (twin != config.plans.end())
      mistakes.add(file.string(), fmt::format("the plan '{}' is also in {}", plan->name, twin->source));
    config.plans.push_back(std::move(*plan));
  }
  for (PlanTemplate& shipped : Planner::shipped(config.systems))
    if (std::ranges::find(config.plans, shipped.name, &PlanTemplate::name) == config.plans.end())
      config.plans.push_back(std::move(shipped));
  for (PlanTemplate& plan : config.plans)
    for (PlanStep& step : plan.steps)
      if (step.kind == kAdComputerKind) complete_account_step(config, plan, step, mistakes);
}

}  // namespace

std::function<std::filesystem::path(const std::string&)> secret_files_of(const std::filesystem::path& config) {
  return Beside(config);
}

Config load_config(const std::filesystem::path& file, const StepRegistry& registry,
                   const std::vector<RecordKind>& kinds) {
  Config config;
  config.store.state_dir = "/var/lib/decomd";
  Mistakes mistakes;
  const Beside beside(file);
  Languages languages;
  if (const auto table = parse_toml_file(file, mistakes)) {
    TableReader reader(*table, "", file.string(), mistakes);
    reader.table("daemon", [&](TableReader& daemon) { read_daemon(daemon, config); });
    reader.table("store", [&](TableReader& store) {
      std::string url;
      store.string("url", url, [](const std::string& value) -> Problem {
        if (value == "sqlite") return std::nullopt;
        return fmt::format("is '{}'; this version knows \"sqlite\" alone", value);
      });
    });
    reader.table("aftercare", [&](TableReader& aftercare) { read_aftercare(aftercare, config); });
    reader.tables("vcenter", [&](TableReader& vcenter) { read_vcenter(vcenter, beside, config); });
    reader.table("directory", [&](TableReader& directory) { read_directory(directory, beside, config); });
    reader.table("roles", [&](TableReader& roles) { read_roles(roles, config); });
    reader.table("language", [&](TableReader& language) { languages = read_languages(language); });
    if (config.vcenters.empty() && !reader.has("vcenter"))
      mistakes.add(file.string(), "it has no [[vcenter]], so that there is nothing to retire");
    if (!reader.has("directory")) mistakes.add(file.string(), "it has no [directory], so that nobody could log in");
    if (!reader.has("roles")) mistakes.add(file.string(), "it has no [roles], so that nobody would have one");
  }
  const RecordWorld world{.secret_file = beside, .clock = &system_clock()};
  config.systems = read_record_files(beside.folder() / "records.d", {kinds, world, languages}, mistakes);
  read_plans(beside.folder() / "plans.d", {registry, kinds, config.systems}, config, mistakes);
  NoticeFiles notice_files{.secret_file = beside, .vcenters = {}};
  for (const VcenterOptions& vcenter : config.vcenters) notice_files.vcenters.push_back(vcenter.name);
  config.channels = read_notice_files(beside.folder() / "notices.d", notice_files, mistakes);
  if (!mistakes.empty()) {
    auto findings = mistakes.findings();
    throw Error{
        ErrorCode::invalid,
        fmt::format("cannot use {}: {} mistake{}", file.string(), findings.size(), findings.size() == 1 ? "" : "s"),
        std::move(findings)};
  }
  for (VcenterOptions& vcenter : config.vcenters) vcenter.user_format = config.vcenter_user;
  return config;
}

}  // namespace decom
