#pragma once

#include <chrono>

namespace decom {

/// Doubles from `first` with each try, up to `most`.
std::chrono::milliseconds backoff_cap(std::chrono::milliseconds first, std::chrono::milliseconds most, int tries);

/// Full jitter: anything from nothing to the cap, so that many that failed together do not come back together.
std::chrono::milliseconds jittered(std::chrono::milliseconds cap);

}  // namespace decom
