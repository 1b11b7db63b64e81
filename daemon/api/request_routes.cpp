#include <algorithm>

#include "common/base/crypto.hpp"
#include "common/base/error.hpp"
#include "daemon/admission/admission.hpp"
#include "daemon/api/machine_refs.hpp"
#include "daemon/api/request_list.hpp"
#include "daemon/api/routes.hpp"
#include "daemon/api/strict_body.hpp"
#include "daemon/api/to_wire.hpp"
#include "daemon/auth/auth.hpp"
#include "daemon/engine/engine.hpp"

namespace decom {
namespace {

/// The journal's number is read first: what changes meanwhile is shown twice rather than never.
api::Request whole_request(const Store& store, std::int64_t id) {
  const std::int64_t last = store.last_seq();
  return to_wire(store.load_request(id), last, store.failed_notices(id));
}

/// A repeat is answered from the store alone. Else everything is asked again of vCenter and directory first; where that
/// refuses, a twin of this very call may have been accepted meanwhile and be the reason.
Accepted accept(Admission& admission, Store& store, const Submission& submission, const Principal& who) {
  if (const auto before = store.accepted_before(submission, who)) return *before;
  try {
    admission.recheck(store.load_plan(submission.plan_id), who);
  } catch (const Error&) {
    if (const auto twin = store.accepted_before(submission, who)) return *twin;
    throw;
  }
  return store.submit(submission, who);
}

std::string idempotency_key(const HttpRequest& request) {
  const auto found = request.headers.find("idempotency-key");
  if (found == request.headers.end()) return {};
  const std::string& key = found->second;
  const bool plain = std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
  if (key.empty() || key.size() > 255 || !plain)
    throw Error{ErrorCode::usage, "an Idempotency-Key has 1 to 255 printable ASCII characters"};
  return key;
}

HttpAnswer submit(Admission& admission, Engine& engine, Store& store, const ApiCall& call) {
  const auto body = read_body<api::SubmitBody>(call.body);
  if (body.plan.empty() || body.hash.empty())
    throw Error{ErrorCode::invalid, "plan and hash are what POST /v1/plans answered with"};
  const Submission submission{.plan_id = body.plan,
                              .plan_hash = body.hash,
                              .idempotency_key = idempotency_key(call.request),
                              .body_hash = sha256_hex(call.body.dump())};
  const Accepted accepted = accept(admission, store, submission, call.who());
  if (!accepted.repeated) engine.wake();
  HttpResponse response = json_response(whole_request(store, accepted.request), accepted.repeated ? 200 : 202);
  response.headers["Location"] = fmt::format("/v1/requests/{}", accepted.request);
  return response;
}

HttpAnswer list(const Store& store, const ApiCall& call) {
  RequestFilter filter = request_filter(call.query);
  const std::size_t limit = filter.limit;
  filter.limit = limit + 1;  // one more tells whether there is a next page
  auto rows = store.list_requests(filter);
  api::RequestPage page;
  if (rows.size() > limit) {
    rows.resize(limit);
    page.next = cursor_behind(rows.back().id, call.query);
  }
  for (const RequestRow& row : rows) page.items.push_back(to_wire(row));
  return json_response(page);
}

HttpAnswer cancel(Engine& engine, Store& store, const ApiCall& call) {
  const auto body = read_body<api::CancelBody>(call.body);
  const Request request = store.load_request(call.request_number());
  const auto cancelled = store.cancel(request.id, find_machines(request, body.machines), call.who());
  api::CancelAnswer answer{.request = request.id, .machines = {}};
  for (const CancelledMachine& machine : cancelled) {
    if (machine.in_flight) {
      const auto flying = std::ranges::find(request.decommissions, machine.ordinal, &Decommission::ordinal);
      if (flying != request.decommissions.end()) engine.cancel(flying->id);
    }
    answer.machines.push_back({machine_id(request.id, machine.ordinal), machine.name,
                               std::string(to_string(machine.state)), machine.in_flight});
  }
  engine.wake();
  return json_response(answer, 202);
}

/// The roles are read anew: what is retried runs under the rights of who retries it.
Principal owner_or_admin(Auth& auth, const ApiCall& call, const Request& request) {
  Principal who = auth.refresh(call.who(), Role::operator_);
  if (who.sid != request.requester_sid && !who.has(Role::admin))
    throw Error{ErrorCode::denied, "request {} is {}'s: only they or an administrator may do that", request.id,
                request.requester};
  return who;
}

HttpAnswer retry(Engine& engine, Auth& auth, Store& store, const ApiCall& call) {
  const auto body = read_body<api::RetryBody>(call.body);
  const Request request = store.load_request(call.request_number());
  const Principal who = owner_or_admin(auth, call, request);
  const auto retried = store.retry(request.id, find_machines(request, body.machines), body.apply, who);
  engine.wake();
  api::RetryAnswer answer{.request = request.id, .machines = {}};
  for (const int ordinal : retried) answer.machines.push_back(machine_id(request.id, ordinal));
  return json_response(answer, 202);
}

HttpAnswer resolve(Engine& engine, Auth& auth, Store& store, const ApiCall& call) {
  const auto body = read_body<api::ResolveBody>(call.body);
  std::vector<Finding> findings;
  if (body.machine.empty()) findings.push_back({"machine", "is missing"});
  if (body.step.empty()) findings.push_back({"step", "is missing"});
  if (body.as != "done" && body.as != "not-done") findings.push_back({"as", "is to be 'done' or 'not-done'"});
  if (body.reason.empty()) findings.push_back({"reason", "is missing: the audit says how you know"});
  if (!findings.empty()) {
    const std::string text = findings.front().where + ": " + findings.front().what;
    throw Error{ErrorCode::invalid, text, std::move(findings)};
  }
  const Request request = store.load_request(call.request_number());
  const Principal who = owner_or_admin(auth, call, request);
  const int machine = find_machines(request, {body.machine}).front();
  store.resolve(request.id, machine, body.step, body.as == "done", body.reason, who);
  engine.wake();
  return json_response(whole_request(store, request.id));
}

}  // namespace

void add_request_routes(Router& router, Admission& admission, Engine& engine, Auth& auth, Store& store) {
  router.add({.method = "POST",
              .pattern = "/v1/requests",
              .access = Access::operator_,
              .where = Where::outside,
              .takes_body = true,
              .handler = [&](const ApiCall& call) { return submit(admission, engine, store, call); }});
  router.add({.method = "GET",
              .pattern = "/v1/requests",
              .query = {"state", "live", "user", "machine", "text", "since", "until", "limit", "cursor"},
              .handler = [&store](const ApiCall& call) { return list(store, call); }});
  router.add({.method = "GET", .pattern = "/v1/requests/{id}", .handler = [&store](const ApiCall& call) -> HttpAnswer {
                return json_response(whole_request(store, call.request_number()));
              }});
  router.add({.method = "POST",
              .pattern = "/v1/requests/{id}/cancel",
              .access = Access::operator_,
              .takes_body = true,
              .old_roles_do = true,
              .handler = [&](const ApiCall& call) { return cancel(engine, store, call); }});
  router.add({.method = "POST",
              .pattern = "/v1/requests/{id}/retry",
              .access = Access::operator_,
              .where = Where::outside,
              .takes_body = true,
              .handler = [&](const ApiCall& call) { return retry(engine, auth, store, call); }});
  router.add({.method = "POST",
              .pattern = "/v1/requests/{id}/resolve",
              .access = Access::operator_,
              .where = Where::outside,
              .takes_body = true,
              .handler = [&](const ApiCall& call) { return resolve(engine, auth, store, call); }});
}

}  // namespace decom
