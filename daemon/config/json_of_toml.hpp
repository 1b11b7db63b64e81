#pragma once

#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "daemon/config/toml_reader.hpp"

namespace decom {

/// TOML as JSON, with the place of every value by its JSON pointer.
class JsonOfToml {
 public:
  /// `root` is the place of what has no place of its own.
  JsonOfToml(std::string file, toml::source_position root, Mistakes& mistakes)
      : file_(std::move(file)), places_{{"", root}}, mistakes_(mistakes) {}

  /// Adds a value under a key of the document. Dates, infinities and NaN are mistakes: JSON has none.
  void add(const std::string& key, const toml::node& node);
  [[nodiscard]] nlohmann::json& document() { return document_; }

  /// Of the pointer, or of the nearest parent that has one.
  [[nodiscard]] toml::source_position place_of(std::string pointer) const;

 private:
  nlohmann::json converted(const toml::node& node, const std::string& pointer);

  std::string file_;
  nlohmann::json document_ = nlohmann::json::object();
  std::map<std::string, toml::source_position> places_;
  Mistakes& mistakes_;
};

}  // namespace decom
