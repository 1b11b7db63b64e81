#include "daemon/records/dns_tsig.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/records/dns_wire.hpp"

namespace decom::dns {
namespace {

constexpr std::uint16_t kTsig = 250, kAny = 255;
constexpr std::uint16_t kFudge = 300;  // seconds; what RFC 8945 10 recommends

struct Hash {
  std::string_view name;
  const EVP_MD* (*make)();
};
constexpr std::array kHashes{Hash{"hmac-sha256", &EVP_sha256}, Hash{"hmac-sha384", &EVP_sha384},
                             Hash{"hmac-sha512", &EVP_sha512}};

class HmacKey final : public Key {
 public:
  HmacKey(Name name, Name algorithm, const EVP_MD* hash, Secret secret)
      : name_(std::move(name)), algorithm_(std::move(algorithm)), hash_(hash), secret_(std::move(secret)) {}

  const Name& name() const override { return name_; }
  const Name& algorithm() const override { return algorithm_; }

  std::string sign(const std::string& bytes) override {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    const std::string& key = secret_.expose();
    if (HMAC(hash_, key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
             bytes.size(), out.data(), &size) == nullptr)
      throw Error{ErrorCode::internal, "cannot compute an HMAC"};
    return {reinterpret_cast<const char*>(out.data()), size};
  }

  bool verify(const std::string& bytes, const std::string& mac) override {
    // A MAC that was cut (RFC 8945 5.2.2.1) is not taken: no server that we know sends one unasked.
    return equal_in_constant_time(sign(bytes), mac);
  }

 private:
  Name name_, algorithm_;
  const EVP_MD* hash_;
  Secret secret_;
};

/// What a signature covers beside the message (RFC 8945 4.3.3); of later messages of a transfer only the time
/// (4.3.3.1).
std::string variables(const Key& key, std::uint64_t time, std::uint16_t fudge, std::uint16_t error,
                      std::string_view other) {
  wire::Writer out;
  out.name(key.name());
  out.u16(kAny);
  out.u32(0);
  out.name(key.algorithm());
  out.u48(time);
  out.u16(fudge);
  out.u16(error);
  out.sized(other);
  return out.take();
}

std::string timers(std::uint64_t time, std::uint16_t fudge) {
  wire::Writer out;
  out.u48(time);
  out.u16(fudge);
  return out.take();
}

std::string sized(std::string_view bytes) {
  wire::Writer out;
  out.sized(bytes);
  return out.take();
}

std::uint64_t seconds_of(const Clock& clock) { return static_cast<std::uint64_t>(to_millis(clock.now()) / 1000); }

void add_to_additional(std::string& message, int difference) {
  const std::size_t count = wire::u16_at(message, 10) + static_cast<std::size_t>(difference);
  message[10] = static_cast<char>(count >> 8);
  message[11] = static_cast<char>(count);
}

/// The signature at the end of a message, taken apart.
struct Tsig {
  std::size_t start = 0;
  std::string name, algorithm, mac, other;
  std::uint64_t time = 0;
  std::uint16_t fudge = 0, original_id = 0, error = 0;
};

std::optional<Tsig> find_tsig(const std::string& message) {
  wire::Reader in{message};
  in.skip(4);
  const unsigned questions = in.u16(), others = in.u16() + in.u16(), additional = in.u16();
  for (unsigned i = 0; i < questions; ++i) {
    in.skip_name();
    in.skip(4);
  }
  for (unsigned i = 0; i + 1 < others + additional; ++i) {
    in.skip_name();
    in.skip(8);
    in.skip(in.u16());
  }
  if (additional == 0) return std::nullopt;
  Tsig tsig{.start = in.position()};
  tsig.name = in.plain_name();
  if (in.u16() != kTsig) return std::nullopt;
  in.skip(6);
  const std::size_t size = in.u16();
  if (in.position() + size != message.size())
    throw Error{ErrorCode::protocol, "the DNS server's signature is malformed"};
  tsig.algorithm = in.plain_name();
  tsig.time = in.u48();
  tsig.fudge = in.u16();
  tsig.mac = in.bytes(in.u16());
  tsig.original_id = in.u16();
  tsig.error = in.u16();
  tsig.other = in.bytes(in.u16());
  return tsig;
}

}  // namespace

bool is_hmac(std::string_view algorithm) {
  return std::ranges::any_of(kHashes, [&](const Hash& hash) { return hash.name == algorithm; });
}

std::unique_ptr<Key> make_hmac_key(const Name& name, const std::string& algorithm, Secret secret) {
  const auto hash = std::ranges::find_if(kHashes, [&](const Hash& one) { return one.name == algorithm; });
  if (hash == kHashes.end()) throw Error{ErrorCode::internal, "no such algorithm: {}", algorithm};
  return std::make_unique<HmacKey>(name, Name::from_answer(algorithm), hash->make(), std::move(secret));
}

std::string SignedExchange::sign(const std::string& message) {
  const std::uint64_t now = seconds_of(clock_);
  last_mac_ = key_.sign(message + variables(key_, now, kFudge, 0, ""));
  wire::Writer data;
  data.name(key_.algorithm());
  data.u48(now);
  data.u16(kFudge);
  data.sized(last_mac_);
  data.u16(wire::u16_at(message, 0));
  data.u16(0);
  data.sized("");
  wire::Writer record;
  record.name(key_.name());
  record.u16(kTsig);
  record.u16(kAny);
  record.u32(0);
  record.sized(data.take());
  std::string whole = message;
  add_to_additional(whole, 1);
  return whole + record.take();
}

Verdict SignedExchange::verify(std::string& message) {
  const auto tsig = find_tsig(message);
  const bool first = std::exchange(first_, false);
  if (!tsig) {
    if (first) return {};
    unsigned_ += message;
    return {.verified = true};  // so far: `is_complete` tells
  }
  message.resize(tsig->start);
  add_to_additional(message, -1);
  Verdict verdict{.is_signed = !tsig->mac.empty(), .error = tsig->error};
  std::string covered = sized(last_mac_) + unsigned_;
  std::string original = message;
  original[0] = static_cast<char>(tsig->original_id >> 8);
  original[1] = static_cast<char>(tsig->original_id);
  covered += original;
  covered +=
      first ? variables(key_, tsig->time, tsig->fudge, tsig->error, tsig->other) : timers(tsig->time, tsig->fudge);
  const std::uint64_t now = seconds_of(clock_);
  const std::uint64_t apart = now > tsig->time ? now - tsig->time : tsig->time - now;
  // An answer that says BADTIME bears our own time (RFC 8945 5.2.3), and so fits; another's time proves nothing.
  const bool timely = apart <= std::min<std::uint64_t>(tsig->fudge, kFudge);
  const bool ours =
      folded(tsig->name) == wire::bytes_of(key_.name()) && folded(tsig->algorithm) == wire::bytes_of(key_.algorithm());
  verdict.verified = verdict.is_signed && ours && timely && key_.verify(covered, tsig->mac);
  last_mac_ = tsig->mac;
  unsigned_.clear();
  return verdict;
}

}  // namespace decom::dns
