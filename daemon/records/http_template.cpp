#include "daemon/records/http_template.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include <fmt/core.h>
#include <kainjow/mustache.hpp>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::http {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_unreserved(char c) { return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~'; }
bool is_harmless(char c) { return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == ':'; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool is_variable_name(std::string_view name) {
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

/// The text between each {{ and its }}; nothing where one is not closed.
std::optional<std::vector<std::string_view>> tags_of(std::string_view text) {
  std::vector<std::string_view> tags;
  for (std::size_t at = 0; (at = text.find(kOpen, at)) != std::string_view::npos;) {
    const std::size_t end = text.find(kClose, at + kOpen.size());
    if (end == std::string_view::npos) return std::nullopt;
    tags.push_back(text.substr(at + kOpen.size(), end - at - kOpen.size()));
    at = end + kClose.size();
  }
  return tags;
}

/// The text of the recipe itself, percent-encoded; variables stay as they are.
std::string with_encoded_literals(std::string_view text) {
  std::string all;
  std::size_t at = 0;
  for (std::size_t open = 0; (open = text.find(kOpen, at)) != std::string_view::npos;) {
    const std::size_t close = text.find(kClose, open);
    if (close == std::string_view::npos) break;
    all += percent_encoded(text.substr(at, open - at));
    at = close + kClose.size();
    all += text.substr(open, at - open);
  }
  return all + percent_encoded(text.substr(at));
}

bool is_one_variable(std::string_view text) {
  const auto tags = tags_of(text);
  return tags && tags->size() == 1 && tags->front().size() + kOpen.size() + kClose.size() == text.size();
}

[[noreturn]] void refuse(std::string_view value, std::string_view why) {
  throw Error{ErrorCode::refused, "'{}' {}", safe_for_terminal(value.substr(0, 80)), why};
}

std::string segment(std::string_view value) {
  if (value.empty() || value == "." || value == "..") refuse(value, "cannot stand in the path of a request");
  // Servers differ in what they make of an encoded slash: some answer 404, which would look like "gone".
  if (value.find_first_of("/\\") != std::string_view::npos)
    refuse(value, "has a slash and cannot stand in the path of a request");
  return percent_encoded(value);
}

std::string segments(std::string_view value) {
  std::string path;
  for (const std::string& part : split(value, '/')) path += (path.empty() ? "" : "/") + segment(part);
  return path;
}

std::string for_header(std::string_view value) {
  if (std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    refuse(value, "has characters that a header cannot hold");
  return std::string{value};
}

}  // namespace

const std::set<std::string, std::less<>>& secret_variables() {
  static const std::set<std::string, std::less<>> names{"token", "username", "password"};
  return names;
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (is_unreserved(c))
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

Template::Template(Place place, std::string text) : place_(place), text_(std::move(text)) {}

std::optional<std::string> Template::mistake(std::string_view text, const std::set<std::string, std::less<>>& known) {
  const auto tags = tags_of(text);
  if (!tags) return fmt::format("has '{{{{' without '}}}}': '{}'", text);
  bool secret = false;
  for (const std::string_view tag : *tags) {
    if (tag.starts_with('{') || tag.starts_with('&')) return "has a raw variable, which nothing would escape";
    if (!is_variable_name(tag)) return fmt::format("has '{{{{{}}}}}'; expected a variable's name and no more", tag);
    if (!known.contains(tag)) {
      const auto near = nearest(tag, {known.begin(), known.end()}, 1);
      return fmt::format("has no variable '{}' here{}", tag,
                         near.empty() ? "" : fmt::format(": did you mean '{}'?", near.front()));
    }
    secret = secret || secret_variables().contains(tag);
    if (tag == "id_path" && !is_one_variable(text)) return "has 'id_path' beside something else in one segment";
  }
  if (secret && tags->size() > 1) return "has a secret and another variable in one text";
  return std::nullopt;
}

std::string Template::render(const Values& values) const {
  if (text_.find(kOpen) == std::string::npos) return place_ == Place::query ? percent_encoded(text_) : text_;
  const bool alone = is_one_variable(text_);
  const bool keeps_slashes = text_ == "{{id_path}}";
  const auto names = variables_of(text_);
  const bool secret = std::ranges::any_of(names, [](const auto& name) { return secret_variables().contains(name); });
  kainjow::mustache::mustache view{place_ == Place::query ? with_encoded_literals(text_) : text_};
  view.set_custom_escape([&](const std::string& value) -> std::string {
    if (place_ == Place::plain) return value;
    if (secret) {  // never quoted
      const bool fits = std::ranges::none_of(value, is_control) && is_valid_utf8(value);
      if (!fits) throw Error{ErrorCode::invalid, "the credential has characters that a request cannot hold"};
      return place_ == Place::query || place_ == Place::segment ? percent_encoded(value) : value;
    }
    if (!is_valid_utf8(value)) refuse(value, "is not UTF-8 and cannot stand in a request");
    if (std::ranges::any_of(value, is_control)) refuse(value, "has control characters and cannot stand in a request");
    if (!alone && !std::ranges::all_of(value, is_harmless))
      refuse(value, "has characters that could become syntax where the recipe puts it");
    switch (place_) {
      case Place::segment: return keeps_slashes ? segments(value) : segment(value);
      case Place::query: return percent_encoded(value);
      case Place::header: return for_header(value);
      case Place::json:
      case Place::plain: break;
    }
    return value;
  });
  kainjow::mustache::data data;
  for (const std::string& name : names) {
    const auto value = values.find(name);
    if (value == values.end()) throw Error{ErrorCode::internal, "the recipe's variable '{}' has no value", name};
    data.set(name, value->second);
  }
  return view.render(data);
}

std::vector<std::string> variables_of(std::string_view text) {
  std::vector<std::string> names;
  const auto tags = tags_of(text);
  if (!tags) return names;
  for (const std::string_view tag : *tags)
    if (is_variable_name(tag)) names.emplace_back(tag);
  return names;
}

void variables_of(const nlohmann::json& value, std::set<std::string, std::less<>>& into) {
  if (value.is_string())
    for (const std::string& name : variables_of(value.get_ref<const std::string&>())) into.insert(name);
  if (value.is_structured())
    for (const nlohmann::json& part : value) variables_of(part, into);
}

namespace {

std::int64_t whole_number(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) refuse(text, "is no whole number");
  return number;
}

}  // namespace

nlohmann::json render_json(const nlohmann::json& value, const Values& values) {
  if (value.is_string()) return Template{Place::json, value.get<std::string>()}.render(values);
  if (value.is_object() && value.size() == 1 && value.contains(kNumber)) {
    const nlohmann::json number = render_json(value.front(), values);
    return number.is_string() ? nlohmann::json(whole_number(number.get<std::string>())) : number;
  }
  nlohmann::json rendered = value;
  if (rendered.is_structured())
    for (nlohmann::json& part : rendered) part = render_json(part, values);
  return rendered;
}

}  // namespace decom::http
