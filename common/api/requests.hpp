#pragma once

#include "common/api/notices.hpp"
#include "common/api/plans.hpp"

namespace decom::api {

/// POST /v1/requests, with an optional Idempotency-Key header. 202, or 200 for a repeat.
struct SubmitBody {
  std::string plan;
  std::string hash;
};
DECOM_WIRE_TYPE(SubmitBody)

/// What falls, or fell, due for a step after its machine had ended.
struct Aftercare {
  std::string kind;   ///< "look" or "lift"
  std::string after;  ///< "1h"
  std::string due;
  std::string state;  ///< "waiting", "done" or "given_up"
  int attempts = 0;
  int found = 0;  ///< records that were there
  std::string said;
};
DECOM_WIRE_TYPE(Aftercare)

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
  std::vector<Aftercare> aftercare = {};
};
DECOM_WIRE_TYPE(Step)

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
DECOM_WIRE_TYPE(Decommission)

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
  std::vector<FailedNotice> failed_notices;  ///< warnings too
};
DECOM_WIRE_TYPE(Request)

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
DECOM_WIRE_TYPE(RequestRow)

/// GET /v1/requests?state=…&live=…&user=…&machine=…&text=…&since=…&until=…&limit=…&cursor=…
struct RequestPage {
  std::vector<RequestRow> items;
  std::optional<std::string> next;
};
DECOM_WIRE_TYPE(RequestPage)

/// POST /v1/requests/{id}/cancel and /retry. `machines` are ordinals ("3", "17.3") or names; none: all.
struct CancelBody {
  std::vector<std::string> machines;
};
DECOM_WIRE_TYPE(CancelBody)

struct CancelledMachine {
  std::string id;
  std::string name;
  std::string state;
  bool in_flight = false;
};
DECOM_WIRE_TYPE(CancelledMachine)

/// 202
struct CancelAnswer {
  std::int64_t request = 0;
  std::vector<CancelledMachine> machines;
};
DECOM_WIRE_TYPE(CancelAnswer)

struct RetryBody {
  std::vector<std::string> machines;
  bool apply = false;  ///< after `unknown`: allow one more call
};
DECOM_WIRE_TYPE(RetryBody)

/// 202
struct RetryAnswer {
  std::int64_t request = 0;
  std::vector<std::string> machines;  ///< ids that are queued again
};
DECOM_WIRE_TYPE(RetryAnswer)

/// POST /v1/requests/{id}/resolve
struct ResolveBody {
  std::string machine;  ///< "17.3", "3", or a name that is unique in the request
  std::string step;
  std::string as;  ///< "done" or "not-done"
  std::string reason;
};
DECOM_WIRE_TYPE(ResolveBody)

}  // namespace decom::api
