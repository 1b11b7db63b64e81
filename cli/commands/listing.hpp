#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/commands/context.hpp"
#include "cli/commands/verb.hpp"
#include "cli/render/output.hpp"

namespace decom::cli {

/// How one kind of list is shown.
struct Listing {
  std::vector<Field> fields;  ///< of csv
  std::string name;           ///< key of -o name
  std::string id;             ///< key of -o id
  std::function<std::string(const Json& items, bool wide)> table;
};

/// -o and --format of a verb that lists.
struct OutputOptions {
  std::string output = "table";
  std::string format;

  /// `formats` are those that the verb knows, of which the first is the default.
  void add(const Verb& verb, const std::vector<std::string>& formats);
  [[nodiscard]] Output kind() const { return output_from(output); }
  /// Rows can be printed page by page.
  [[nodiscard]] bool streams() const;
  /// Prints items. `first`: with the titles of csv.
  void print_items(const Context& ctx, const Listing& listing, const Json& items, bool first = true) const;
  /// An answer that holds one list: json prints the whole of it, every other format its `items`.
  void print_answer(const Context& ctx, const Listing& listing, const Json& answer, const Json& items) const;
  /// One value, for verbs that show a single thing: json, or --format, or false to render it otherwise.
  [[nodiscard]] bool print_value(const Context& ctx, const Json& value) const;
};

/// --limit and --all.
struct PageOptions {
  std::size_t limit = 100;
  bool all = false;
  std::size_t page = 500;  ///< what the API gives at most in one answer
  void add(const Verb& verb, std::size_t most, std::size_t a_page);
};

/// Reads pages by cursor until `limit` items came (or all), and prints them. Returns the last page, whose `items` are
/// all that were read unless the output streams.
Json print_pages(const Context& ctx, const std::string& path, const Query& query, const PageOptions& pages,
                 const OutputOptions& output, const Listing& listing);

}  // namespace decom::cli
