#include "cli/commands/listing.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/people.hpp"
#include "cli/render/times.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

struct TokenOptions {
  std::string name;
  std::string ttl = "30d";
  std::string id;
  bool all = false;
  OutputOptions output;
};

int create(const TokenOptions& options, Context& ctx) {
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(parse_duration(options.ttl));
  const Json answer = ctx.client().post("/v1/tokens", api::TokenBody{options.name, life.count()});
  if (options.output.print_value(ctx, answer)) return 0;
  // The token alone on stdout, so that it can go to a file; it is shown this once.
  ctx.print(safe_for_terminal(answer.at("token").get<std::string>()) + "\n");
  const auto row = answer.at("row").get<api::TokenRow>();
  ctx.note("token " + safe_for_terminal(row.id) + " is valid until " + local_time(std::string_view(row.expires)) +
           "; it is not shown again\n");
  return 0;
}

int list(const TokenOptions& options, Context& ctx) {
  Json page = ctx.client().get("/v1/tokens", {{"all", options.all ? "true" : ""}});
  if (options.output.kind() == Output::json && options.output.print_value(ctx, page)) return 0;
  const Style style = ctx.out();
  const Listing listing{token_fields(), "name", "id", [style](const Json& items, bool /*wide*/) {
                          return token_table(items.get<std::vector<api::TokenRow>>(), style);
                        }};
  if (page["items"].empty())
    ctx.note("no tokens\n");
  else
    options.output.print_items(ctx, listing, page["items"]);
  return 0;
}

int revoke(const TokenOptions& options, Context& ctx) {
  ctx.client().remove("/v1/tokens/" + percent_encoded(options.id));
  ctx.note("token " + safe_for_terminal(options.id) + " is revoked\n");
  return 0;
}

}  // namespace

void add_token(const Verb& program, Context& ctx) {
  const Verb verb = program.verb("token", "Tokens for cron and scripts, instead of a login");
  verb.needs_a_verb();
  verb.footer(
      "A script uses a token by DECOMCTL_TOKEN_FILE, which names a file of mode 0600 that holds it.\n\n"
      "Examples:\n"
      "  decomctl token create --name nightly --ttl 90d > ~/.decom-token\n"
      "  decomctl token list\n"
      "  decomctl token revoke 7f3a");
  const auto add = [&](const char* name, const char* text, auto body, auto options_of) {
    auto options = std::make_shared<TokenOptions>();
    const Verb sub = verb.verb(name, text);
    options_of(sub, *options);
    sub.run([options, &ctx, body] { return body(*options, ctx); });
  };
  add("create", "Make a token with your rights and print it, once", create, [&](const Verb& sub, TokenOptions& o) {
    sub.option("--name", o.name, "What it is for").required().type_name("NAME");
    sub.option("--ttl", o.ttl, "How long it is valid").type_name("TIME").shows_default();
    o.output.add(sub, {"table", "json"});
    sub.footer("Examples:\n  (umask 077; decomctl token create --name nightly --ttl 90d > ~/.decom-token)");
  });
  add("list", "Show your tokens, never their secret", list, [&](const Verb& sub, TokenOptions& o) {
    o.output.add(sub, {"table", "json", "ndjson", "csv", "name", "id"});
    sub.flag("--all", o.all, "Everybody's; administrators only");
    sub.footer("Examples:\n  decomctl token list");
  });
  add("revoke", "End a token at once", revoke, [](const Verb& sub, TokenOptions& o) {
    sub.option("id", o.id, "As 'token list' shows it, or four characters of its beginning").required().type_name("ID");
    sub.footer("Examples:\n  decomctl token revoke 7f3a");
  });
}

}  // namespace decom::cli
