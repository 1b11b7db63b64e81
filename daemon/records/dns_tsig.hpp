#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.hpp"
#include "common/base/secret.hpp"
#include "daemon/records/dns_name.hpp"

/// Transaction signatures (RFC 8945) over the bytes of a message: by a shared secret, or by a Kerberos context
/// (RFC 3645). ldns can do the first alone, and folds "wrong key" and "wrong secret" into one.
namespace decom::dns {

/// What signs and verifies bytes.
class Key {
 public:
  virtual ~Key() = default;
  [[nodiscard]] virtual const Name& name() const = 0;
  [[nodiscard]] virtual const Name& algorithm() const = 0;
  virtual std::string sign(const std::string& bytes) = 0;
  virtual bool verify(const std::string& bytes, const std::string& mac) = 0;
};

/// "hmac-sha256", "hmac-sha384", "hmac-sha512".
bool is_hmac(std::string_view algorithm);

/// `secret` holds the bytes themselves.
std::unique_ptr<Key> make_hmac_key(const Name& name, const std::string& algorithm, Secret secret);

/// The secret's bytes from what a file holds: base64 alone, or BIND's `key "name" { algorithm …; secret "…"; };`, of
/// which the clause of that name is taken. Throws `unauthenticated` and says what is wrong, never what it holds.
Secret key_bytes(const Secret& file, const Name& name, const std::string& algorithm);

/// TSIG errors, as the signature of an answer carries them (RFC 8945 3).
constexpr int kBadSig = 16, kBadKey = 17, kBadTime = 18;

/// What the signature of an answer came to.
struct Verdict {
  bool verified = false;
  bool is_signed = false;
  int error = 0;  ///< what the server says about our signature
};

/// Signs one question and verifies its answer, or the several messages of a transfer.
class SignedExchange {
 public:
  SignedExchange(Key& key, Clock& clock) : key_(key), clock_(clock) {}

  /// `message` with our signature behind it.
  std::string sign(const std::string& message);
  /// Takes the signature off `message` and checks it. Throws `protocol` for a message that cannot be taken apart.
  Verdict verify(std::string& message);
  /// Whether what came last was covered by a verified signature; a transfer may sign every hundredth message only.
  [[nodiscard]] bool is_complete() const { return unsigned_.empty(); }

 private:
  Key& key_;
  Clock& clock_;
  std::string last_mac_;
  std::string unsigned_;  ///< messages of a transfer since the last signature
  bool first_ = true;
};

}  // namespace decom::dns
