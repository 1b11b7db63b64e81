#include "common/base/error.hpp"
#include "daemon/api/machine_refs.hpp"
#include "daemon/api/routes.hpp"
#include "daemon/store/store.hpp"

namespace decom {
namespace {

std::int64_t begin_of(const Store& store, const ApiCall& call) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto since = call.query.number("since", 0, kMost);
  if (const auto header = call.request.headers.find("last-event-id"); header != call.request.headers.end()) {
    const auto last = parse_number(header->second);
    if (!last) throw Error{ErrorCode::usage, "Last-Event-ID is the number of an event, not '{}'", header->second};
    return *last;
  }
  return since ? *since : store.last_seq();
}

bool wants_ndjson(const HttpRequest& request) {
  const auto accept = request.headers.find("accept");
  return accept != request.headers.end() && accept->second.find("application/x-ndjson") != std::string::npos;
}

HttpAnswer follow(const Store& store, const ApiCall& call) {
  EventStream stream;
  stream.since = begin_of(store, call);
  stream.ndjson = wants_ndjson(call.request);
  stream.until_settled = call.query.flag("until_settled");
  std::string machine = call.query.text("machine");
  stream.request = call.query.number("request", 1, std::numeric_limits<std::int64_t>::max()).value_or(0);
  if (stream.request == 0) {  // "17.3" says it all
    const auto dot = machine.find('.');
    const auto number = dot == std::string::npos ? std::nullopt : parse_number(machine.substr(0, dot));
    if (number) stream.request = *number;
  }
  if (stream.request == 0) {
    if (!machine.empty() || stream.until_settled)
      throw Error{ErrorCode::usage, "'{}' needs 'request'", machine.empty() ? "until_settled" : "machine"};
    return stream;
  }
  stream.settles_after = store.last_seq();  // before the request is read: a settling that it does not show comes later
  const Request request = store.load_request(stream.request);
  if (!machine.empty()) stream.machine = find_machines(request, {machine}).front();
  if (!stream.until_settled) return stream;
  std::vector<DecommissionState> states;
  for (const Decommission& one : request.decommissions)
    if (!stream.machine || one.ordinal == *stream.machine) states.push_back(one.state);
  if (is_settled(state_of_request(states))) stream.settled_by = store.last_seq();
  return stream;
}

}  // namespace

void add_event_routes(Router& router, Store& store) {
  router.add({.method = "GET",
              .pattern = "/v1/events",
              .query = {"since", "request", "machine", "until_settled"},
              .handler = [&store](const ApiCall& call) { return follow(store, call); }});
}

}  // namespace decom
