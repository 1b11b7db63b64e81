#include "cli/commands/listing.hpp"
#include "cli/commands/machines.hpp"
#include "cli/commands/verbs.hpp"
#include "common/api/requests.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

struct ResolveOptions {
  std::string step;
  std::string as;
  std::string reason;
  OutputOptions output;
};

int resolve(const ResolveOptions& options, Context& ctx) {
  const RequestRef ref = parse_request_ref(options.step);
  if (!ref.machine || ref.step.empty())
    throw Error{ErrorCode::usage, "'{}' is not a step: say which, such as 17.3/destroy", options.step};
  const Json answer = ctx.client().post("/v1/requests/" + std::to_string(ref.request) + "/resolve",
                                        api::ResolveBody{ref.machine_id(), ref.step, options.as, options.reason});
  if (!options.output.print_value(ctx, answer))
    ctx.note(safe_for_terminal(options.step) + " is closed as " + options.as + "\n");
  return 0;
}

}  // namespace

void add_resolve(const Verb& program, Context& ctx) {
  auto options = std::make_shared<ResolveOptions>();
  const Verb verb = program.verb("resolve", "Say what became of a step whose outcome is not known");
  verb.option("step", options->step, "As 17.3/destroy")
      .required()
      .type_name("STEP")
      .completes(ValueSpec::Kind::request);
  verb.option("--as", options->as, "What you found out").required().one_of({"done", "not-done"});
  verb.option("--reason", options->reason, "How you know; kept in the audit").required().type_name("TEXT");
  options->output.add(verb, {"table", "json"});
  verb.footer(
      "Look at the other system yourself first: the daemon believes you, and goes on from there.\n\n"
      "Examples:\n"
      "  decomctl resolve 17.3/destroy --as done --reason 'deleted in vCenter, task-77'");
  verb.run([options, &ctx] { return resolve(*options, ctx); });
}

}  // namespace decom::cli
