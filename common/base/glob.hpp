#pragma once

#include <string_view>

namespace decom {

/// Whether the whole of `text` fits `pattern`: `*` is any run of characters, '/' among them, `?` is any one; ASCII
/// letters match in either case. Linear in the product of both lengths at worst: patterns come from administrators,
/// names from everybody.
bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace decom
