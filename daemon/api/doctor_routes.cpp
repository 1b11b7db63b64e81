#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/api/routes.hpp"
#include "daemon/api/to_wire.hpp"
#include "daemon/directory/directory.hpp"
#include "daemon/notices/notices.hpp"
#include "daemon/records/record_book.hpp"
#include "daemon/vsphere/vcenter.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kLowDisk = std::int64_t{256} * 1024 * 1024;
constexpr auto kStale = 2min;
constexpr auto kSkew = 1min;
constexpr auto kRecordsTake = 10s;  // all of them, side by side

/// What our own account needs: to read, to follow, to stop and delete, and to ask about others' rights.
const std::vector<std::string>& needed_rights() {
  static const std::vector<std::string> rights{"System.View", "System.Read", "VirtualMachine.Interact.PowerOff",
                                               "VirtualMachine.Inventory.Delete"};
  return rights;
}

class Checks {
 public:
  void good(std::string name, std::string text) { add(std::move(name), "ok", std::move(text), ""); }
  void warn(std::string name, std::string text, std::string hint) {
    add(std::move(name), "warning", std::move(text), std::move(hint));
  }
  void bad(std::string name, std::string text, std::string hint) {
    add(std::move(name), "error", std::move(text), std::move(hint));
  }
  /// `look` says what is well, or throws what is not.
  template <typename Look>
  bool attempt(const std::string& name, const std::string& hint, Look look) {
    try {
      good(name, look());
      return true;
    } catch (const Error& e) {
      bad(name, e.what(), e.code() == ErrorCode::untrusted ? "check ca_file or thumbprint in decomd.toml" : hint);
      return false;
    }
  }
  [[nodiscard]] const api::Doctor& result() const { return doctor_; }

 private:
  void add(std::string name, std::string level, std::string text, std::string hint) {
    doctor_.checks.push_back({std::move(name), std::move(level), std::move(text), std::move(hint)});
  }
  api::Doctor doctor_;
};

void check_caller(Checks& checks, const ApiCall& call) {
  checks.good("socket", fmt::format("you are uid {}", call.request.uid));
  std::vector<std::string> roles;
  for (const Role role : call.who().roles) roles.emplace_back(to_string(role));
  checks.good("login", fmt::format("{}: {}", display_name(call.who().domain, call.who().sam), join(roles, ", ")));
}

void check_vcenter(Checks& checks, Vcenter& vcenter, const std::string& name, const Clock& clock) {
  const std::string title = "vcenter " + name;
  const bool reached = checks.attempt(title, "check url, username and password_file of this [[vcenter]]", [&] {
    const AboutInfo about = vcenter.about();
    return fmt::format("{} ({})", about.full_name, about.instance_uuid);
  });
  if (!reached) return;
  checks.attempt(title + ": rights", "grant them to the service account", [&]() -> std::string {
    const auto missing = vcenter.own_missing_privileges(needed_rights());
    if (!missing.empty()) throw Error{ErrorCode::denied, "the service account lacks {}", join(missing, ", ")};
    return "the service account has what it needs";
  });
  checks.attempt(title + ": clock", "let both hosts follow one time source", [&]() -> std::string {
    const auto apart = vcenter.server_time() - clock.now();
    const auto distance = apart < 0ms ? -apart : apart;
    if (distance > kSkew) throw Error{ErrorCode::conflict, "its clock is {} apart from ours", to_text(distance)};
    return fmt::format("{} apart", to_text(distance));
  });
}

void check_mirrors(Checks& checks, const Inventory& inventory, Timestamp now) {
  for (const MirrorState& state : inventory.states()) {
    const std::string title = fmt::format("vcenter {}: mirror", state.vcenter);
    const std::string trouble = state.trouble.empty() ? "not connected" : state.trouble;
    if (!state.loaded) {
      checks.bad(title, "not loaded yet: " + trouble, "search shows nothing of this vCenter");
    } else if (!state.connected || !state.as_of || now - *state.as_of > kStale) {
      checks.warn(title,
                  fmt::format("{} machines, as of {}: {}", state.machines,
                              state.as_of ? to_rfc3339(*state.as_of) : "unknown", trouble),
                  "search goes on from what was seen last");
    } else {
      checks.good(title, fmt::format("{} machines, {} old", state.machines, to_text(now - *state.as_of)));
    }
  }
}

void check_store(Checks& checks, const Store& store) {
  checks.attempt("store", "see the daemon's log", [&]() -> std::string {
    const Store::Health health = store.health();
    if (!health.trouble.empty()) throw Error{ErrorCode::busy, "{}", health.trouble};
    if (health.free_bytes < kLowDisk)
      throw Error{ErrorCode::storage_full, "only {} MiB are free on its disk", health.free_bytes / 1024 / 1024};
    return fmt::format("schema {}, {} events, {} MiB free", health.schema, health.events,
                       health.free_bytes / 1024 / 1024);
  });
  checks.attempt("audit", "somebody changed the database by hand", [&]() -> std::string {
    if (const auto broken = store.verify_audit())
      throw Error{ErrorCode::conflict, "the chain is broken at entry {}", *broken};
    return "the chain is whole";
  });
}

void check_engine(Checks& checks, const Engine& engine, const Store& store) {
  const Engine::Status status = engine.status();
  const FreezeState freeze = store.freeze_state();
  if (freeze.frozen) {
    checks.warn("engine", fmt::format("frozen by {}: {}", freeze.who, freeze.reason), "decomctl thaw");
  } else if (!status.trouble.empty()) {
    checks.bad("engine", status.trouble, "see the daemon's log");
  } else {
    checks.good("engine", fmt::format("{} of {} workers busy", status.busy, status.workers));
  }
}

void check_records(Checks& checks, const RecordBook& book) {
  for (const RecordAnswer& answer : book.test({}, kRecordsTake)) {
    const std::string name = "records " + answer.system;
    if (answer.trouble) {
      checks.bad(name, answer.text, fmt::format("decomctl steps --test {}", answer.system));
    } else {
      checks.good(name, answer.text);
    }
  }
}

/// Nothing is sent for it: what the last attempt came to.
void check_notices(Checks& checks, const Notices& notices) {
  for (const notices::ChannelStatus& status : notices.status()) {
    const std::string name = "notices " + status.options.name;
    const std::string told = status.last_told
                                 ? fmt::format("{} told, the last at {}", status.told, to_rfc3339(*status.last_told))
                                 : "none told since the start";
    if (status.trouble.empty()) {
      checks.good(name, fmt::format("{}: {}", status.where, told));
    } else {
      checks.warn(name,
                  fmt::format("{} ({}, {} failed, {} waiting)", status.trouble, told, status.failed, status.waiting),
                  fmt::format("decomctl notices --test {}", status.options.name));
    }
  }
}

HttpAnswer doctor(const DoctorParts& parts, const ApiCall& call) {
  Checks checks;
  check_caller(checks, call);
  for (const std::string& name : parts.vcenters.names())
    check_vcenter(checks, parts.vcenters.by_name(name), name, parts.clock);
  check_mirrors(checks, parts.inventory, parts.clock.now());
  if (parts.directory == nullptr) {
    checks.bad("directory", "none is configured: nobody can log in", "add [directory] to decomd.toml");
  } else {
    checks.attempt("directory", "check [directory] in decomd.toml", [&] { return parts.directory->check(); });
  }
  check_records(checks, parts.book);
  check_store(checks, parts.store);
  check_engine(checks, parts.engine, parts.store);
  if (parts.notices != nullptr) check_notices(checks, *parts.notices);
  const std::string reload = parts.reload_trouble ? parts.reload_trouble() : "";
  if (!reload.empty()) checks.warn("configuration", "the last reload was refused: " + reload, "decomd --check");
  return json_response(checks.result());
}

HttpAnswer health(const DoctorParts& parts) {
  bool is_well = parts.engine.status().trouble.empty() && parts.store.health().trouble.empty();
  for (const MirrorState& state : parts.inventory.states()) is_well = is_well && state.connected;
  return json_response(api::Health{.status = is_well ? "ok" : "degraded", .version = DECOM_VERSION});
}

}  // namespace

void add_doctor_routes(Router& router, DoctorParts parts) {
  router.add({.method = "GET", .pattern = "/v1/health", .access = Access::anyone, .handler = [parts](const ApiCall&) {
                return health(parts);
              }});
  router.add({.method = "GET",
              .pattern = "/v1/doctor",
              .where = Where::outside,
              .handler = [parts = std::move(parts)](const ApiCall& call) { return doctor(parts, call); }});
}

}  // namespace decom
