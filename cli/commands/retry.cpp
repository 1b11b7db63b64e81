#include "cli/commands/follow.hpp"
#include "cli/commands/listing.hpp"
#include "cli/commands/machines.hpp"
#include "cli/commands/verbs.hpp"
#include "common/api/requests.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

struct RetryOptions {
  RequestOptions request;
  bool apply = false;
  WaitOptions wait;
  OutputOptions output;
};

int retry(const RetryOptions& options, Context& ctx) {
  const RequestRef ref = parse_request_ref(options.request.request);
  const api::RetryBody body{options.request.machines_of(ref), options.apply};
  const Json accepted = ctx.client().post("/v1/requests/" + std::to_string(ref.request) + "/retry", body);
  const auto answer = accepted.get<api::RetryAnswer>();
  if (!options.output.print_value(ctx, accepted))
    ctx.note("queued again: " + safe_for_terminal(join(answer.machines, ", ")) + "\n");
  return options.wait.run(ctx, ref.request, answer.machines);
}

}  // namespace

void add_retry(const Verb& program, Context& ctx) {
  auto options = std::make_shared<RetryOptions>();
  const Verb verb = program.verb("retry", "Run what failed, is held or is in doubt once more, under your rights");
  options->request.add(verb);
  verb.flag("--apply", options->apply, "Where a step's outcome is not known, allow one more call");
  options->wait.add(verb);
  options->output.add(verb, {"table", "json"});
  verb.footer(
      "After an unknown outcome, retry only looks again: it sends nothing without --apply.\n\n"
      "Examples:\n"
      "  decomctl retry 17 --watch\n"
      "  decomctl retry 17.3 --apply");
  verb.run([options, &ctx] { return retry(*options, ctx); });
}

}  // namespace decom::cli
