#pragma once

#include <cstdint>

#include <sys/types.h>

namespace decom {

/// Memory that a process and all its descendants hold: private and shared, not what is mapped from files. Shared memory
/// counts for each of them. What ends meanwhile counts for nothing.
std::int64_t resident_bytes(pid_t first);

}  // namespace decom
