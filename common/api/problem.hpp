#pragma once

#include <string>
#include <vector>

#include "common/api/optional.hpp"

namespace decom::api {

struct ProblemItem {
  std::string where;
  std::string what;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ProblemItem, where, what)

/// application/problem+json (RFC 9457) with our stable `code`.
struct Problem {
  std::string type = "about:blank";
  std::string title;
  int status = 0;
  std::string code;
  std::string detail;
  std::vector<ProblemItem> errors;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Problem, type, title, status, code, detail, errors)

}  // namespace decom::api
