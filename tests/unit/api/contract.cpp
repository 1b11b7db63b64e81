#include "tests/unit/api/contract.hpp"

#include <algorithm>

#include "common/base/text.hpp"
#include "daemon/api/routes.hpp"

namespace decom::test {
namespace {

const Json& resolved(const Json& schema) {
  if (!schema.contains("$ref")) return schema;
  return contract().at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1)));
}

bool is_of_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "boolean") return value.is_boolean();
  return type == "null" && value.is_null();
}

bool fits_path(const std::string& pattern, const std::string& path) {
  const auto wanted = split(pattern, '/');
  const auto given = split(path, '/');
  return std::ranges::equal(wanted, given, [](const auto& w, const auto& g) { return w.starts_with('{') || w == g; });
}

void append(std::vector<std::string>& all, std::vector<std::string> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

const Json& contract() {
  static const Json document = Json::parse(openapi_json());
  return document;
}
const Json& schema_of(const std::string& name) { return contract()["components"]["schemas"].at(name); }

std::vector<std::string> violations(const Json& value, const Json& given, const std::string& where) {
  const Json& schema = resolved(given);
  if (schema.contains("anyOf")) {
    std::vector<std::string> all;
    for (const Json& one : schema["anyOf"]) {
      auto found = violations(value, one, where);
      if (found.empty()) return {};
      append(all, std::move(found));
    }
    return all;
  }
  if (schema.contains("type") && !is_of_type(value, schema["type"]))
    return {where + " is no " + schema["type"].get<std::string>()};
  std::vector<std::string> all;
  if (schema.contains("enum") && std::ranges::find(schema["enum"], value) == schema["enum"].end())
    all.push_back(where + " is " + value.dump());
  if (value.is_array() && schema.contains("items"))
    for (std::size_t i = 0; i < value.size(); ++i)
      append(all, violations(value[i], schema["items"], where + "[" + std::to_string(i) + "]"));
  if (!value.is_object()) return all;
  const Json properties = schema.value("properties", Json::object());
  const Json more = schema.value("additionalProperties", Json(true));
  for (const auto& [key, item] : value.items()) {
    if (properties.contains(key)) {
      append(all, violations(item, properties[key], where + "." + key));
    } else if (more.is_object()) {
      append(all, violations(item, more, where + "." + key));
    } else if (!more.get<bool>()) {
      all.push_back(where + "." + key + " is not in the contract");
    }
  }
  for (const Json& key : schema.value("required", Json::array()))
    if (!value.contains(key.get<std::string>())) all.push_back(where + "." + key.get<std::string>() + " is missing");
  return all;
}

std::vector<std::string> violations_of_answer(const std::string& method, const std::string& path, int status,
                                              const std::string& content_type, const std::string& body) {
  for (const auto& [pattern, item] : contract()["paths"].items()) {
    const std::string verb = folded(method);
    if (!fits_path(pattern, path) || !item.contains(verb)) continue;
    const Json& responses = item[verb]["responses"];
    const std::string key = std::to_string(status);
    if (!responses.contains(key) && status < 400) return {"status " + key + " is not in the contract"};
    const Json& response = resolved(responses.contains(key) ? responses[key] : responses["default"]);
    if (!response.contains("content"))
      return body.empty() ? std::vector<std::string>{} : std::vector{std::string("a body")};
    if (!response["content"].contains(content_type)) return {"content type " + content_type};
    return violations(Json::parse(body), response["content"][content_type]["schema"]);
  }
  return {};  // no such route: the answer is a 404 or 405, which the caller checks
}

}  // namespace decom::test
