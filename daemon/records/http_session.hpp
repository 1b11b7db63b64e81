#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

#include "common/base/clock.hpp"
#include "daemon/records/http_wire.hpp"

namespace decom::http {

/// The credential of one system: read from its file at each use, and where it buys a token, the token. Any thread.
///
/// What was refused is not sent again before its file was written anew: accounts lock.
class Session {
 public:
  /// Which proof was used, so that one thread does not throw away what another has just got.
  struct Ticket {
    Proof proof;
    std::string secret;  ///< fingerprint of the file's content and time
    bool renewable = false;
  };

  /// Logs in where that is due. Throws `unauthenticated`, `invalid` (the file), and what Wire does.
  Ticket ticket(Wire& wire);
  /// The other side does not know this ticket (any more): the next one is a new one, if there can be one.
  void expired(const Ticket& ticket);
  /// The credential is wrong.
  void refused(const Ticket& ticket);
  /// A person asks: what was refused may be tried once more.
  void forgive();

 private:
  struct Token {
    Secret value;
    std::string secret;
    std::optional<Clock::Steady> until;
  };

  static Token log_in(Wire& wire, const Secret& secret);
  static Token by_request(Wire& wire, const Secret& secret);
  static Token by_oauth2(Wire& wire, const Secret& secret);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Token> token_;
  std::string refused_;
  bool logging_in_ = false;
};

}  // namespace decom::http
