#include "cli/commands/listing.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/people.hpp"

namespace decom::cli {
namespace {

int whoami(const OutputOptions& output, Context& ctx) {
  const Json answer = ctx.client().get("/v1/whoami");
  if (!output.print_value(ctx, answer)) ctx.print(render_whoami(answer.get<api::WhoAmI>(), ctx.out()));
  return 0;
}

}  // namespace

void add_whoami(const Verb& program, Context& ctx) {
  auto output = std::make_shared<OutputOptions>();
  const Verb verb = program.verb("whoami", "Show who you are logged in as, and your roles");
  output->add(verb, {"table", "json"});
  verb.footer("Examples:\n  decomctl whoami\n  decomctl whoami --format '{{user}} {{roles}}'");
  verb.run([output, &ctx] { return whoami(*output, ctx); });
}

}  // namespace decom::cli
