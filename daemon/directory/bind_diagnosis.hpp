#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace decom::directory {

/// Why Active Directory refused a bind with invalidCredentials.
struct BindDiagnosis {
  ErrorCode code;     ///< `unauthenticated`, or `denied` when the account, not the password, is the reason
  std::string words;  ///< "the account is disabled"
};

/// The Windows error after "data " in AD's diagnostic text, e.g. 0x533; nothing where there is none.
std::optional<unsigned> data_code(std::string_view diagnostic);

BindDiagnosis diagnose_bind(std::string_view diagnostic);

}  // namespace decom::directory
