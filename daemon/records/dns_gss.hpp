#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "common/base/clock.hpp"
#include "daemon/records/dns_link.hpp"
#include "daemon/records/dns_tsig.hpp"

namespace decom::dns {

/// A Kerberos logon for GSS-TSIG (RFC 3645), as Active Directory wants it. Realm and KDC are krb5.conf(5)'s.
struct GssLogon {
  std::filesystem::path keytab;
  std::string principal;  ///< "svc-decom@CORP.EXAMPLE.TEST"
  std::string service;    ///< "DNS/dc1.corp.example.test"
};

/// Logs on with the keytab and agrees with the server on a context that signs (TKEY, RFC 2930 4.4), on that link.
///
/// A KDC that is silent cannot be called off; its thread outlives the deadline and ends by itself. A keytab that the
/// KDC refused is not tried again before it is written anew: every try counts as a wrong password, and locks accounts.
/// Throws `unauthenticated`, `unreachable`, `timed_out`, `cancelled`, `protocol`.
std::unique_ptr<Key> negotiate(Link& link, const GssLogon& logon, Clock& clock, const std::stop_token& stop,
                               Clock::Steady deadline);

}  // namespace decom::dns
