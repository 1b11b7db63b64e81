#include "cli/render/plan.hpp"

#include "cli/commands/listing.hpp"
#include "cli/commands/machines.hpp"
#include "cli/commands/submitting.hpp"
#include "cli/commands/verbs.hpp"

namespace decom::cli {
namespace {

struct DryRun {
  PlanOptions plan;
  OutputOptions output;
};

int plan(const DryRun& options, Context& ctx) {
  const api::PlanBody body{read_machines(options.plan.machines, options.plan.file).machines,
                           to_api(options.plan, ctx.now())};
  const Json answer = ctx.client().post("/v1/plans", body);
  if (options.output.print_value(ctx, answer)) return 0;
  ctx.print(render_plan(answer.get<api::Plan>(), ctx.out()));
  ctx.note("nothing was changed\n");
  return 0;
}

}  // namespace

void add_plan(const Verb& program, Context& ctx) {
  auto options = std::make_shared<DryRun>();
  const Verb verb = program.verb("plan", "Show what submit would do, and change nothing");
  options->plan.add(verb);
  options->output.add(verb, {"table", "json"});
  verb.footer(
      "Every step of the plan looks at the world as it is now, and says what it would change.\n\n"
      "Examples:\n"
      "  decomctl plan web-prod-01\n"
      "  decomctl plan lab:vm-123 --skip dns -o json");
  verb.run([options, &ctx] { return plan(*options, ctx); });
}

}  // namespace decom::cli
