#include "daemon/api/strict_body.hpp"

#include <limits>

#include "common/base/text.hpp"

namespace decom {
namespace {

std::string_view name_of_type(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list of texts";
  if (value.is_string()) return "a text";
  if (value.is_boolean()) return "true or false";
  return "a whole number";
}

bool fits(const Json& value, const Json& example) {
  if (example.is_null()) return value.is_null() || value.is_string();  // the optional ones of requests are texts
  if (example.is_array()) {
    if (!value.is_array()) return false;
    for (const Json& item : value)
      if (!item.is_string()) return false;
    return true;
  }
  if (example.is_number_integer()) {
    if (!value.is_number_integer()) return false;
    return !value.is_number_unsigned() ||
           value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  }
  return value.type() == example.type();
}

void look(const Json& body, const Json& example, const std::string& path, std::vector<Finding>& findings) {
  for (const auto& [key, value] : body.items()) {
    const std::string where = path.empty() ? key : path + "." + key;
    const auto known = example.find(key);
    if (known == example.end()) {
      std::vector<std::string> keys;
      for (const auto& [name, unused] : example.items()) keys.push_back(name);
      const auto meant = nearest(key, keys, 1);
      findings.push_back({where, meant.empty() ? "is not known here"
                                               : fmt::format("is not known here; did you mean '{}'?", meant.front())});
    } else if (!fits(value, *known)) {
      findings.push_back({where, fmt::format("is to be {}", known->is_null() ? "a text" : name_of_type(*known))});
    } else if (known->is_object()) {
      look(value, *known, where, findings);
    }
  }
}

}  // namespace

std::vector<Finding> misfits(const Json& body, const Json& example) {
  if (!body.is_object()) return {{"the body", "is to be an object"}};
  std::vector<Finding> findings;
  look(body, example, "", findings);
  return findings;
}

void check_fits(const Json& body, const Json& example) {
  auto findings = misfits(body, example);
  if (findings.empty()) return;
  std::string text = findings.front().where + ": " + findings.front().what;
  if (findings.size() > 1) text += fmt::format(" (and {} more)", findings.size() - 1);
  throw Error{ErrorCode::invalid, std::move(text), std::move(findings)};
}

}  // namespace decom
