#include <algorithm>

#include "cli/commands/follow.hpp"
#include "cli/commands/listing.hpp"
#include "cli/commands/machines.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/requests.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

struct CancelOptions {
  RequestOptions request;
  bool no_wait = false;
  OutputOptions output;
};

int cancel(const CancelOptions& options, Context& ctx) {
  constexpr int kExitInterrupted = 130;
  const RequestRef ref = parse_request_ref(options.request.request);
  const Client client = ctx.client();
  const api::CancelBody body{options.request.machines_of(ref)};
  const std::string path = "/v1/requests/" + std::to_string(ref.request);
  const Json accepted = client.post(path + "/cancel", body);
  const auto answer = accepted.get<api::CancelAnswer>();
  std::vector<std::string> ids;
  for (const api::CancelledMachine& machine : answer.machines) {
    ids.push_back(machine.id);
    if (machine.in_flight)
      ctx.note(safe_for_terminal(machine.id + " " + machine.name) + " is at work: its step is being stopped\n");
  }
  if (options.no_wait) {
    if (options.output.print_value(ctx, accepted)) return 0;
    ctx.note(fmt::format("the cancel of request {} is accepted; see 'decomctl status {}'\n", ref.request, ref.request));
    return 0;
  }
  Follow end{.requests = {ref.request}, .machines = ids, .since = {}, .show = Follow::Show::nothing};
  end.cancelled = true;
  if (follow(ctx, end) == kExitInterrupted) return kExitInterrupted;
  const Json settled = client.get(path);
  const auto request = settled.get<api::Request>();
  if (!options.output.print_value(ctx, settled)) ctx.print(cancel_report(request, ids, ctx.out()));
  std::size_t cancelled = 0;
  std::size_t through = 0;  // before the cancel could reach them
  for (const api::Decommission& machine : request.machines) {
    if (std::ranges::find(ids, machine.id) == ids.end()) continue;
    if (machine.state == "needs_attention") return 8;
    ++(machine.state == "cancelled" ? cancelled : through);
  }
  if (cancelled == 0) ctx.note("nothing was cancelled: what was named had ended already\n");
  return through == 0 ? 0 : 1;
}

}  // namespace

void add_cancel(const Verb& program, Context& ctx) {
  auto options = std::make_shared<CancelOptions>();
  const Verb verb = program.verb("cancel", "Stop a request; steps that are done stay done");
  options->request.add(verb);
  verb.flag("--no-wait", options->no_wait, "Do not wait until it has stopped");
  options->output.add(verb, {"table", "json"});
  verb.footer(
      "Stops what waits at once and the step at work as soon as it can be, then tells what was done and what was not.\n"
      "Exit code: 0 cancelled, 1 a machine was through already, 8 the outcome of a step is not known.\n\n"
      "Examples:\n"
      "  decomctl cancel 17\n"
      "  decomctl cancel 17 --vm web-prod-01 --vm 17.3");
  verb.run([options, &ctx] { return cancel(*options, ctx); });
}

}  // namespace decom::cli
