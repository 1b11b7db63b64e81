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

void add_list(const Verb& program, Context& ctx) {
  auto options = std::make_shared<ListOptions>();
  const Verb verb = program.verb("list", "List requests, newest first");
  const Option states = verb.option("--state", options->states, "With a machine in this state; may be repeated");
  states.one_of({"pending_approval", "scheduled", "queued", "running", "holding", "succeeded", "failed", "cancelled",
                 "needs_attention"});
  states.type_name("STATE").one_a_time().separated_by_commas();
  verb.flag("--live", options->live, "Only those that are not settled");
  const Option user = verb.option("--user", options->user, "Of this requester").type_name("USER");
  verb.flag("--mine", options->mine, "Your own").excludes(user);
  verb.option("--machine", options->machine, "With this machine: part of a name, an address, an id")
      .type_name("VM")
      .completes(ValueSpec::Kind::machine);
  verb.option("--text", options->text, "With this in reason, ticket or a step's message").type_name("TEXT");
  verb.option("--since", options->since, "Made at or after: 2h, yesterday, '2026-03-01 06:00'").type_name("TIME");
  verb.option("--until", options->until, "Made before").type_name("TIME");
  options->output.add(verb, {"table", "wide", "json", "ndjson", "csv", "name", "id"});
  options->pages.add(verb, 50, 500);
  verb.footer(
      "Examples:\n"
      "  decomctl list --live\n"
      "  decomctl list --state needs_attention,failed --since 7d\n"
      "  decomctl list --machine web-prod-01 -o json");
  verb.run([options, &ctx] { return list(*options, ctx); });
}

}  // namespace decom::cli
