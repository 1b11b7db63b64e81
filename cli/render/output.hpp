#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.hpp"

namespace decom::cli {

/// What -o takes.
enum class Output { table, wide, json, ndjson, csv, name, id };
std::string_view to_string(Output output);
Output output_from(std::string_view name);  ///< throws `usage`

/// A column of csv: its title and where its value is ("machine.name").
struct Field {
  std::string title;
  std::string path;
};

/// A value as one piece of text: lists joined by blanks, objects as key=value, null as nothing.
std::string text_of(const Json& value);
/// The value at "a.b.0"; nullptr when there is none.
const Json* at_path(const Json& value, std::string_view path);

/// Indented. `ascii`: other characters as \uNNNN, which is the same JSON and moves no cursor: for terminals.
std::string as_json(const Json& value, bool ascii);
/// One value a line.
std::string as_ndjson(const Json& items, bool ascii);
/// RFC 4180, with a line of titles on top. A cell that a spreadsheet would take for a formula gets a ' in front (OWASP,
/// "CSV injection"): names and notes are written by whoever owns the machine.
std::string as_csv(const std::vector<Field>& fields, const Json& items, bool titles = true);
/// One field a line, escaped: a name with a newline in it must not become two lines for xargs.
std::string as_lines(std::string_view path, const Json& items);
/// "{{name}}\t{{power}}" for each item, values escaped, \t \n \\ understood, and a newline after each.
/// Throws `usage` for a key that the items do not have, and names those that they have.
std::string as_template(std::string_view format, const Json& items);

}  // namespace decom::cli
