#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include "common/base/error.hpp"
#include "daemon/admission/admission.hpp"
#include "daemon/api/routes.hpp"
#include "daemon/api/strict_body.hpp"
#include "daemon/api/to_wire.hpp"
#include "daemon/engine/engine.hpp"

namespace decom {
namespace {

/// Every step looks, several machines side by side.
std::vector<std::vector<StepPreview>> observe(Engine& engine, const PlanOffer& offer, std::size_t observers) {
  std::vector<std::vector<StepPreview>> previews(offer.machines.size());
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::string failure;
  const auto look = [&] {
    for (std::size_t i = next++; i < offer.machines.size(); i = next++) {
      try {
        previews[i] = engine.preview(offer.machines[i], offer.options);
      } catch (const std::exception& e) {  // what a step cannot read is in its preview: this is a fault of ours
        const std::lock_guard guard(mutex);
        failure = e.what();
        next = offer.machines.size();
      }
    }
  };
  {
    std::vector<std::jthread> others;  // this thread is one of them
    for (std::size_t i = 1; i < std::min(observers, offer.machines.size()); ++i) others.emplace_back(look);
    look();
  }
  if (!failure.empty()) throw Error{ErrorCode::internal, "cannot look at the machines: {}", failure};
  return previews;
}

HttpAnswer make(Admission& admission, Engine& engine, std::size_t observers, const ApiCall& call) {
  const auto body = read_body<api::PlanBody>(call.body);
  PlanOffer offer = admission.offer(body.machines, from_wire(body.options), call.who());
  const auto previews = observe(engine, offer, observers);
  for (std::size_t i = 0; i < offer.machines.size(); ++i) freeze_records(offer.machines[i].plan, previews[i]);
  admission.save(offer);
  HttpResponse response = json_response(to_wire(offer, previews), 201);
  response.headers["Location"] = "/v1/plans/" + offer.id;
  return response;
}

/// A plan is a question to one person; others see the request that comes of it.
HttpAnswer show(const Store& store, const ApiCall& call) {
  const PlanOffer offer = store.load_plan(call.args.front());
  if (offer.requester_sid != call.who().sid && !call.who().has(Role::admin))
    throw Error{ErrorCode::denied, "this plan was made for somebody else"};
  return json_response(to_wire(offer, {}));
}

}  // namespace

void add_plan_routes(Router& router, Admission& admission, Engine& engine, Store& store, std::size_t observers) {
  router.add({.method = "POST",
              .pattern = "/v1/plans",
              .access = Access::operator_,
              .where = Where::outside,
              .takes_body = true,
              .handler = [&admission, &engine, observers](const ApiCall& call) {
                return make(admission, engine, observers, call);
              }});
  router.add({.method = "GET", .pattern = "/v1/plans/{id}", .handler = [&store](const ApiCall& call) {
                return show(store, call);
              }});
}

}  // namespace decom
