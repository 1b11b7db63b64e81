#include "daemon/records/http_recipe.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "common/base/certificate.hpp"
#include "common/base/text.hpp"
#include "daemon/records/http_url.hpp"

namespace decom::http {
namespace {

using namespace std::chrono_literals;
using Known = std::set<std::string, std::less<>>;
using Texts = std::vector<std::string>;

const Known kAlways{"now", "token"};
const Known kSearch{"name", "dns_name", "host", "ip", "ip4", "ip6", "uuid", "mac"};
const Known kPageNames{"page", "page_size"};

Known operator+(Known all, const Known& more) {
  all.insert(more.begin(), more.end());
  return all;
}

template <typename Value, std::size_t Size>
using Words = std::array<std::pair<std::string_view, Value>, Size>;

constexpr Words<Meaning, 6> kMeanings{{{"ok", Meaning::ok},
                                       {"gone", Meaning::gone},
                                       {"retry", Meaning::retry},
                                       {"denied", Meaning::denied},
                                       {"unauthenticated", Meaning::unauthenticated},
                                       {"failed", Meaning::failed}}};
constexpr Words<Purpose, 6> kPurposes{{{"find", Purpose::find},
                                       {"read", Purpose::read},
                                       {"remove", Purpose::remove},
                                       {"verify", Purpose::verify},
                                       {"control", Purpose::control},
                                       {"login", Purpose::login}}};
constexpr Words<CredentialType, 8> kCredentials{{{"none", CredentialType::none},
                                                 {"basic", CredentialType::basic},
                                                 {"bearer", CredentialType::bearer},
                                                 {"header", CredentialType::header},
                                                 {"token", CredentialType::token},
                                                 {"certificate", CredentialType::certificate},
                                                 {"login", CredentialType::login},
                                                 {"oauth2", CredentialType::oauth2}}};
constexpr Words<Format, 2> kFormats{{{"json", Format::json}, {"xml", Format::xml}}};
constexpr Words<bool, 2> kCounts{{{"pages", false}, {"items", true}}};

template <typename Value, std::size_t Size>
std::optional<std::string> not_one_of(const Words<Value, Size>& words, const std::string& text) {
  std::string expected;
  for (const auto& [word, value] : words) {
    if (word == text) return std::nullopt;
    expected += (expected.empty() ? "" : ", ") + std::string{word};
  }
  return fmt::format("is '{}'; expected one of {}", text, expected);
}

template <typename Value, std::size_t Size>
bool read_word(DefinitionReader& reader, std::string_view key, const Words<Value, Size>& words, Value& target) {
  std::string text;
  if (!reader.string(key, text, [&](const std::string& typed) { return not_one_of(words, typed); })) return false;
  target = std::ranges::find(words, text, &std::pair<std::string_view, Value>::first)->second;
  return true;
}

bool is_token(std::string_view text) {  // RFC 9110, section 5.6.2
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
  });
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

class RecipeReader {
 public:
  explicit RecipeReader(DefinitionReader& reader) : reader_(reader) {}

  Recipe read() {
    read_place();
    reader_.duration("timeout", recipe_.timeout, 100ms, 10min);
    reader_.integer("rate", recipe_.rate, 1, 1000);
    read_word(reader_, "format", kFormats, recipe_.format);
    templates(reader_, "headers", Place::header, kAlways, recipe_.headers);
    selectors(reader_, "words", recipe_.words);
    reader_.table("credential", [&](DefinitionReader& table) { read_credential(table); });
    reader_.require("item");
    reader_.table("item", [&](DefinitionReader& table) { read_item(table); });
    const Known by_id = kAlways + id_variables();
    reader_.require("find");
    each(reader_, "find", [&](DefinitionReader& table) {
      recipe_.find.push_back(request(table, kAlways + kSearch + (reader_.has("pages") ? kPageNames : Known{}), false));
      selector(table, "items", recipe_.find.back().items);
      if (recipe_.format == Format::xml && recipe_.find.back().expect.empty())
        table.mistake("expect", "'expect' is missing: in XML nothing else tells an empty answer from another one");
    });
    reader_.require("read");
    reader_.table("read", [&](DefinitionReader& table) {
      recipe_.read = request(table, by_id, false);
      selector(table, "items", recipe_.read.items);
    });
    reader_.require("remove");
    Known captured = by_id;
    each(reader_, "remove", [&](DefinitionReader& table) {
      recipe_.remove.push_back(request(table, captured, true));
      for (const auto& [name, selector] : recipe_.remove.back().capture) captured.insert(name);
    });
    if (reader_.has("remove") && std::ranges::none_of(recipe_.remove, &Request::changes))
      reader_.mistake("remove", "none of the requests of 'remove' changes anything");
    reader_.string("removed", recipe_.removed, empty_text);
    reader_.table("verify", [&](DefinitionReader& table) { read_verify(table, captured); });
    reader_.require("control");
    each(reader_, "control", [&](DefinitionReader& table) {
      recipe_.control.push_back(request(table, kAlways, false));
      if (recipe_.control.back().expect.empty())
        table.mistake("expect", "'expect' is missing: a control shows something that must exist");
    });
    each(reader_, "codes", [&](DefinitionReader& table) { read_code(table); });
    reader_.table("pages", [&](DefinitionReader& table) { read_pages(table); });
    return std::move(recipe_);
  }

 private:
  /// A table, or a list of them.
  static void each(DefinitionReader& reader, std::string_view key, const std::function<void(DefinitionReader&)>& read) {
    const nlohmann::json* value = reader.take(key);
    if (value != nullptr && value->is_array())
      reader.tables(key, read);
    else
      reader.table(key, read);
  }

  /// A place, or a table that cuts a part out of what is there.
  void selector(DefinitionReader& reader, std::string_view key, std::optional<Selector>& target) const {
    if (const nlohmann::json* value = reader.take(key); value != nullptr && value->is_object()) {
      reader.table(key, [&](DefinitionReader& table) { target = part(table); });
      return;
    }
    std::string text;
    if (reader.string(key, text, [&](const std::string& typed) { return Selector::mistake(recipe_.format, typed); }))
      target = Selector{recipe_.format, text};
  }

  std::optional<Selector> part(DefinitionReader& table) const {
    std::string at;
    Cut cut;
    table.require("at");
    const bool placed =
        table.string("at", at, [&](const std::string& typed) { return Selector::mistake(recipe_.format, typed); });
    table.string("after", cut.after, empty_text);
    table.string("before", cut.before, empty_text);
    return placed ? std::optional{Selector{recipe_.format, at, std::move(cut)}} : std::nullopt;
  }

  void selectors(DefinitionReader& reader, std::string_view key, std::vector<Selector>& target) const {
    const nlohmann::json* value = reader.take(key);
    const nlohmann::json* first = value != nullptr && value->is_array() && !value->empty() ? &value->front() : value;
    if (first != nullptr && first->is_object()) {
      each(reader, key, [&](DefinitionReader& table) {
        if (auto place = part(table)) target.push_back(std::move(*place));
      });
      return;
    }
    Texts texts;
    reader.strings(key, texts, [&](const std::string& typed) { return Selector::mistake(recipe_.format, typed); });
    for (const std::string& text : texts) target.emplace_back(recipe_.format, text);
  }

  static void templates(DefinitionReader& reader, std::string_view key, Place place, const Known& known,
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

  static void scalars(DefinitionReader& reader, std::string_view key, Texts& target) {
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

  void expectations(DefinitionReader& reader, std::string_view key, const Known& known,
                    std::vector<Expectation>& target) const {
    each(reader, key, [&](DefinitionReader& table) {
      Expectation expectation;
      std::optional<Selector> at;
      table.require("at");
      selector(table, "at", at);
      if (at) expectation.at = *at;
      Texts values;
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

  Request request(DefinitionReader& table, const Known& known, bool changes) const {
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
    if (made.body && table.has("form"))
      table.mistake("form", "'json' and 'form' are both there; a request has one body");
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

  static void check_body(DefinitionReader& table, const nlohmann::json& body, const Known& known) {
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

  void read_place() {
    reader_.require("url");
    bool plain = false;
    reader_.boolean("plain", plain);
    reader_.string("url", recipe_.url, [&](const std::string& text) -> std::optional<std::string> {
      const auto url = parse_url(text);
      if (!url || !url->plain_shape) return "is '" + text + "'; expected https://HOST[:PORT][/PATH]";
      if (url->scheme == "http" && !plain && !url->loopback)
        return "is '" + text + "'; expected https://, or plain = true where nobody listens on the way";
      recipe_.origin = url->origin;
      recipe_.host = url->host;
      recipe_.tls = url->scheme == "https";
      return std::nullopt;
    });
    while (recipe_.url.ends_with('/')) recipe_.url.pop_back();
    reader_.string("ca_file", recipe_.ca_file, empty_text);
    reader_.string("thumbprint", recipe_.thumbprint, [](const std::string& text) -> std::optional<std::string> {
      if (!normal_thumbprint(text).empty()) return std::nullopt;
      return "is '" + text + "'; expected SHA256: and 64 hexadecimal digits";
    });
    recipe_.thumbprint = normal_thumbprint(recipe_.thumbprint);
    if (!recipe_.ca_file.empty() && !recipe_.thumbprint.empty())
      reader_.mistake("thumbprint", "'ca_file' and 'thumbprint' are both there; one decides about the certificate");
  }

  void read_credential(DefinitionReader& table) {
    Credential& c = recipe_.credential;
    table.require("type");
    const bool known = read_word(table, "type", kCredentials, c.type);
    const auto needs = [&](std::string_view key, std::string& target) {
      table.require(key);
      table.string(key, target, empty_text);
    };
    table.string("certificate_file", c.certificate_file, empty_text);
    table.string("key_file", c.key_file, empty_text);
    if (c.certificate_file.empty() != c.key_file.empty())
      table.mistake("certificate_file", "'certificate_file' and 'key_file' go together");
    if (!known) return table.rest([](const std::string&, const nlohmann::json&) {});
    switch (c.type) {
      case CredentialType::none: break;
      case CredentialType::certificate: table.require("certificate_file"); break;
      case CredentialType::basic:
        needs("username", c.username);
        needs("password_file", c.secret_file);
        break;
      case CredentialType::bearer:
        c.header = "Authorization";
        c.prefix = "Bearer ";
        needs("token_file", c.secret_file);
        break;
      case CredentialType::header:
        needs("header", c.header);
        table.string("prefix", c.prefix);
        needs("token_file", c.secret_file);
        break;
      case CredentialType::token: needs("token_file", c.secret_file); break;
      case CredentialType::login:
        needs("username", c.username);
        needs("password_file", c.secret_file);
        table.string("header", c.header, not_a_header);
        table.string("prefix", c.prefix);
        selector(table, "token_at", c.token_at);
        table.string("token_header", c.token_header, not_a_header);
        table.string("token_cookie", c.token_cookie, not_a_header);
        if ((c.token_at ? 1 : 0) + (c.token_header.empty() ? 0 : 1) + (c.token_cookie.empty() ? 0 : 1) != 1)
          table.mistake("token_at", "expected one of 'token_at', 'token_header' and 'token_cookie'");
        table.require("request");
        table.table("request", [&](DefinitionReader& inner) {
          c.login = request(inner, {"username", "password", "now"}, false);
        });
        break;
      case CredentialType::oauth2: read_oauth2(table); break;
    }
    if (!c.header.empty() && not_a_header(c.header)) table.mistake("header", "'header' " + *not_a_header(c.header));
    if (has_control(c.prefix)) table.mistake("prefix", "'prefix' has control characters");
  }

  void read_oauth2(DefinitionReader& table) {
    Credential& c = recipe_.credential;
    c.header = "Authorization";
    c.prefix = "Bearer ";
    table.require("token_url");
    table.string("token_url", c.token_url, [&](const std::string& text) -> std::optional<std::string> {
      const auto url = parse_url(text);
      if (url && url->plain_shape && (url->scheme == "https" || url->loopback)) return std::nullopt;
      return "is '" + text + "'; expected https://HOST/PATH";
    });
    table.require("client_id");
    table.string("client_id", c.username, empty_text);
    table.require("client_secret_file");
    table.string("client_secret_file", c.secret_file, empty_text);
    table.string("scope", c.scope);
    table.boolean("client_in_header", c.client_in_header);
  }

  Known id_variables() const {
    if (recipe_.item.id.size() <= 1) return {"id", "id_path"};
    Known names;
    for (std::size_t i = 1; i <= recipe_.item.id.size(); ++i) names.insert(fmt::format("id_{}", i));
    return names;
  }

  void read_item(DefinitionReader& table) {
    Item& item = recipe_.item;
    std::optional<Selector> items;
    table.require("items");
    selector(table, "items", items);
    if (items) item.items = *items;
    table.require("id");
    selectors(table, "id", item.id);
    selectors(table, "name", item.names);
    selectors(table, "address", item.addresses);
    selectors(table, "uuid", item.uuids);
    selectors(table, "mac", item.macs);
    if (item.names.empty() && item.addresses.empty() && item.uuids.empty() && item.macs.empty())
      table.mistake("name", "expected 'name', 'address', 'uuid' or 'mac': what shows whose record it is");
    table.table("fields", [&](DefinitionReader& fields) {
      fields.rest([&](const std::string& name, const nlohmann::json&) {
        std::optional<Selector> place;
        selector(fields, name, place);
        if (place) item.fields.emplace_back(name, std::move(*place));
      });
    });
    Known shown{"id", "name", "address", "uuid", "mac"};
    for (const auto& [name, selector] : item.fields) shown.insert(name);
    std::string what = "{{name}}";
    table.require("what");
    table.string("what", what, [&](const std::string& text) { return Template::mistake(text, shown); });
    item.what = Template{Place::plain, what};
    selectors(table, "before", item.before);
    expectations(table, "gone", {}, item.gone);
    table.table("effect", [&](DefinitionReader& inner) {
      for (const auto& [key, target] : {std::pair{"verb", &item.effect.verb}, std::pair{"done", &item.effect.done}}) {
        inner.require(key);
        inner.string(key, *target, empty_text);
      }
      inner.require("when");
      expectations(inner, "when", {}, item.effect.when);
    });
    each(table, "forbidden", [&](DefinitionReader& inner) {
      Forbidden forbidden;
      std::optional<Selector> at;
      inner.require("at");
      selector(inner, "at", at);
      if (at) forbidden.at = *at;
      scalars(inner, "equals", forbidden.equals);
      scalars(inner, "unless", forbidden.unless);
      if (forbidden.equals.empty() == forbidden.unless.empty())
        inner.mistake("at", "expected one of 'equals' and 'unless'");
      inner.require("because");
      inner.string("because", forbidden.because, empty_text);
      item.forbidden.push_back(std::move(forbidden));
    });
    each(table, "also", [&](DefinitionReader& inner) {
      Also also{.request = request(inner, kAlways + id_variables(), false),
                .names = {},
                .addresses = {},
                .uuids = {},
                .macs = {}};
      selectors(inner, "name", also.names);
      selectors(inner, "address", also.addresses);
      selectors(inner, "uuid", also.uuids);
      selectors(inner, "mac", also.macs);
      if (also.names.empty() && also.addresses.empty() && also.uuids.empty() && also.macs.empty())
        inner.mistake("name", "expected 'name', 'address', 'uuid' or 'mac': what it says more of whose record it is");
      item.also.push_back(std::move(also));
    });
  }

  void read_verify(DefinitionReader& table, const Known& known) {
    Verify verify{.request = std::nullopt, .every = 2s, .within = 60s};
    table.duration("every", verify.every, 50ms, 10min);
    table.duration("within", verify.within, 100ms, 1h);
    table.table("request", [&](DefinitionReader& inner) {
      verify.request = request(inner, known, false);
      if (verify.request->expect.empty())
        inner.mistake("expect", "'expect' is missing: what the answer says once it is done");
    });
    recipe_.verify = std::move(verify);
  }

  void read_code(DefinitionReader& table) {
    CodeRule rule;
    table.integers("status", rule.status, 100, 599);
    selector(table, "at", rule.at);
    scalars(table, "equals", rule.equals);
    scalars(table, "contains", rule.contains);
    if (rule.at && rule.equals.empty() && rule.contains.empty())
      table.mistake("at", "'at' needs 'equals' or 'contains'");
    if (!rule.at && !rule.equals.empty()) table.mistake("equals", "'equals' needs 'at'");
    if (rule.status.empty() && !rule.at && rule.contains.empty())
      table.mistake("means", "expected 'status', 'at' or 'contains': what the answer looks like");
    Texts only;
    table.strings("only", only, [](const std::string& word) { return not_one_of(kPurposes, word); });
    for (const std::string& word : only)
      rule.only.push_back(std::ranges::find(kPurposes, word, &std::pair<std::string_view, Purpose>::first)->second);
    table.require("means");
    read_word(table, "means", kMeanings, rule.means);
    recipe_.codes.push_back(std::move(rule));
  }

  void read_pages(DefinitionReader& table) {
    Pages& pages = recipe_.pages;
    selector(table, "next", pages.next);
    selector(table, "cursor", pages.cursor);
    table.string("parameter", pages.parameter, empty_text);
    read_word(table, "counts", kCounts, pages.by_item);
    pages.first = pages.by_item ? 0 : 1;
    table.integer("first", pages.first, 0, 1);
    table.integer("size", pages.size, 1, 100'000);
    table.string("size_parameter", pages.size_parameter, empty_text);
    table.integer("most", pages.most, 1, 10'000);
    const auto say = [&](std::string_view variable) {
      return std::ranges::count_if(recipe_.find,
                                   [&](const Request& request) { return request.variables().contains(variable); });
    };
    const auto paged = say("page");
    const auto all = static_cast<std::ptrdiff_t>(recipe_.find.size());
    pages.in_requests = paged > 0;
    if ((pages.next ? 1 : 0) + (pages.parameter.empty() ? 0 : 1) + (paged > 0 ? 1 : 0) != 1)
      table.mistake("next", "expected one of 'next', 'parameter' and {{page}} in the requests of 'find'");
    else if (paged > 0 && paged < all)
      table.mistake("next", "{{page}} is not in every request of 'find'");
    if (pages.next && pages.cursor)
      table.mistake("cursor", "'cursor' needs 'parameter' or {{page}} in the requests of 'find', not 'next'");
    if (pages.cursor)
      for (const Request& request : recipe_.find)
        if (std::ranges::any_of(request.path,
                                [](const Template& part) { return part.text().find("{{page}}") != std::string::npos; }))
          table.mistake("cursor", "{{page}} is in a path of 'find', and before the first page there is no cursor");
    const auto sized = say("page_size");
    if (pages.size == 0 && (sized > 0 || !pages.size_parameter.empty()))
      table.mistake("size", "'size' is missing: how many records a page has");
    if (pages.size > 0 && (sized > 0) != pages.size_parameter.empty())
      table.mistake("size_parameter", "expected one of 'size_parameter' and {{page_size}} in the requests of 'find'");
  }

  DefinitionReader& reader_;
  Recipe recipe_;
};

}  // namespace

std::set<std::string, std::less<>> Request::variables() const {
  std::set<std::string, std::less<>> all;
  const auto add = [&](const Template& part) {
    for (const std::string& name : variables_of(part.text())) all.insert(name);
  };
  for (const Template& part : path) add(part);
  for (const auto* list : {&query, &headers, &form})
    for (const auto& [name, part] : *list) add(part);
  if (body) variables_of(*body, all);
  for (const Expectation& expectation : expect)
    for (const Template& part : expectation.one_of) add(part);
  return all;
}

Recipe read_recipe(DefinitionReader& reader) { return RecipeReader{reader}.read(); }

}  // namespace decom::http
