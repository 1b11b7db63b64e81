#pragma once

#include <optional>

#include "common/base/error.hpp"

namespace decom {

/// The code that a call fails with; nullopt where it does not fail.
template <typename Call>
std::optional<ErrorCode> code_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

}  // namespace decom
