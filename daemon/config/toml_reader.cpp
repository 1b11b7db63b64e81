#include "daemon/config/toml_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include "common/base/clock.hpp"
#include "common/base/secret.hpp"
#include "common/base/text.hpp"

namespace decom {
namespace {

std::string_view words_for(toml::node_type type) {
  switch (type) {
    case toml::node_type::none: return "nothing";
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: return "a date or time";
  }
  return "something else";
}

}  // namespace

void Mistakes::add(const std::string& file, const toml::source_position& at, std::string what) {
  all_.push_back({file, at, std::move(what)});
}

std::vector<Finding> Mistakes::findings() const {
  auto sorted = all_;
  std::ranges::stable_sort(sorted, [](const Mistake& a, const Mistake& b) {
    return std::tie(a.file, a.at.line, a.at.column) < std::tie(b.file, b.at.line, b.at.column);
  });
  std::vector<Finding> findings;
  for (const Mistake& m : sorted) {
    findings.push_back({m.at.line == 0 ? m.file : fmt::format("{}:{}:{}", m.file, m.at.line, m.at.column), m.what});
  }
  return findings;
}

TableReader::TableReader(const toml::table& table, std::string path, std::string file, Mistakes& mistakes)
    : table_(table), path_(std::move(path)), file_(std::move(file)), mistakes_(mistakes) {}

TableReader::~TableReader() {
  for (const auto& [key, node] : table_) {
    const std::string name(key.str());
    if (std::ranges::find(known_, name) != known_.end()) continue;
    const auto near = nearest(name, known_, 1);
    mistakes_.add(file_, key.source().begin,
                  near.empty() ? fmt::format("unknown key '{}{}'", path_, name)
                               : fmt::format("unknown key '{}{}': did you mean '{}'?", path_, name, near.front()));
  }
}

const toml::node* TableReader::take(std::string_view key) {
  if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
  return table_.get(key);
}

void TableReader::wrong_type(std::string_view key, const toml::node& node, std::string_view expected) {
  mistakes_.add(file_, node.source().begin,
                fmt::format("'{}{}' is {}; expected {}", path_, key, words_for(node.type()), expected));
}

toml::source_position TableReader::place_of(std::string_view key) const {
  const toml::node* node = table_.get(key);
  return node != nullptr ? node->source().begin : table_.source().begin;
}

void TableReader::mistake(std::string_view key, std::string what) {
  mistakes_.add(file_, place_of(key), std::move(what));
}

void TableReader::require(std::string_view key) {
  if (take(key) == nullptr) mistakes_.add(file_, table_.source().begin, fmt::format("'{}{}' is missing", path_, key));
}

bool TableReader::string(std::string_view key, std::string& target, const Check<std::string>& check) {
  const toml::node* node = take(key);
  if (node == nullptr) return false;
  const auto value = node->value_exact<std::string>();
  if (!value) {
    wrong_type(key, *node, "a string");
    return false;
  }
  if (check) {
    if (const auto wrong = check(*value)) {
      mistakes_.add(file_, node->source().begin, fmt::format("'{}{}' {}", path_, key, *wrong));
      return false;
    }
  }
  target = *value;
  return true;
}

bool TableReader::integer(std::string_view key, std::int64_t least, std::int64_t most,
                          const std::function<void(std::int64_t)>& set) {
  const toml::node* node = take(key);
  if (node == nullptr) return false;
  const auto value = node->value_exact<std::int64_t>();
  if (!value) {
    wrong_type(key, *node, fmt::format("a whole number from {} to {}", least, most));
    return false;
  }
  if (*value < least || *value > most) {
    mistakes_.add(file_, node->source().begin,
                  fmt::format("'{}{}' is {}; expected {} to {}", path_, key, *value, least, most));
    return false;
  }
  set(*value);
  return true;
}

bool TableReader::boolean(std::string_view key, bool& target) {
  const toml::node* node = take(key);
  if (node == nullptr) return false;
  const auto value = node->value_exact<bool>();
  if (!value) {
    wrong_type(key, *node, "true or false");
    return false;
  }
  target = *value;
  return true;
}

bool TableReader::strings(std::string_view key, std::vector<std::string>& target, const Check<std::string>& check) {
  const toml::node* node = take(key);
  if (node == nullptr) return false;
  std::vector<std::string> values;
  bool good = true;
  const auto add = [&](const toml::node& item) {
    const auto value = item.value_exact<std::string>();
    if (!value) {
      wrong_type(key, item, "a string");
      good = false;
      return;
    }
    const auto wrong = check ? check(*value) : std::nullopt;
    if (wrong) {
      mistakes_.add(file_, item.source().begin, fmt::format("'{}{}' {}", path_, key, *wrong));
      good = false;
      return;
    }
    values.push_back(*value);
  };
  if (const toml::array* list = node->as_array()) {
    for (const toml::node& item : *list) add(item);
  } else if (node->is_string()) {
    add(*node);
  } else {
    wrong_type(key, *node, "a string or a list of strings");
    return false;
  }
  if (good) target = std::move(values);
  return good;
}

bool TableReader::duration(std::string_view key, std::chrono::milliseconds& target, std::chrono::milliseconds least,
                           std::chrono::milliseconds most) {
  std::string text;
  const auto check = [&](const std::string& value) -> std::optional<std::string> {
    try {
      const auto duration = parse_duration(value);
      if (duration < least || duration > most)
        return fmt::format("is {}; expected {} to {}", value, to_text(least), to_text(most));
      return std::nullopt;
    } catch (const Error& e) {
      return fmt::format("is wrong: {}", e.what());
    }
  };
  if (!string(key, text, check)) return false;
  target = parse_duration(text);
  return true;
}

bool TableReader::file(std::string_view key, std::filesystem::path& target,
                       const std::function<std::filesystem::path(const std::string&)>& resolve, bool secret) {
  std::string text;
  if (!string(key, text)) return false;
  const std::filesystem::path path = resolve(text);
  try {
    if (secret) {
      (void)read_secret_file(path);
    } else if (::access(path.c_str(), R_OK) != 0) {
      throw Error{ErrorCode::invalid, "cannot read {}: {}", path.string(), std::strerror(errno)};
    }
  } catch (const Error& e) {
    mistake(key, fmt::format("'{}{}': {}", path_, key, e.what()));
    return false;
  }
  target = path;
  return true;
}

bool TableReader::table(std::string_view key, const std::function<void(TableReader&)>& read) {
  const toml::node* node = take(key);
  if (node == nullptr) return false;
  const toml::table* inner = node->as_table();
  if (inner == nullptr) {
    wrong_type(key, *node, fmt::format("a table: [{}{}]", path_, key));
    return false;
  }
  TableReader reader(*inner, fmt::format("{}{}.", path_, key), file_, mistakes_);
  read(reader);
  return true;
}

bool TableReader::tables(std::string_view key, const std::function<void(TableReader&)>& read) {
  const toml::node* node = take(key);
  if (node == nullptr) return false;
  const toml::array* list = node->as_array();
  if (list == nullptr) {
    wrong_type(key, *node, fmt::format("a list of tables: [[{}{}]]", path_, key));
    return false;
  }
  for (const toml::node& item : *list) {
    if (const toml::table* inner = item.as_table()) {
      TableReader reader(*inner, fmt::format("{}{}.", path_, key), file_, mistakes_);
      read(reader);
    } else {
      wrong_type(key, item, "a table");
    }
  }
  return true;
}

void TableReader::rest(const std::function<void(const std::string&, const std::string&)>& take_value) {
  for (const auto& [key, node] : table_) {
    const std::string name(key.str());
    if (std::ranges::find(known_, name) != known_.end()) continue;
    known_.push_back(name);
    if (const auto text = node.value_exact<std::string>()) {
      take_value(name, *text);
    } else if (node.is_integer() || node.is_boolean()) {
      std::ostringstream out;
      out << toml::node_view(node);
      take_value(name, out.str());
    } else {
      wrong_type(name, node, "a string, a whole number, or true or false");
    }
  }
}

void TableReader::rest_as_nodes(const std::function<void(const std::string&, const toml::node&)>& take_node) {
  for (const auto& [key, node] : table_) {
    const std::string name(key.str());
    if (std::ranges::find(known_, name) != known_.end()) continue;
    known_.push_back(name);
    take_node(name, node);
  }
}

void TableReader::each_table(const std::function<void(const std::string&, TableReader&)>& read) {
  rest_as_nodes(
      [&](const std::string& name, const toml::node&) { table(name, [&](TableReader& inner) { read(name, inner); }); });
}

std::optional<toml::table> parse_toml_file(const std::filesystem::path& file, Mistakes& mistakes) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    mistakes.add(file.string(), fmt::format("cannot read it: {}", std::strerror(errno)));
    return std::nullopt;
  }
  std::ostringstream text;
  text << in.rdbuf();
  if (!in && !in.eof()) {
    mistakes.add(file.string(), "cannot read it");
    return std::nullopt;
  }
  try {
    return toml::parse(text.str(), file.string());
  } catch (const toml::parse_error& e) {
    mistakes.add(file.string(), e.source().begin, fmt::format("syntax error: {}", e.description()));
    return std::nullopt;
  }
}

}  // namespace decom
