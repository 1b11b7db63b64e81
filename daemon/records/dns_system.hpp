#pragma once

#include <memory>

#include "daemon/records/definition.hpp"
#include "daemon/records/dns_definition.hpp"
#include "daemon/records/record_system.hpp"

namespace decom::dns {

/// The zones of a DNS server as a system of records, changed by UPDATE (RFC 2136).
std::unique_ptr<RecordSystem> make_system(Options options, const RecordWorld& world);

}  // namespace decom::dns
