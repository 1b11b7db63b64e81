#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace decom::http {

/// Where a rendered text ends up: what is syntax there is escaped, and what cannot be is refused.
enum class Place {
  segment,  ///< one segment of a path
  query,    ///< value of a query or a form: percent-encoded, as is the text around it
  header,   ///< value of a header
  json,     ///< a string within a JSON value, which is serialised as a whole
  plain     ///< compared or shown, never sent
};

using Values = std::map<std::string, std::string, std::less<>>;

/// Variables that carry a credential.
const std::set<std::string, std::less<>>& secret_variables();

/// A text with `{{variables}}` (mustache, variables alone).
///
/// A value that stands alone is escaped for its place. A value with other text around it may be part of a language that
/// we do not know (a filter, a query), so it must be made of letters, digits and `.-_:`; anything else is refused.
class Template {
 public:
  Template() = default;
  Template(Place place, std::string text);

  /// What is wrong with it, given the variables that exist there; nothing where all is well.
  static std::optional<std::string> mistake(std::string_view text, const std::set<std::string, std::less<>>& known);

  /// Throws `refused` where a value cannot stand at its place, and names it.
  [[nodiscard]] std::string render(const Values& values) const;

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  Place place_ = Place::plain;
  std::string text_;
};

/// Names of the variables in a text, in order of appearance; tags that are something else are left out.
std::vector<std::string> variables_of(std::string_view text);
void variables_of(const nlohmann::json& value, std::set<std::string, std::less<>>& into);

/// The key of an object that stands for a whole number in JSON: { "{{number}}" = "{{id}}" }.
inline constexpr std::string_view kNumber = "{{number}}";

/// Every string within `value` rendered; its shape, and the type of everything but `kNumber`, stays. Throws as
/// Template::render does, and `refused` where a number is none.
nlohmann::json render_json(const nlohmann::json& value, const Values& values);

/// RFC 3986: everything but unreserved characters.
std::string percent_encoded(std::string_view text);

}  // namespace decom::http
