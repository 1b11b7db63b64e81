#include "daemon/records/http_recipe.hpp"

#include <algorithm>

#include "common/base/certificate.hpp"
#include "daemon/records/http_tables.hpp"
#include "daemon/records/http_url.hpp"

namespace decom::http {
namespace {

using namespace std::chrono_literals;

constexpr Words<Format, 2> kFormats{{{"json", Format::json}, {"xml", Format::xml}}};

void read_place(DefinitionReader& reader, Recipe& recipe) {
  reader.require("url");
  bool plain = false;
  reader.boolean("plain", plain);
  reader.string("url", recipe.url, [&](const std::string& text) -> std::optional<std::string> {
    const auto url = parse_url(text);
    if (!url || !url->plain_shape) return "is '" + text + "'; expected https://HOST[:PORT][/PATH]";
    if (url->scheme == "http" && !plain && !url->loopback)
      return "is '" + text + "'; expected https://, or plain = true where nobody listens on the way";
    recipe.origin = url->origin;
    recipe.host = url->host;
    recipe.tls = url->scheme == "https";
    return std::nullopt;
  });
  while (recipe.url.ends_with('/')) recipe.url.pop_back();
  reader.file("ca_file", recipe.ca_file, FileUse::certificate);
  reader.string("thumbprint", recipe.thumbprint, [](const std::string& text) -> std::optional<std::string> {
    if (!normal_thumbprint(text).empty()) return std::nullopt;
    return "is '" + text + "'; expected SHA256: and 64 hexadecimal digits";
  });
  recipe.thumbprint = normal_thumbprint(recipe.thumbprint);
  if (!recipe.ca_file.empty() && !recipe.thumbprint.empty())
    reader.mistake("thumbprint", "'ca_file' and 'thumbprint' are both there; one decides about the certificate");
}

Verify read_verify(DefinitionReader& table, const Parts& parts, const Known& known) {
  Verify verify{.request = std::nullopt, .every = 2s, .within = 60s};
  table.duration("every", verify.every, 50ms, 10min);
  table.duration("within", verify.within, 100ms, 1h);
  table.table("request", [&](DefinitionReader& inner) {
    verify.request = parts.request(inner, known, false);
    if (verify.request->expect.empty())
      inner.mistake("expect", "'expect' is missing: what the answer says once it is done");
  });
  return verify;
}

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

Recipe read_recipe(DefinitionReader& reader) {
  Recipe recipe;
  read_place(reader, recipe);
  reader.duration("timeout", recipe.timeout, 100ms, 10min);
  reader.integer("rate", recipe.rate, 1, 1000);
  read_word(reader, "format", kFormats, recipe.format);
  const Parts parts{recipe.format};
  Parts::templates(reader, "headers", Place::header, kAlways, recipe.headers);
  parts.selectors(reader, "words", recipe.words);
  reader.table("credential", [&](DefinitionReader& table) { recipe.credential = read_credential(table, parts); });
  reader.require("item");
  reader.table("item", [&](DefinitionReader& table) { recipe.item = read_item(table, parts); });
  const Known by_id = kAlways + id_variables(recipe.item);
  reader.require("find");
  Parts::each(reader, "find", [&](DefinitionReader& table) {
    recipe.find.push_back(
        parts.request(table, kAlways + kSearch + (reader.has("pages") ? kPageNames : Known{}), false));
    parts.selector(table, "items", recipe.find.back().items);
    if (recipe.format == Format::xml && recipe.find.back().expect.empty())
      table.mistake("expect", "'expect' is missing: in XML nothing else tells an empty answer from another one");
  });
  reader.require("read");
  reader.table("read", [&](DefinitionReader& table) {
    recipe.read = parts.request(table, by_id, false);
    parts.selector(table, "items", recipe.read.items);
  });
  reader.require("remove");
  Known captured = by_id;
  Parts::each(reader, "remove", [&](DefinitionReader& table) {
    recipe.remove.push_back(parts.request(table, captured, true));
    for (const auto& [name, selector] : recipe.remove.back().capture) captured.insert(name);
  });
  if (reader.has("remove") && std::ranges::none_of(recipe.remove, &Request::changes))
    reader.mistake("remove", "none of the requests of 'remove' changes anything");
  reader.string("removed", recipe.removed, empty_text);
  reader.table("verify", [&](DefinitionReader& table) { recipe.verify = read_verify(table, parts, captured); });
  reader.require("control");
  Parts::each(reader, "control", [&](DefinitionReader& table) {
    recipe.control.push_back(parts.request(table, kAlways, false));
    if (recipe.control.back().expect.empty())
      table.mistake("expect", "'expect' is missing: a control shows something that must exist");
  });
  Parts::each(reader, "codes", [&](DefinitionReader& table) { recipe.codes.push_back(read_code(table, parts)); });
  reader.table("pages", [&](DefinitionReader& table) { recipe.pages = read_pages(table, parts, recipe.find); });
  reader.table("silence", [&](DefinitionReader& table) { recipe.silence = read_silence(table, parts, recipe.item); });
  return recipe;
}

}  // namespace decom::http
