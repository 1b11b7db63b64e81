#include "daemon/app/app.hpp"

#include <csignal>
#include <cstdlib>

#include <systemd/sd-daemon.h>

#include "common/base/log.hpp"
#include "daemon/admission/admission.hpp"
#include "daemon/aftercare/caretaker.hpp"
#include "daemon/api/api.hpp"
#include "daemon/app/own_machine.hpp"
#include "daemon/auth/auth.hpp"
#include "daemon/config/config.hpp"
#include "daemon/directory/active_directory.hpp"
#include "daemon/engine/engine.hpp"
#include "daemon/inventory/inventory.hpp"
#include "daemon/notices/notices.hpp"
#include "daemon/records/record_book.hpp"
#include "daemon/records/record_systems.hpp"
#include "daemon/server/server.hpp"
#include "daemon/steps/ad_records.hpp"
#include "daemon/steps/world.hpp"
#include "daemon/store/store.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;

/// The plans of the moment; replaced as a whole on reload, so that a request sees one set or the other.
class Plans {
 public:
  explicit Plans(std::shared_ptr<const Planner> planner) : planner_(std::move(planner)) {}
  [[nodiscard]] std::shared_ptr<const Planner> current() const {
    const std::lock_guard guard(mutex_);
    return planner_;
  }
  void replace(std::shared_ptr<const Planner> planner) {
    const std::lock_guard guard(mutex_);
    planner_ = std::move(planner);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Planner> planner_;
};

/// What was wrong with the last reload, for doctor.
class Trouble {
 public:
  void set(std::string text) {
    const std::lock_guard guard(mutex_);
    text_ = std::move(text);
  }
  [[nodiscard]] std::string get() const {
    const std::lock_guard guard(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

std::vector<std::string> protected_uuids(const Config& config) {
  auto uuids = config.protected_uuids;
  if (const auto own = own_machine_uuid()) uuids.push_back(*own);
  return uuids;
}

/// The directory holds records of machines too, and needs no file of records.d for that.
std::vector<FixedSystem> systems_without_a_file(Directory* directory, const AdAction& action,
                                                const StepRegistry& registry, const std::filesystem::path& config) {
  if (directory == nullptr) return {};
  return {{.definition = {.name = "ad_computer",
                          .kind = kAdComputerKind,
                          .summary = registry.at(kAdComputerKind).summary,
                          .after = {"destroy"},
                          .source = config.string()},
           .system = std::make_shared<AdRecords>(*directory, action)}};
}

}  // namespace

class App::Impl {
 public:
  explicit Impl(std::filesystem::path file)
      : file_(std::move(file)),
        records_(std::make_shared<RecordSystems>(RecordWorld{.secret_file = secret_files_of(file_), .clock = &clock_},
                                                 all_record_kinds())),
        registry_(built_in_steps(records_)),
        config_(load_config(file_, registry_)),
        store_(store_options(), clock_),
        vcenters_(config_.vcenters, clock_),
        directory_(config_.directory ? connect_active_directory(*config_.directory) : nullptr),
        inventory_(vcenters_, clock_),
        book_(records_, clock_, config_.systems,
              systems_without_a_file(directory_.get(), config_.computer_action, registry_, file_)),
        plans_(make_planner(config_)),
        auth_(config_.auth, store_, directory_.get(), clock_),
        admission_(
            {.policy = config_.policy,
             .vcenter_user = config_.vcenter_user,
             .protected_uuids = protected_uuids(config_)},
            store_, vcenters_, inventory_, auth_, [this] { return plans_.current(); }, registry_, clock_),
        vm_ops_(over_vcenters(vcenters_)),
        engine_(
            config_.engine, store_, world(), registry_,
            [this](const Claim& claim, const KindTraits& kind) { admission_.may_act(claim, kind); }, clock_),
        caretaker_(
            {}, store_, registry_,
            [this](const PlannedMachine& planned, const RequestOptions& options) {
              return engine_.preview(planned, options);
            },
            [this](const Claim& ended, const PlanStep& step, const std::vector<SeenRecord>& found,
                   const std::string& key) {
              const Accepted accepted = admission_.remove_again(ended, step, found, key);
              engine_.wake();
              return fmt::format("request {} removes {} again", accepted.request, found.size() == 1 ? "it" : "them");
            },
            clock_),
        notices_(store_, clock_, config_.channels),
        api_(api_world()),
        server_(config_.server, api_, store_) {}

  int run() {
    store_.on_grown([this](std::int64_t last) {
      server_.journal_grown(last);
      engine_.wake();
      caretaker_.wake();
      notices_.grown(last);
    });
    server_.on_signal([this](int signal) { on_signal(signal); });
    refuse_twin_vcenters();
    inventory_.start();
    notices_.start();
    engine_.start();
    caretaker_.start();
    log::info("app", "decomd {} listens on {}", DECOM_VERSION, config_.server.socket.string());
    sd_notify(0, "READY=1");
    server_.run();
    sd_notify(0, "STOPPING=1");
    log::info("app", "stopping: steps in flight go on to their next safe point");
    caretaker_.request_stop();
    engine_.stop(20s);
    caretaker_.stop();
    inventory_.stop();
    notices_.stop();
    store_.on_grown({});
    return 0;
  }

 private:
  std::shared_ptr<const Planner> make_planner(const Config& config) const {
    return std::make_shared<const Planner>(config.plans, registry_, config.directory.has_value(), config.systems);
  }

  /// A vCenter that is away now is checked when it comes back; two entries for one are a mistake at once.
  void refuse_twin_vcenters() {
    try {
      vcenters_.check_distinct();
    } catch (const Error& e) {
      if (e.code() == ErrorCode::invalid) throw;
      log::warning("app", "{}", e.what());
    }
  }

  void on_signal(int signal) {
    if (signal == SIGHUP) {
      reload();
    } else {
      server_.stop();
    }
  }

  /// All or nothing: on a mistake the old plans and systems of records stay. Accepted plans are frozen and do not
  /// change either way.
  void reload() {
    sd_notify(0, "RELOADING=1");
    try {
      const Config config = load_config(file_, registry_);
      auto planner = make_planner(config);
      book_.replace(config.systems);
      plans_.replace(std::move(planner));
      notices_.replace(config.channels);
      reload_trouble_.set("");
      log::info("app", "reloaded the plans, {} systems of records and {} channels of notices", config.systems.size(),
                config.channels.size());
    } catch (const Error& e) {
      std::string trouble = e.what();
      for (const Finding& finding : e.findings()) trouble += fmt::format("; {}: {}", finding.where, finding.what);
      reload_trouble_.set(trouble);
      log::error("app", "plans and systems of records stay as they were: {}", trouble);
    }
    sd_notify(0, "READY=1");
  }

  StoreOptions store_options() const {
    StoreOptions options = config_.store;
    options.aftercare = aftercare_rules(registry_, config_.look_again);
    return options;
  }

  World world() {
    return {.vms = vm_ops_.get(),
            .directory = directory_.get(),
            .live_bearers = [this](const std::string& bearer,
                                   const Identity& except) { return live_bearers(bearer, except); },
            .protected_uuids = protected_uuids(config_)};
  }

  std::vector<std::string> live_bearers(const std::string& name_or_address, const Identity& except) const {
    std::vector<std::string> names;
    for (const Machine& machine : inventory_.bearing_now(name_or_address))
      if (machine.identity != except) names.push_back(machine.name);
    return names;
  }

  ApiWorld api_world() {
    return {.store = store_,
            .auth = auth_,
            .admission = admission_,
            .engine = engine_,
            .inventory = inventory_,
            .book = book_,
            .registry = registry_,
            .vcenters = vcenters_,
            .directory = directory_.get(),
            .clock = clock_,
            .notices = &notices_,
            .reload_trouble = [this] { return reload_trouble_.get(); }};
  }

  Clock& clock_ = system_clock();
  std::filesystem::path file_;
  std::shared_ptr<RecordSystems> records_;
  StepRegistry registry_;
  Config config_;
  Store store_;
  VcenterPool vcenters_;
  std::unique_ptr<Directory> directory_;
  Inventory inventory_;
  RecordBook book_;
  Plans plans_;
  Auth auth_;
  Admission admission_;
  std::unique_ptr<VmOps> vm_ops_;
  Engine engine_;
  Caretaker caretaker_;
  Trouble reload_trouble_;
  Notices notices_;
  Api api_;
  Server server_;
};

App::App(std::filesystem::path config_file) : impl_(std::make_unique<Impl>(std::move(config_file))) {}
App::~App() = default;
int App::run() { return impl_->run(); }

}  // namespace decom
