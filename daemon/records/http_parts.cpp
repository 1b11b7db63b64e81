#include "daemon/records/http_parts.hpp"

#include "common/base/text.hpp"

namespace decom::http {
namespace {

bool is_token(std::string_view text) {  // RFC 9110, section 5.6.2
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
  });
}

std::optional<std::string> bad_path(const std::string& path) {
  if (path.empty() || path.front() != '/') return fmt::format("is '{}'; expected a path that begins with '/'", path);
  if (path.find_first_of("?#\\ ") != std::string::npos || has_control(path))
    return fmt::format("is '{}'; a path has no '?', '#' or spaces: parameters go to 'query'", path);
  for (const std::string& part : split(path, '/'))
    if (part == "." || part == "..") return fmt::format("is '{}'; expected no '{}' in it", path, part);
  return std::nullopt;
}

/// A scalar as the text that a selector would give for it.
std::optional<std::string> scalar(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer() || value.is_boolean()) return value.dump();
  return std::nullopt;
}

void check_body(DefinitionReader& table, const nlohmann::json& body, const Known& known) {
  if (body.is_string()) {
    if (const auto wrong = Template::mistake(body.get<std::string>(), known))
      table.mistake("json", fmt::format("'json' {}", *wrong));
  } else if (body.is_structured()) {
    for (const auto& [key, part] : body.items()) {
      const bool is_number = key == kNumber && body.size() == 1 && part.is_string();
      if (body.is_object() && !is_number && key.find("{{") != std::string::npos)
        table.mistake("json", fmt::format("'json' has a variable in the key '{}'", key));
      check_body(table, part, known);
    }
  }
}

}  // namespace

const Known kAlways{"now", "token"};
const Known kSearch{"name", "dns_name", "host", "ip", "ip4", "ip6", "uuid", "mac"};
const Known kPageNames{"page", "page_size"};

Known operator+(Known all, const Known& more) {
  all.insert(more.begin(), more.end());
  return all;
}

std::optional<std::string> not_a_header(const std::string& name) {
  if (is_token(name)) return std::nullopt;
  return fmt::format("is '{}'; expected the name of a header", name);
}

std::optional<std::string> empty_text(const std::string& text) {
  return text.empty() ? std::optional<std::string>{"is empty"} : std::nullopt;
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

void Parts::each(DefinitionReader& reader, std::string_view key, const std::function<void(DefinitionReader&)>& read) {
  const nlohmann::json* value = reader.take(key);
  if (value != nullptr && value->is_array())
    reader.tables(key, read);
  else
    reader.table(key, read);
}

void Parts::selector(DefinitionReader& reader, std::string_view key, std::optional<Selector>& target) const {
  if (const nlohmann::json* value = reader.take(key); value != nullptr && value->is_object()) {
    reader.table(key, [&](DefinitionReader& table) { target = part(table); });
    return;
  }
  std::string text;
  if (reader.string(key, text, [&](const std::string& typed) { return Selector::mistake(format_, typed); }))
    target = Selector{format_, text};
}

std::optional<Selector> Parts::part(DefinitionReader& table) const {
  std::string at;
  Cut cut;
  table.require("at");
  const bool placed =
      table.string("at", at, [&](const std::string& typed) { return Selector::mistake(format_, typed); });
  table.string("after", cut.after, empty_text);
  table.string("before", cut.before, empty_text);
  return placed ? std::optional{Selector{format_, at, std::move(cut)}} : std::nullopt;
}

void Parts::selectors(DefinitionReader& reader, std::string_view key, std::vector<Selector>& target) const {
  const nlohmann::json* value = reader.take(key);
  const nlohmann::json* first = value != nullptr && value->is_array() && !value->empty() ? &value->front() : value;
  if (first != nullptr && first->is_object()) {
    each(reader, key, [&](DefinitionReader& table) {
      if (auto place = part(table)) target.push_back(std::move(*place));
    });
    return;
  }
  std::vector<std::string> texts;
  reader.strings(key, texts, [&](const std::string& typed) { return Selector::mistake(format_, typed); });
  for (const std::string& text : texts) target.emplace_back(format_, text);
}

void Parts::templates(DefinitionReader& reader, std::string_view key, Place place, const Known& known,
                      std::vector<std::pair<std::string, Template>>& target) {
  reader.table(key, [&](DefinitionReader& table) {
    table.rest([&](const std::string& name, const nlohmann::json& value) {
      // A list means the same name several times: attrs=a&attrs=b
      for (const nlohmann::json& one : value.is_array() ? value : nlohmann::json::array({value})) {
        const auto text = scalar(one);
        if (!text)
          return table.mistake(name, fmt::format("'{}' is not a string or a number, nor a list of them", name));
        if (const auto wrong = Template::mistake(*text, known))
          return table.mistake(name, fmt::format("'{}' {}", name, *wrong));
        if (place == Place::header && (!is_token(name) || has_control(*text)))
          return table.mistake(name, fmt::format("'{}' is no header, or its value has control characters", name));
        target.emplace_back(name, Template{place, *text});
      }
    });
  });
}

void Parts::scalars(DefinitionReader& reader, std::string_view key, std::vector<std::string>& target) {
  const nlohmann::json* value = reader.take(key);
  if (value == nullptr) return;
  const auto add = [&](const nlohmann::json& item) {
    if (const auto text = scalar(item))
      target.push_back(*text);
    else
      reader.mistake(key, fmt::format("'{}' is not a string, a whole number or a boolean, nor a list of them", key));
  };
  if (value->is_array())
    for (const nlohmann::json& item : *value) add(item);
  else
    add(*value);
}

void Parts::expectations(DefinitionReader& reader, std::string_view key, const Known& known,
                         std::vector<Expectation>& target) const {
  each(reader, key, [&](DefinitionReader& table) {
    Expectation expectation;
    std::optional<Selector> at;
    table.require("at");
    selector(table, "at", at);
    if (at) expectation.at = *at;
    std::vector<std::string> values;
    scalars(table, "equals", values);
    for (const std::string& value : values) {
      if (const auto wrong = Template::mistake(value, known))
        table.mistake("equals", fmt::format("'equals' {}", *wrong));
      expectation.one_of.emplace_back(Place::plain, value);
    }
    table.boolean("every", expectation.every);
    table.string("otherwise", expectation.otherwise);
    target.push_back(std::move(expectation));
  });
}

Request Parts::request(DefinitionReader& table, const Known& known, bool changes) const {
  Request made;
  made.changes = changes;
  if (changes) {
    table.boolean("changes", made.changes);
    made.method = "DELETE";
  }
  table.string("method", made.method, [](const std::string& method) -> std::optional<std::string> {
    constexpr std::array<std::string_view, 5> kMethods{"GET", "POST", "PUT", "PATCH", "DELETE"};
    if (std::ranges::find(kMethods, method) != kMethods.end()) return std::nullopt;
    return fmt::format("is '{}'; expected GET, POST, PUT, PATCH or DELETE", method);
  });
  if (!changes && made.method != "GET" && made.method != "POST")
    table.mistake("method", fmt::format("'method' is {}; what only reads is GET or POST", made.method));
  table.require("path");
  std::string path;
  table.string("path", path, bad_path);
  for (const std::string& part : split(std::string_view{path}.substr(path.empty() ? 0 : 1), '/')) {
    if (const auto wrong = Template::mistake(part, known)) table.mistake("path", fmt::format("'path' {}", *wrong));
    made.path.emplace_back(Place::segment, part);
  }
  templates(table, "query", Place::query, known, made.query);
  templates(table, "headers", Place::header, known, made.headers);
  templates(table, "form", Place::query, known, made.form);
  if (const nlohmann::json* body = table.take("json")) {
    check_body(table, *body, known);
    made.body = *body;
  }
  if (made.body && table.has("form")) table.mistake("form", "'json' and 'form' are both there; a request has one body");
  if (made.method == "GET" && (made.body || table.has("form")))
    table.mistake("method", "'method' is GET, which has no body");
  std::optional<Selector> shows;
  selector(table, "shows", shows);
  if (shows) made.shows = *shows;
  table.table("capture", [&](DefinitionReader& captures) {
    captures.rest([&](const std::string& name, const nlohmann::json&) {
      std::optional<Selector> place;
      selector(captures, name, place);
      if (!place) return;
      if ((kAlways + kSearch + kPageNames + secret_variables()).contains(name) || name.starts_with("id"))
        return captures.mistake(name, fmt::format("'{}' is a variable already", name));
      made.capture.emplace_back(name, std::move(*place));
    });
  });
  Known all = known;
  for (const auto& [name, selector] : made.capture) all.insert(name);
  expectations(table, "expect", all, made.expect);
  return made;
}

}  // namespace decom::http
