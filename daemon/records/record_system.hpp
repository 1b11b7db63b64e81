#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "daemon/domain/machine.hpp"
#include "daemon/records/record.hpp"

namespace decom {

class Silencer;

/// Limits of one call. What waits returns soon after `stop`, and not after `deadline`.
struct RecordCall {
  std::stop_token stop;
  Clock::Steady deadline;
  /// What a person should see while it goes on; `warning` stays visible afterwards. May be empty.
  std::function<void(bool warning, const std::string& text)> say;
  /// Of a removal: who wants it, when and why, for systems that keep such a text. May be empty.
  std::string note = {};
};

/// One configured system that holds records of machines: a DNS server with its zones, a monitoring, a CMDB.
///
/// Safe from any thread, and called from several at once. Every method is bounded by its RecordCall.
///
/// Errors: `unreachable` (nothing was sent), `timed_out` (a read got no answer), `busy` and `rate_limited` (refused
/// without effect, later it may work), `untrusted` (certificate), `unauthenticated` (wrong credential: not tried again
/// with the same one before it was written anew), `denied` (no right), `refused` (refused without effect for good),
/// `ambiguous` (by `find` alone: nothing is known of the machine that it could be found by here, so that a person
/// looks), `gone` (by `remove` alone: it was not there any more), `precondition` (by `remove` alone: it is not what
/// `before` says any more), `lost` (a removal was sent and its answer was not seen), `protocol` (an answer that makes
/// no sense), `cancelled`, `too_large`.
class RecordSystem {
 public:
  virtual ~RecordSystem() = default;

  /// Every record that may be this machine's, with the evidence for and against. An empty answer is proof of absence:
  /// something that must exist (the positive control) was read with the same credential, or this throws. Changes
  /// nothing.
  virtual std::vector<Record> find(const Machine& machine, const RecordCall& call) = 0;

  /// The record of that id as it is now, with a fresh before-image; nullopt: it is gone, proven by the control.
  /// `machine` is whose record it was. Changes nothing.
  virtual std::optional<Record> read(const Machine& machine, const std::string& id, const RecordCall& call) = 0;

  /// Removes exactly that record, which `find` or `read` returned, or does to it what its `effect` says. Sent at most
  /// once. Returns what was done, for people: "deleted", "moved to OU=Retired".
  virtual std::string remove(const Machine& machine, const Record& record, const RecordCall& call) = 0;

  /// Tries the credential and the control; says what was seen: "zone lab.example.test, serial 17".
  virtual std::string check(const RecordCall& call) = 0;

  /// Where it can be made quiet about a machine, that; else null. It lives as long as this does.
  virtual Silencer* silencer() { return nullptr; }
};

}  // namespace decom
