#include "cli/commands/machines.hpp"
#include "cli/commands/stories.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/machines.hpp"

namespace decom::cli {
namespace {

struct ShowOptions {
  std::string what;
  OutputOptions output;
};

int show(const ShowOptions& options, Context& ctx) {
  if (const auto ref = request_ref(options.what)) return show_request(*ref, options.output, ctx);
  const Json answer = ctx.client().get("/v1/vms/" + percent_encoded(options.what));
  if (!options.output.print_value(ctx, answer)) ctx.print(machine_story(answer.get<api::Machine>(), ctx.out()));
  return 0;
}

}  // namespace

void add_show(const Verb& program, Context& ctx) {
  auto options = std::make_shared<ShowOptions>();
  const Verb verb = program.verb("show", "Show all that is known of a machine or of a request");
  verb.option("what", options->what, "A name that is unique, an id such as lab:vm-123, or a request: 17, 17.3")
      .required()
      .type_name("VM|REQUEST")
      .completes(ValueSpec::Kind::machine);
  options->output.add(verb, {"table", "json"});
  verb.footer("Examples:\n  decomctl show web-prod-01\n  decomctl show lab:vm-123 -o json\n  decomctl show 17.3");
  verb.run([options, &ctx] { return show(*options, ctx); });
}

}  // namespace decom::cli
