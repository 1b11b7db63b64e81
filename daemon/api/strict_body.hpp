#pragma once

#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/json.hpp"

namespace decom {

/// What does not fit: unknown keys (with the nearest known one), and values of another type than `example`'s.
std::vector<Finding> misfits(const Json& body, const Json& example);

/// Throws `invalid` with all of them, if there are any.
void check_fits(const Json& body, const Json& example);

/// The body as a T of common/api. A key that T does not have is a mistake, as it is most likely a misspelt one.
/// Throws `invalid` with a finding for each.
template <typename T>
T read_body(const Json& body) {
  check_fits(body, Json(T{}));
  try {
    return body.get<T>();
  } catch (const Json::exception&) {
    throw Error{ErrorCode::invalid, "the body has a value of the wrong type"};
  }
}

}  // namespace decom
