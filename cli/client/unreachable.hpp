#pragma once

#include "common/base/error.hpp"

namespace decom::cli {

inline constexpr int kExitUnreachable = 5;

/// decomd itself was not reached. The code `unreachable` of a problem document speaks of the systems behind it, and has
/// another exit code; hence a type.
class DaemonUnreachable : public Error {
 public:
  template <typename... Args>
  explicit DaemonUnreachable(fmt::format_string<Args...> text, Args&&... args)
      : Error(ErrorCode::unreachable, fmt::format(text, std::forward<Args>(args)...)) {}
};

}  // namespace decom::cli
