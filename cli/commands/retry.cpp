#include "cli/commands/follow.hpp"
#include "cli/commands/listing.hpp"
#include "cli/commands/machines.hpp"
#include "cli/commands/verbs.hpp"
#include "common/api/requests.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

struct RetryOptions {
  std::string request;
  std::vector<std::string> machines;
  bool apply = false;
  WaitOptions wait;
  OutputOptions output;
};

int retry(const RetryOptions& options, Context& ctx) {
  const RequestRef ref = parse_request_ref(options.request);
  api::RetryBody body{options.machines, options.apply};
  if (ref.machine) body.machines.push_back(ref.machine_id());
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
  verb.option("request", options->request, "17, or 17.3 for its third machine")
      .required()
      .type_name("REQUEST")
      .completes(ValueSpec::Kind::request);
  verb.option("--vm", options->machines, "Only this machine of it, as 17.3 or by name; may be repeated")
      .type_name("VM")
      .one_a_time();
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
