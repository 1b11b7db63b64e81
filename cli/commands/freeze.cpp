#include "cli/commands/listing.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/people.hpp"

namespace decom::cli {
namespace {

struct FreezeOptions {
  std::string reason;
  OutputOptions output;
};

int set_freeze(const FreezeOptions& options, const std::string& path, Context& ctx) {
  const Json state = ctx.client().post(path, api::FreezeBody{options.reason});
  if (!options.output.print_value(ctx, state)) ctx.print(render_freeze(state.get<api::Freeze>(), ctx.out()));
  return 0;
}

void add(const Verb& program, Context& ctx, const char* name, const char* text, const char* footer) {
  auto options = std::make_shared<FreezeOptions>();
  const Verb verb = program.verb(name, text);
  verb.option("--reason", options->reason, "Why; shown to everybody who is stopped by it").required().type_name("TEXT");
  options->output.add(verb, {"table", "json"});
  verb.footer(footer);
  const std::string path = std::string("/v1/") + name;
  verb.run([options, path, &ctx] { return set_freeze(*options, path, ctx); });
}

}  // namespace

void add_freeze(const Verb& program, Context& ctx) {
  add(program, ctx, "freeze", "Stop every new irreversible step at once; administrators only",
      "What is under way at vCenter ends there; nothing irreversible begins until 'decomctl thaw'.\n\n"
      "Examples:\n  decomctl freeze --reason 'storage incident'");
}

void add_thaw(const Verb& program, Context& ctx) {
  add(program, ctx, "thaw", "Let irreversible steps begin again; administrators only",
      "Examples:\n  decomctl thaw --reason 'incident is over'");
}

}  // namespace decom::cli
