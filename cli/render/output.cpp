#include "cli/render/output.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

struct OutputName {
  Output output;
  std::string_view name;
};
constexpr std::array kOutputs{OutputName{Output::table, "table"}, OutputName{Output::wide, "wide"},
                              OutputName{Output::json, "json"},   OutputName{Output::ndjson, "ndjson"},
                              OutputName{Output::csv, "csv"},     OutputName{Output::name, "name"},
                              OutputName{Output::id, "id"}};

std::string csv_cell(std::string value) {
  if (!value.empty() && std::string_view("=+-@\t\r").find(value.front()) != std::string_view::npos)
    value.insert(0, 1, '\'');
  value = [&] {  // line ends are legal in a quoted cell; every other control character is shown
    std::vector<std::string> lines = split(value, '\n');
    for (std::string& line : lines) line = safe_for_terminal(line);
    std::string joined = lines.front();
    for (std::size_t i = 1; i < lines.size(); ++i) joined += "\n" + lines[i];
    return joined;
  }();
  if (value.find_first_of(",\"\n") == std::string::npos) return value;
  std::string quoted = "\"";
  for (const char c : value) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string keys_of(const Json& item) {
  std::vector<std::string> keys;
  if (item.is_object())
    for (const auto& [key, value] : item.items()) keys.push_back(key);
  return join(keys, ", ");
}

}  // namespace

std::string_view to_string(Output output) { return std::ranges::find(kOutputs, output, &OutputName::output)->name; }

Output output_from(std::string_view name) {
  const auto* const row = std::ranges::find(kOutputs, name, &OutputName::name);
  if (row == kOutputs.end()) throw Error{ErrorCode::usage, "'{}' is not an output format", name};
  return row->output;
}

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return {};
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  std::vector<std::string> parts;
  if (value.is_array())
    for (const Json& item : value) parts.push_back(text_of(item));
  else if (value.is_object())
    for (const auto& [key, item] : value.items()) parts.push_back(key + "=" + text_of(item));
  else
    return value.dump();
  return join(parts, " ");
}

const Json* at_path(const Json& value, std::string_view path) {
  const Json* at = &value;
  for (const std::string& key : split(path, '.')) {
    if (at->is_object()) {
      const auto found = at->find(key);
      if (found == at->end()) return nullptr;
      at = &*found;
    } else if (at->is_array()) {
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
      if (error != std::errc{} || end != key.data() + key.size() || index >= at->size()) return nullptr;
      at = &(*at)[index];
    } else {
      return nullptr;
    }
  }
  return at;
}

std::string as_json(const Json& value, bool ascii) {
  return value.dump(2, ' ', ascii, Json::error_handler_t::replace) + "\n";
}

std::string as_ndjson(const Json& items, bool ascii) {
  std::string text;
  for (const Json& item : items) text += item.dump(-1, ' ', ascii, Json::error_handler_t::replace) + "\n";
  return text;
}

std::string as_csv(const std::vector<Field>& fields, const Json& items, bool titles) {
  std::string text;
  for (std::size_t i = 0; titles && i < fields.size(); ++i) text += (i == 0 ? "" : ",") + fields[i].title;
  if (titles) text += "\r\n";
  for (const Json& item : items) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const Json* value = at_path(item, fields[i].path);
      text += (i == 0 ? "" : ",") + csv_cell(value == nullptr ? "" : text_of(*value));
    }
    text += "\r\n";
  }
  return text;
}

std::string as_lines(std::string_view path, const Json& items) {
  std::string text;
  for (const Json& item : items)
    if (const Json* value = at_path(item, path)) text += safe_for_terminal(text_of(*value)) + "\n";
  return text;
}

std::string as_template(std::string_view format, const Json& items) {
  std::string text;
  for (const Json& item : items) {
    for (std::size_t at = 0; at < format.size();) {
      const std::string_view rest = format.substr(at);
      if (rest.starts_with("{{")) {
        const auto end = rest.find("}}");
        if (end == std::string_view::npos) throw Error{ErrorCode::usage, "--format has '{{{{' without '}}}}'"};
        std::string_view path = trimmed(rest.substr(2, end - 2));
        if (path.starts_with('.')) path.remove_prefix(1);
        if (at_path(item, path.substr(0, path.find('.'))) == nullptr)
          throw Error{ErrorCode::usage, "--format: there is no '{}'; there are: {}", path, keys_of(item)};
        // Below the first key, a machine may lack what another one has: an attribute, a second address.
        if (const Json* value = at_path(item, path)) text += safe_for_terminal(text_of(*value));
        at += end + 2;
      } else if (rest.starts_with("\\t") || rest.starts_with("\\n") || rest.starts_with("\\\\")) {
        text += rest[1] == 't' ? '\t' : rest[1] == 'n' ? '\n' : '\\';
        at += 2;
      } else {
        text += rest.front();
        ++at;
      }
    }
    text += '\n';
  }
  return text;
}

}  // namespace decom::cli
