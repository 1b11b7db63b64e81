#pragma once

#include <string_view>

namespace decom::cli {

inline constexpr std::string_view kDefaultSocket = "/run/decomd/decomd.sock";

}  // namespace decom::cli
