#pragma once

#include <functional>
#include <string>

#include "common/base/clock.hpp"
#include "daemon/api/router.hpp"

/// One function a resource; each says what it needs and no more. References outlive the router.
namespace decom {

class Admission;
class Auth;
class Directory;
class Engine;
class Inventory;
class Notices;
class RecordBook;
class StepRegistry;
class Store;
class VcenterPool;

void add_auth_routes(Router& router, Auth& auth, Store& store);
void add_token_routes(Router& router, Auth& auth, Store& store);
void add_vm_routes(Router& router, const Inventory& inventory, Clock& clock);
void add_plan_routes(Router& router, Admission& admission, Engine& engine, Store& store, std::size_t observers);
void add_request_routes(Router& router, Admission& admission, Engine& engine, Auth& auth, Store& store);
void add_record_routes(Router& router, const Inventory& inventory, const Store& store, const RecordBook& book);
void add_step_routes(Router& router, const RecordBook& book, const StepRegistry& registry);
/// `notices` may be null: nobody is told of anything.
void add_notice_routes(Router& router, Notices* notices, Store& store);
void add_event_routes(Router& router, Store& store);
void add_freeze_routes(Router& router, Engine& engine, Auth& auth, Store& store);

struct DoctorParts {
  Store& store;
  Engine& engine;
  const Inventory& inventory;
  const RecordBook& book;
  VcenterPool& vcenters;
  Directory* directory;
  Clock& clock;
  std::function<std::string()> reload_trouble;
  const Notices* notices;
};
void add_doctor_routes(Router& router, DoctorParts parts);

/// The contract, as JSON; made from common/api/openapi.yaml at build time.
std::string_view openapi_json();
void add_contract_routes(Router& router);

}  // namespace decom
