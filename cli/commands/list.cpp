#include "cli/commands/listing.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/requests.hpp"
#include "cli/render/times.hpp"
#include "common/api/auth.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

struct ListOptions {
  std::vector<std::string> states;
  bool live = false;
  bool mine = false;
  std::string user;
  std::string machine;
  std::string text;
  std::string since;
  std::string until;
  OutputOptions output;
  PageOptions pages;
};

int list(const ListOptions& options, Context& ctx) {
  const Timestamp now = ctx.now();
  const auto moment = [&](const std::string& text) {
    return text.empty() ? text : to_rfc3339(parse_moment(text, Direction::past, now));
  };
  std::string user = options.user;
  if (options.mine) user = ctx.client().get("/v1/whoami").get<api::WhoAmI>().sid;
  const Query query{{"state", join(options.states, ",")},
                    {"live", options.live ? "true" : ""},
                    {"user", user},
                    {"machine", options.machine},
                    {"text", options.text},
                    {"since", moment(options.since)},
                    {"until", moment(options.until)}};
  const Style style = ctx.out();
  const Listing listing{request_fields(), "names", "id", [style, now](const Json& items, bool wide) {
                          return request_table(items.get<std::vector<api::RequestRow>>(), wide, now, style);
                        }};
  const Json page = print_pages(ctx, "/v1/requests", query, options.pages, options.output, listing);
  const auto read = page.at("read").get<std::size_t>();
  if (read == 0 && options.output.kind() != Output::json) ctx.note("no request fits\n");
  if (page.contains("next") && page["next"].is_string())
    ctx.note(fmt::format("the newest {} requests; more with --limit or --all\n", read));
  return 0;
}

}  // namespace

void add_list(CLI::App& app, Context& ctx) {
  auto options = std::make_shared<ListOptions>();
  auto* verb = app.add_subcommand("list", "List requests, newest first");
  auto* states = verb->add_option("--state", options->states, "With a machine in this state; may be repeated");
  ctx.one_of(states, {"pending_approval", "scheduled", "queued", "running", "holding", "succeeded", "failed",
                      "cancelled", "needs_attention"});
  states->type_name("STATE")->allow_extra_args(false)->delimiter(',');
  verb->add_flag("--live", options->live, "Only those that are not settled");
  auto* user = verb->add_option("--user", options->user, "Of this requester")->type_name("USER");
  verb->add_flag("--mine", options->mine, "Your own")->excludes(user);
  ctx.complete_with(
      verb->add_option("--machine", options->machine, "With this machine: part of a name, an address, an id")
          ->type_name("VM"),
      ValueSpec::Kind::machine);
  verb->add_option("--text", options->text, "With this in reason, ticket or a step's message")->type_name("TEXT");
  verb->add_option("--since", options->since, "Made at or after: 2h, yesterday, '2026-03-01 06:00'")->type_name("TIME");
  verb->add_option("--until", options->until, "Made before")->type_name("TIME");
  options->output.add(*verb, ctx, {"table", "wide", "json", "ndjson", "csv", "name", "id"});
  options->pages.add(*verb, 50, 500);
  verb->footer(
      "Examples:\n"
      "  decomctl list --live\n"
      "  decomctl list --state needs_attention,failed --since 7d\n"
      "  decomctl list --machine web-prod-01 -o json");
  verb->callback([options, &ctx] { ctx.run = [options, &ctx] { return list(*options, ctx); }; });
}

}  // namespace decom::cli
