#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <netdb.h>

#include "common/base/clock.hpp"

namespace decom {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

/// The stream addresses of a host. getaddrinfo(3) knows no deadline; this has one.
/// Throws `unreachable` (no such name) or `timed_out`.
Addresses resolve(const std::string& host, std::uint16_t port, Clock::Steady deadline);

}  // namespace decom
