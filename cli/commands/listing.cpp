#include "cli/commands/listing.hpp"

#include <unistd.h>

namespace decom::cli {
namespace {

bool ascii_only() { return ::isatty(STDOUT_FILENO) == 1; }

}  // namespace

void OutputOptions::add(const Verb& verb, const std::vector<std::string>& formats) {
  output = formats.front();
  verb.option("-o,--output", output, "How to print").one_of(formats);
  verb.option("--format", format, "Print each item by a template: '{{name}}\\t{{id}}'").type_name("TEMPLATE");
}

bool OutputOptions::streams() const {
  return !format.empty() || (kind() != Output::table && kind() != Output::wide && kind() != Output::json);
}

void OutputOptions::print_items(const Context& ctx, const Listing& listing, const Json& items, bool first) const {
  if (!format.empty()) return ctx.print(as_template(format, items));
  switch (kind()) {
    case Output::table: return ctx.print(listing.table(items, false));
    case Output::wide: return ctx.print(listing.table(items, true));
    case Output::json: return ctx.print(as_json(items, ascii_only()));
    case Output::ndjson: return ctx.print(as_ndjson(items, ascii_only()));
    case Output::csv: return ctx.print(as_csv(listing.fields, items, first));
    case Output::name: return ctx.print(as_lines(listing.name, items));
    case Output::id: return ctx.print(as_lines(listing.id, items));
  }
}

void OutputOptions::print_answer(const Context& ctx, const Listing& listing, const Json& answer,
                                 const Json& items) const {
  if (kind() == Output::json && format.empty())
    ctx.print(as_json(answer, ascii_only()));
  else
    print_items(ctx, listing, items);
}

bool OutputOptions::print_value(const Context& ctx, const Json& value) const {
  if (!format.empty()) {
    ctx.print(as_template(format, Json::array({value})));
  } else if (kind() == Output::json) {
    ctx.print(as_json(value, ascii_only()));
  } else if (kind() == Output::ndjson) {
    ctx.print(as_ndjson(Json::array({value}), ascii_only()));
  } else {
    return false;
  }
  return true;
}

void PageOptions::add(const Verb& verb, std::size_t most, std::size_t a_page) {
  const auto at_least_one = [](const std::string& text) {
    return text.find_first_not_of("0123456789") == std::string::npos && text.find_first_not_of('0') != std::string::npos
               ? std::string{}
               : "'" + text + "' is not a number from 1 on";
  };
  limit = most;
  page = a_page;
  verb.option("--limit", limit, "At most so many").type_name("N").check(at_least_one).shows_default();
  verb.flag("--all", all, "All of them");
}

Json print_pages(const Context& ctx, const std::string& path, const Query& query, const PageOptions& pages,
                 const OutputOptions& output, const Listing& listing) {
  const Client client = ctx.client();
  Json kept = Json::array();
  Json page;
  std::string cursor;
  std::size_t read = 0;
  bool first = true;
  do {
    Query with = query;
    with.emplace_back("limit", std::to_string(pages.all ? pages.page : std::min(pages.page, pages.limit - read)));
    with.emplace_back("cursor", cursor);
    page = client.get(path, with);
    Json items = page.contains("items") ? std::move(page["items"]) : Json::array();
    read += items.size();
    if (output.streams())
      output.print_items(ctx, listing, items, first);
    else
      for (Json& item : items) kept.push_back(std::move(item));
    first = false;
    const bool more = page.contains("next") && page["next"].is_string() && !items.empty();
    cursor = more ? page["next"].get<std::string>() : std::string{};
  } while (!cursor.empty() && (pages.all || read < pages.limit));
  if (output.kind() == Output::json && output.format.empty()) {
    Json whole = page;
    whole["items"] = kept;
    ctx.print(as_json(whole, ascii_only()));
  } else if (!output.streams()) {
    if (!kept.empty()) output.print_items(ctx, listing, kept);
  }
  page["items"] = std::move(kept);
  page["read"] = read;
  return page;
}

}  // namespace decom::cli
