#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/records/dns_rr.hpp"

/// Messages of RFC 1035 and RFC 2136 to and from bytes. What answers say comes from outside: every name and text of it
/// is escaped by ldns.
namespace decom::dns {

/// A question with a random id. `transfer`: the whole zone (AXFR) instead of a type.
std::string question_to_bytes(const Name& name, RrType type);
std::string transfer_to_bytes(const Name& zone);

/// An UPDATE that deletes `rr` (RFC 2136 2.5.4), provided that its whole RRset is what `rrset` says (2.4.2).
std::string deletion_to_bytes(const Name& zone, const Rr& rr, const std::vector<Rr>& rrset);
/// An UPDATE that changes nothing, provided that the zone has an SOA (RFC 2136 2.4.1): it tells whether one may.
std::string empty_update_to_bytes(const Name& zone);

struct Answer {
  int rcode = 0;
  bool authoritative = false;
  std::vector<Rr> records;  ///< of the answer section, in the types that this project knows
  std::size_t count = 0;    ///< of all records of the answer section
  std::string primary;      ///< MNAME of the first SOA, or empty
  std::uint32_t serial = 0;
};

/// The answer to `question`, without TSIG. Throws `protocol` for what is none: not for that id, another operation,
/// malformed, cut off.
Answer answer_from_bytes(const std::string& bytes, const std::string& question);

/// "SERVFAIL", "rcode 23"
std::string rcode_name(int rcode);
constexpr int kNoError = 0, kServFail = 2, kNxDomain = 3, kRefused = 5, kNxRrset = 8, kNotAuth = 9, kNotZone = 10;

}  // namespace decom::dns
