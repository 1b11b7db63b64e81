#pragma once

#include <string>
#include <vector>

#include "common/base/json.hpp"

namespace decom::test {

/// openapi.yaml, as the daemon serves it.
const Json& contract();
const Json& schema_of(const std::string& name);

/// What of `value` the schema does not allow: type, enum, properties, required, additionalProperties, items, anyOf,
/// $ref.
std::vector<std::string> violations(const Json& value, const Json& schema, const std::string& where = "$");

/// Of an answer to `method path`: its status has to be listed or fall under `default`, its body has to fit.
std::vector<std::string> violations_of_answer(const std::string& method, const std::string& path, int status,
                                              const std::string& content_type, const std::string& body);

}  // namespace decom::test
