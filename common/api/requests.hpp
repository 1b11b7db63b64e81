#pragma once

#include "common/api/plans.hpp"

namespace decom::api {

/// POST /v1/requests, with an optional Idempotency-Key header. 202, or 200 for a repeat.
struct SubmitBody {
  std::string plan;
  std::string hash;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SubmitBody, plan, hash)

struct Step {
  std::string name;
  std::string kind;
  bool irreversible = false;
  std::string state;
  std::string message;
  int attempts = 0;
  std::optional<std::string> not_before;
  std::optional<std::string> started;
  std::optional<std::string> finished;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Step, name, kind, irreversible, state, message, attempts, not_before,
                                                started, finished)

/// One machine of a request: "17.3".
struct Decommission {
  std::string id;  ///< "17.3"
  int ordinal = 0;
  Machine machine;  ///< as it was when the request was accepted
  std::string plan;
  std::string state;
  std::string reason;
  std::optional<std::string> not_before;
  bool cancel_requested = false;
  int warnings = 0;
  std::optional<std::string> started;
  std::optional<std::string> finished;
  std::vector<Step> steps;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Decommission, id, ordinal, machine, plan, state, reason, not_before,
                                                cancel_requested, warnings, started, finished, steps)

/// GET /v1/requests/{id}
struct Request {
  std::int64_t id = 0;
  std::string created;
  std::string requester;
  std::string state;
  Options options;
  int warnings = 0;
  std::int64_t last_event = 0;  ///< follow from here without a gap
  std::vector<Decommission> machines;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Request, id, created, requester, state, options, warnings, last_event,
                                                machines)

struct RequestRow {
  std::int64_t id = 0;
  std::string created;
  std::optional<std::string> finished;
  std::string requester;
  std::string reason;
  std::string ticket;
  std::string state;
  std::int64_t machines = 0;
  std::map<std::string, int> counts;  ///< by state
  int warnings = 0;
  std::vector<std::string> names;  ///< of the first five machines
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RequestRow, id, created, finished, requester, reason, ticket, state,
                                                machines, counts, warnings, names)

/// GET /v1/requests?state=…&live=…&user=…&machine=…&text=…&since=…&until=…&limit=…&cursor=…
struct RequestPage {
  std::vector<RequestRow> items;
  std::optional<std::string> next;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RequestPage, items, next)

/// POST /v1/requests/{id}/cancel and /retry. `machines` are ordinals ("3", "17.3") or names; none: all.
struct CancelBody {
  std::vector<std::string> machines;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CancelBody, machines)

struct CancelledMachine {
  std::string id;
  std::string name;
  std::string state;
  bool in_flight = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CancelledMachine, id, name, state, in_flight)

/// 202
struct CancelAnswer {
  std::int64_t request = 0;
  std::vector<CancelledMachine> machines;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CancelAnswer, request, machines)

struct RetryBody {
  std::vector<std::string> machines;
  bool apply = false;  ///< after `unknown`: allow one more call
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RetryBody, machines, apply)

/// 202
struct RetryAnswer {
  std::int64_t request = 0;
  std::vector<std::string> machines;  ///< ids that are queued again
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RetryAnswer, request, machines)

/// POST /v1/requests/{id}/resolve
struct ResolveBody {
  std::string machine;  ///< "17.3", "3", or a name that is unique in the request
  std::string step;
  std::string as;  ///< "done" or "not-done"
  std::string reason;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ResolveBody, machine, step, as, reason)

}  // namespace decom::api
