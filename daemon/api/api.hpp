#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/admission/admission.hpp"
#include "daemon/api/http.hpp"
#include "daemon/api/lane.hpp"
#include "daemon/api/router.hpp"
#include "daemon/auth/auth.hpp"
#include "daemon/directory/directory.hpp"
#include "daemon/engine/engine.hpp"
#include "daemon/inventory/inventory.hpp"
#include "daemon/records/record_book.hpp"
#include "daemon/store/store.hpp"
#include "daemon/vsphere/vcenter.hpp"

namespace decom {

struct ApiOptions {
  std::size_t api_threads = 2;
  std::size_t outside_threads = 8;
  std::size_t outside_waiting = 64;  ///< beyond that: 503
  std::size_t outside_a_uid = 16;    ///< calls of one uid that run or wait there; beyond that: 429
  std::size_t logins_a_uid = 2;      ///< logins of one uid at once; beyond that: 429
  std::size_t observers_a_plan = 4;  ///< machines of one dry run that are looked at side by side
};

class Notices;

/// What the handlers use. All of it outlives the Api.
struct ApiWorld {
  Store& store;
  Auth& auth;
  Admission& admission;
  Engine& engine;
  const Inventory& inventory;
  const RecordBook& book;
  const StepRegistry& registry;
  VcenterPool& vcenters;
  Directory* directory = nullptr;  ///< null where none is configured
  Clock& clock;
  Notices* notices = nullptr;  ///< null where nobody is told of anything
  /// For doctor: what was wrong with the last reload; empty when nothing was.
  std::function<std::string()> reload_trouble{};
};

/// The HTTP API. `handle` returns at once; a handler runs on an *api* thread, or on an *outside* one where it may have
/// to wait for vCenter or the directory, so that neither can stop the rest.
class Api final : public HttpHandler {
 public:
  Api(const ApiWorld& world, ApiOptions options = {});
  ~Api() override;

  void handle(HttpRequest request, std::function<void(HttpAnswer)> respond) override;

  [[nodiscard]] const std::vector<Route>& routes() const { return router_.routes(); }

 private:
  struct Job;
  /// A place among what one uid may have outside; given back when it dies.
  class Place;

  void begin(const std::shared_ptr<Job>& job);
  void go_outside(const std::shared_ptr<Job>& job);
  void run(Job& job);
  void finish(Job& job, const std::function<HttpAnswer()>& act);
  std::shared_ptr<Place> take_place(const Job& job);

  ApiOptions options_;
  Store& store_;
  Auth& auth_;
  Router router_;
  std::mutex mutex_;
  struct Load {
    std::size_t outside = 0;
    std::size_t logins = 0;
  };
  std::map<std::uint32_t, Load> load_;  ///< by uid
  Lane outside_;
  Lane api_;  ///< last: it hands over to the other
};

}  // namespace decom
