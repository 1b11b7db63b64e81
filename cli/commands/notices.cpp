#include "cli/render/notices.hpp"

#include <algorithm>

#include "cli/commands/listing.hpp"
#include "cli/commands/verbs.hpp"

namespace decom::cli {
namespace {

struct NoticesOptions {
  bool test = false;
  std::vector<std::string> channels;
  OutputOptions output;
};

int test_notices(const NoticesOptions& options, Context& ctx) {
  const api::NoticesTestBody body{.channels = options.channels, .timeout_ms = ctx.time_for_the_daemon()};
  const Json answer = ctx.client().post("/v1/notices/test", body);
  const auto tests = answer.get<api::NoticesTestAnswer>().items;
  const Style style = ctx.out();
  const Listing listing{notice_test_fields(), "channel", "channel",
                        [&](const Json&, bool) { return render_notice_tests(tests, style); }};
  options.output.print_answer(ctx, listing, answer, answer.at("items"));
  return std::ranges::all_of(tests, &api::NoticeTest::ok) ? 0 : 1;
}

int notices(const NoticesOptions& options, Context& ctx) {
  if (options.test) return test_notices(options, ctx);
  if (!options.channels.empty()) throw Error{ErrorCode::usage, "channels are named to be tested: add --test"};
  const Json answer = ctx.client().get("/v1/notices");
  const Style style = ctx.out();
  const Listing listing{channel_fields(), "name", "name",
                        [&](const Json&, bool) { return render_channels(answer.get<api::Notices>().items, style); }};
  options.output.print_answer(ctx, listing, answer, answer.at("items"));
  return 0;
}

}  // namespace

void add_notices(const Verb& program, Context& ctx) {
  auto options = std::make_shared<NoticesOptions>();
  const Verb verb = program.verb("notices", "List who is told of requests and by what, and send test notices");
  verb.flag("--test", options->test, "Send a test notice by each channel; for admins");
  verb.option("channels", options->channels, "With --test: only these").type_name("CHANNEL");
  options->output.add(verb, {"table", "json", "ndjson", "csv", "name"});
  verb.footer(
      "Exit code of --test: 0 all were sent, 1 some were not.\n\n"
      "Examples:\n"
      "  decomctl notices\n"
      "  decomctl notices --test ops-mail");
  verb.run([options, &ctx] { return notices(*options, ctx); });
}

}  // namespace decom::cli
