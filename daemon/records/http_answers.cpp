#include "daemon/records/http_tables.hpp"

namespace decom::http {
namespace {

constexpr Words<Meaning, 6> kMeanings{{{"ok", Meaning::ok},
                                       {"gone", Meaning::gone},
                                       {"retry", Meaning::retry},
                                       {"denied", Meaning::denied},
                                       {"unauthenticated", Meaning::unauthenticated},
                                       {"failed", Meaning::failed}}};
constexpr Words<Purpose, 8> kPurposes{{{"find", Purpose::find},
                                       {"read", Purpose::read},
                                       {"remove", Purpose::remove},
                                       {"verify", Purpose::verify},
                                       {"control", Purpose::control},
                                       {"login", Purpose::login},
                                       {"silence", Purpose::silence},
                                       {"lift", Purpose::lift}}};
constexpr Words<bool, 2> kCounts{{{"pages", false}, {"items", true}}};

}  // namespace

CodeRule read_code(DefinitionReader& table, const Parts& parts) {
  CodeRule rule;
  table.integers("status", rule.status, 100, 599);
  parts.selector(table, "at", rule.at);
  Parts::scalars(table, "equals", rule.equals);
  Parts::scalars(table, "contains", rule.contains);
  if (rule.at && rule.equals.empty() && rule.contains.empty()) table.mistake("at", "'at' needs 'equals' or 'contains'");
  if (!rule.at && !rule.equals.empty()) table.mistake("equals", "'equals' needs 'at'");
  if (rule.status.empty() && !rule.at && rule.contains.empty())
    table.mistake("means", "expected 'status', 'at' or 'contains': what the answer looks like");
  std::vector<std::string> only;
  table.strings("only", only, [](const std::string& word) { return not_one_of(kPurposes, word); });
  for (const std::string& word : only)
    rule.only.push_back(std::ranges::find(kPurposes, word, &std::pair<std::string_view, Purpose>::first)->second);
  table.require("means");
  read_word(table, "means", kMeanings, rule.means);
  return rule;
}

Pages read_pages(DefinitionReader& table, const Parts& parts, const std::vector<Request>& find) {
  Pages pages;
  parts.selector(table, "next", pages.next);
  parts.selector(table, "cursor", pages.cursor);
  table.string("parameter", pages.parameter, empty_text);
  read_word(table, "counts", kCounts, pages.by_item);
  pages.first = pages.by_item ? 0 : 1;
  table.integer("first", pages.first, 0, 1);
  table.integer("size", pages.size, 1, 100'000);
  table.string("size_parameter", pages.size_parameter, empty_text);
  table.integer("most", pages.most, 1, 10'000);
  const auto say = [&](std::string_view variable) {
    return std::ranges::count_if(find, [&](const Request& request) { return request.variables().contains(variable); });
  };
  const auto paged = say("page");
  const auto all = static_cast<std::ptrdiff_t>(find.size());
  pages.in_requests = paged > 0;
  if ((pages.next ? 1 : 0) + (pages.parameter.empty() ? 0 : 1) + (paged > 0 ? 1 : 0) != 1)
    table.mistake("next", "expected one of 'next', 'parameter' and {{page}} in the requests of 'find'");
  else if (paged > 0 && paged < all)
    table.mistake("next", "{{page}} is not in every request of 'find'");
  if (pages.next && pages.cursor)
    table.mistake("cursor", "'cursor' needs 'parameter' or {{page}} in the requests of 'find', not 'next'");
  if (pages.cursor)
    for (const Request& request : find)
      if (std::ranges::any_of(request.path,
                              [](const Template& part) { return part.text().find("{{page}}") != std::string::npos; }))
        table.mistake("cursor", "{{page}} is in a path of 'find', and before the first page there is no cursor");
  const auto sized = say("page_size");
  if (pages.size == 0 && (sized > 0 || !pages.size_parameter.empty()))
    table.mistake("size", "'size' is missing: how many records a page has");
  if (pages.size > 0 && (sized > 0) != pages.size_parameter.empty())
    table.mistake("size_parameter", "expected one of 'size_parameter' and {{page_size}} in the requests of 'find'");
  return pages;
}

}  // namespace decom::http
