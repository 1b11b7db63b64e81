#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "daemon/records/http_recipe.hpp"

/// What the tables of a recipe are made of: words, places in an answer, templates, requests.
namespace decom::http {

/// Names of variables.
using Known = std::set<std::string, std::less<>>;

Known operator+(Known all, const Known& more);

/// Variables of every request, and those of the machine that is looked for.
extern const Known kAlways;
extern const Known kSearch;
extern const Known kPageNames;

template <typename Value, std::size_t Size>
using Words = std::array<std::pair<std::string_view, Value>, Size>;

template <typename Value, std::size_t Size>
std::optional<std::string> not_one_of(const Words<Value, Size>& words, const std::string& text) {
  std::string expected;
  for (const auto& [word, value] : words) {
    if (word == text) return std::nullopt;
    expected += (expected.empty() ? "" : ", ") + std::string{word};
  }
  return fmt::format("is '{}'; expected one of {}", text, expected);
}

/// Reads a word that stands for a value; false where it is not there or not known.
template <typename Value, std::size_t Size>
bool read_word(DefinitionReader& reader, std::string_view key, const Words<Value, Size>& words, Value& target) {
  std::string text;
  if (!reader.string(key, text, [&](const std::string& typed) { return not_one_of(words, typed); })) return false;
  target = std::ranges::find(words, text, &std::pair<std::string_view, Value>::first)->second;
  return true;
}

/// Checks of texts: what is wrong, if anything.
std::optional<std::string> not_a_header(const std::string& name);
std::optional<std::string> empty_text(const std::string& text);
bool has_control(std::string_view text);

/// Reads parts of a recipe whose answers have one format. Every mistake goes to the reader that a call is given.
class Parts {
 public:
  explicit Parts(Format format) : format_(format) {}

  /// A table, or a list of them.
  static void each(DefinitionReader& reader, std::string_view key, const std::function<void(DefinitionReader&)>& read);

  /// A place, or a table that cuts a part out of what is there.
  void selector(DefinitionReader& reader, std::string_view key, std::optional<Selector>& target) const;
  void selectors(DefinitionReader& reader, std::string_view key, std::vector<Selector>& target) const;

  /// A table of names and templates, each of which may be a list.
  static void templates(DefinitionReader& reader, std::string_view key, Place place, const Known& known,
                        std::vector<std::pair<std::string, Template>>& target);

  /// Strings, whole numbers or booleans, as a selector would give them.
  static void scalars(DefinitionReader& reader, std::string_view key, std::vector<std::string>& target);
  void expectations(DefinitionReader& reader, std::string_view key, const Known& known,
                    std::vector<Expectation>& target) const;

  /// `changes` is what a request of its kind does if it does not say so itself.
  Request request(DefinitionReader& table, const Known& known, bool changes) const;

 private:
  [[nodiscard]] std::optional<Selector> part(DefinitionReader& table) const;

  Format format_;
};

}  // namespace decom::http
