#include <algorithm>

#include "cli/commands/listing.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/records.hpp"

namespace decom::cli {
namespace {

struct StepsOptions {
  bool test = false;
  std::vector<std::string> systems;
  OutputOptions output;
};

int test(const StepsOptions& options, Context& ctx) {
  const api::StepsTestBody body{.systems = options.systems, .timeout_ms = ctx.time_for_the_daemon()};
  const Json answer = ctx.client().post("/v1/steps/test", body);
  const auto tests = answer.get<api::StepsTestAnswer>().items;
  const Style style = ctx.out();
  const Listing listing{test_fields(), "system", "system",
                        [&](const Json&, bool) { return render_tests(tests, style); }};
  options.output.print_answer(ctx, listing, answer, answer.at("items"));
  return std::ranges::all_of(tests, &api::SystemTest::ok) ? 0 : 1;
}

int steps(const StepsOptions& options, Context& ctx) {
  if (options.test) return test(options, ctx);
  if (!options.systems.empty()) throw Error{ErrorCode::usage, "systems are named to be tested: add --test"};
  const Json answer = ctx.client().get("/v1/steps");
  const Style style = ctx.out();
  const Listing listing{system_fields(), "name", "name",
                        [&](const Json&, bool) { return render_steps(answer.get<api::Steps>(), style); }};
  options.output.print_answer(ctx, listing, answer, answer.at("systems"));
  return 0;
}

}  // namespace

void add_steps(const Verb& program, Context& ctx) {
  auto options = std::make_shared<StepsOptions>();
  const Verb verb = program.verb("steps", "List the kinds of steps and the configured systems, and try these");
  verb.flag("--test", options->test, "Try each system's credential, and that it can read what must be there");
  verb.option("systems", options->systems, "With --test: only these").type_name("SYSTEM");
  options->output.add(verb, {"table", "json", "ndjson", "csv", "name"});
  verb.footer(
      "Exit code of --test: 0 all answered as they should, 1 some did not.\n\n"
      "Examples:\n"
      "  decomctl steps\n"
      "  decomctl steps --test\n"
      "  decomctl steps --test dns-corp");
  verb.run([options, &ctx] { return steps(*options, ctx); });
}

}  // namespace decom::cli
