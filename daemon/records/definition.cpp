#include "daemon/records/definition.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/text.hpp"

namespace decom {
namespace {

std::string_view words_for(const nlohmann::json& value) {
  switch (value.type()) {
    case nlohmann::json::value_t::null: return "nothing";
    case nlohmann::json::value_t::object: return "a table";
    case nlohmann::json::value_t::array: return "a list";
    case nlohmann::json::value_t::string: return "a string";
    case nlohmann::json::value_t::boolean: return "true or false";
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned: return "a whole number";
    case nlohmann::json::value_t::number_float: return "a number with a fraction";
    case nlohmann::json::value_t::binary:
    case nlohmann::json::value_t::discarded: break;
  }
  return "something else";
}

std::string escaped(std::string_view key) {
  std::string text;
  for (const char c : key) {
    if (c == '~')
      text += "~0";
    else if (c == '/')
      text += "~1";
    else
      text += c;
  }
  return text;
}

/// One value or a list of them; ends at the first that is no good.
template <typename Take>
bool all_of(const nlohmann::json& value, const Take& take) {
  return value.is_array() ? std::ranges::all_of(value, take) : take(value);
}

std::optional<std::int64_t> whole(const nlohmann::json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX}) return std::nullopt;
  if (!value.is_number_integer()) return std::nullopt;
  return value.get<std::int64_t>();
}

}  // namespace

DefinitionReader::DefinitionReader(const nlohmann::json& object, std::string pointer, std::vector<Finding>& mistakes,
                                   const FileCheck* files)
    : object_(object), pointer_(std::move(pointer)), mistakes_(mistakes), files_(files) {}

DefinitionReader::~DefinitionReader() {
  if (!object_.is_object()) return;
  for (const auto& [name, value] : object_.items()) {
    if (std::ranges::find(known_, name) != known_.end()) continue;
    const auto near = nearest(name, known_, 1);
    mistakes_.push_back({at(name), near.empty()
                                       ? fmt::format("unknown key '{}'", name)
                                       : fmt::format("unknown key '{}': did you mean '{}'?", name, near.front())});
  }
}

std::string DefinitionReader::at(std::string_view key) const { return pointer_ + "/" + escaped(key); }

const nlohmann::json* DefinitionReader::take(std::string_view key) {
  if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
  const auto found = object_.find(key);
  return found == object_.end() ? nullptr : &*found;
}

void DefinitionReader::mistake(std::string_view key, std::string what) {
  mistakes_.push_back({has(key) ? at(key) : pointer_, std::move(what)});
}

void DefinitionReader::wrong_type(std::string_view key, const nlohmann::json& value, std::string_view expected) {
  mistake(key, fmt::format("'{}' is {}; expected {}", key, words_for(value), expected));
}

void DefinitionReader::require(std::string_view key) {
  if (take(key) == nullptr) mistakes_.push_back({pointer_, fmt::format("'{}' is missing", key)});
}

bool DefinitionReader::string(std::string_view key, std::string& target, const Check<std::string>& check) {
  const nlohmann::json* value = take(key);
  if (value == nullptr) return false;
  if (!value->is_string()) {
    wrong_type(key, *value, "a string");
    return false;
  }
  const auto& text = value->get_ref<const std::string&>();
  if (check) {
    if (const auto wrong = check(text)) {
      mistake(key, fmt::format("'{}' {}", key, *wrong));
      return false;
    }
  }
  target = text;
  return true;
}

bool DefinitionReader::file(std::string_view key, std::string& target, FileUse use) {
  const bool good = string(key, target, [](const std::string& name) {
    return name.empty() ? std::optional<std::string>{"is empty"} : std::nullopt;
  });
  if (good)
    if (const auto wrong = wrong_with_file(target, use)) mistake(key, fmt::format("'{}': {}", key, *wrong));
  return good;
}

std::optional<std::string> DefinitionReader::wrong_with_file(const std::string& name, FileUse use) const {
  return files_ != nullptr && *files_ ? (*files_)(name, use) : std::nullopt;
}

bool DefinitionReader::integer(std::string_view key, std::int64_t& target, std::int64_t least, std::int64_t most) {
  std::vector<std::int64_t> all;
  if (const nlohmann::json* value = take(key); value != nullptr && value->is_array()) {
    wrong_type(key, *value, "a whole number");
    return false;
  }
  if (!integers(key, all, least, most)) return false;
  target = all.front();
  return true;
}

bool DefinitionReader::integers(std::string_view key, std::vector<std::int64_t>& target, std::int64_t least,
                                std::int64_t most) {
  const nlohmann::json* value = take(key);
  if (value == nullptr) return false;
  std::vector<std::int64_t> all;
  const auto add = [&](const nlohmann::json& item) {
    const auto number = whole(item);
    if (!number) {
      wrong_type(key, item, fmt::format("a whole number from {} to {}", least, most));
    } else if (*number < least || *number > most) {
      mistake(key, fmt::format("'{}' is {}; expected {} to {}", key, *number, least, most));
    } else {
      all.push_back(*number);
      return true;
    }
    return false;
  };
  if (!all_of(*value, add)) return false;
  target = std::move(all);
  return true;
}

bool DefinitionReader::boolean(std::string_view key, bool& target) {
  const nlohmann::json* value = take(key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) {
    wrong_type(key, *value, "true or false");
    return false;
  }
  target = value->get<bool>();
  return true;
}

bool DefinitionReader::strings(std::string_view key, std::vector<std::string>& target,
                               const Check<std::string>& check) {
  const nlohmann::json* value = take(key);
  if (value == nullptr) return false;
  std::vector<std::string> all;
  const auto add = [&](const nlohmann::json& item) {
    if (!item.is_string()) {
      wrong_type(key, item, "a string or a list of strings");
      return false;
    }
    all.push_back(item.get<std::string>());
    if (const auto wrong = check ? check(all.back()) : std::nullopt) {
      mistake(key, fmt::format("'{}' {}", key, *wrong));
      return false;
    }
    return true;
  };
  if (!all_of(*value, add)) return false;
  target = std::move(all);
  return true;
}

bool DefinitionReader::duration(std::string_view key, std::chrono::milliseconds& target,
                                std::chrono::milliseconds least, std::chrono::milliseconds most) {
  std::chrono::milliseconds read{};
  std::string text;
  const bool good = string(key, text, [&](const std::string& typed) -> std::optional<std::string> {
    try {
      read = parse_duration(typed);
    } catch (const Error& e) {
      return fmt::format("is '{}'; {}", typed, e.what());
    }
    if (read >= least && read <= most) return std::nullopt;
    return fmt::format("is {}; expected {} to {}", typed, to_text(least), to_text(most));
  });
  if (good) target = read;
  return good;
}

bool DefinitionReader::table(std::string_view key, const std::function<void(DefinitionReader&)>& read) {
  const nlohmann::json* value = take(key);
  if (value == nullptr) return false;
  if (!value->is_object()) {
    wrong_type(key, *value, "a table");
    return false;
  }
  DefinitionReader reader(*value, at(key), mistakes_, files_);
  read(reader);
  return true;
}

bool DefinitionReader::tables(std::string_view key, const std::function<void(DefinitionReader&)>& read) {
  const nlohmann::json* value = take(key);
  if (value == nullptr) return false;
  const bool all_tables =
      value->is_array() && std::ranges::all_of(*value, [](const nlohmann::json& item) { return item.is_object(); });
  if (!all_tables) {
    wrong_type(key, *value, "a list of tables");
    return false;
  }
  for (std::size_t i = 0; i < value->size(); ++i) {
    DefinitionReader reader((*value)[i], fmt::format("{}/{}", at(key), i), mistakes_, files_);
    read(reader);
  }
  return true;
}

void DefinitionReader::rest(const std::function<void(const std::string& key, const nlohmann::json& value)>& take_one) {
  for (const auto& [name, value] : object_.items()) {
    if (std::ranges::find(known_, name) != known_.end()) continue;
    known_.push_back(name);
    take_one(name, value);
  }
}

}  // namespace decom
