#pragma once

#include <string>
#include <vector>

#include "common/api/wire_type.hpp"

namespace decom::api {

struct ProblemItem {
  std::string where;
  std::string what;
};
DECOM_WIRE_TYPE(ProblemItem)

/// application/problem+json (RFC 9457) with our stable `code`.
struct Problem {
  std::string type = "about:blank";
  std::string title;
  int status = 0;
  std::string code;
  std::string detail;
  std::vector<ProblemItem> errors;
};
DECOM_WIRE_TYPE(Problem)

}  // namespace decom::api
