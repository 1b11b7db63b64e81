#pragma once

namespace decom::test {

/// True in a build with ThreadSanitizer. A case of one thread that works through thousands of machines or bodies has
/// nothing to show there, and takes fifty times as long: `TEST_CASE("…" * doctest::skip(kThreadSanitizer))`.
#ifdef __SANITIZE_THREAD__  // https://gcc.gnu.org/onlinedocs/cpp/Common-Predefined-Macros.html
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

}  // namespace decom::test
