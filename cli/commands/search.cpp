#include "cli/commands/listing.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/machines.hpp"
#include "cli/render/table.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

struct SearchOptions {
  std::vector<std::string> words;
  std::string sort;
  bool fields = false;
  OutputOptions output;
  PageOptions pages;
};

Listing machine_listing(const Style& style) {
  return {machine_fields(), "name", "id", [style](const Json& items, bool wide) {
            return machine_table(items.get<std::vector<api::Machine>>(), wide, style);
          }};
}

int show_fields(const SearchOptions& options, Context& ctx) {
  const Json answer = ctx.client().get("/v1/vm-fields");
  if (options.output.print_value(ctx, answer)) return 0;
  Table table({{"FIELD"}, {"WHAT", false, Narrow::wrapped}});
  for (const api::VmField& field : answer.get<api::VmFields>().items) table.add({field.name, field.text});
  ctx.print(table.text(ctx.out()));
  return 0;
}

int search(const SearchOptions& options, Context& ctx) {
  if (options.fields) return show_fields(options, ctx);
  ctx.query = join(options.words, " ");
  const Json page = print_pages(ctx, "/v1/vms", {{"q", ctx.query}, {"sort", options.sort}}, options.pages,
                                options.output, machine_listing(ctx.out()));
  const auto answer = page.get<api::VmPage>();
  ctx.note(mirror_warnings(answer.mirrors, ctx.err()));
  const auto read = page.at("read").get<std::int64_t>();
  if (read == 0 && options.output.kind() != Output::json) ctx.note("no machine fits\n");
  if (answer.next && answer.total > read)
    ctx.note(fmt::format("{} of {}{} machines; more with --limit or --all\n", read, answer.total,
                         answer.total_is_at_least ? "+" : ""));
  return 0;
}

}  // namespace

void add_search(const Verb& program, Context& ctx) {
  auto options = std::make_shared<SearchOptions>();
  const Verb verb = program.verb("search", "Find machines in the live mirror of all vCenters");
  verb.option("query", options->words, "Words, and field:value terms").type_name("QUERY");
  verb.option("--sort", options->sort, "A field to sort by; -FIELD descends").type_name("FIELD");
  verb.flag("--fields", options->fields, "Tell what can be searched by, instead of searching");
  options->output.add(verb, {"table", "wide", "json", "ndjson", "csv", "name", "id"});
  options->pages.add(verb, 100, 1000);
  verb.footer(
      "Words match name, guest host name, address, note and UUID. Terms: name: host: ip: os: power: vcenter: folder:\n"
      "cluster: tag: owner: attr.KEY: snapshot: uuid: created: with * and ?, !, < > and CIDR.\n\n"
      "Examples:\n"
      "  decomctl search web prod\n"
      "  decomctl search 'ip:10.1.0.0/16 os:windows power:off'\n"
      "  decomctl search '!owner:alice created:<2024-01-01' --sort=-created\n"
      "  decomctl search folder:attic --all -o id | decomctl submit --file - --reason 'CHG-1234'");
  verb.run([options, &ctx] { return search(*options, ctx); });
}

}  // namespace decom::cli
