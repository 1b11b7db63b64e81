#include <doctest/doctest.h>

#include "common/base/error.hpp"
#include "daemon/records/dns_message.hpp"
#include "daemon/records/dns_tsig.hpp"
#include "tests/support/manual_clock.hpp"

using namespace decom;
using namespace decom::dns;

namespace {

struct Fixture {
  ManualClock clock;
  Name zone = Name::parse("lab.test").value();
  std::unique_ptr<Key> key = make_hmac_key(Name::parse("decom-key").value(), "hmac-sha256", Secret{"secret"});
  std::string question = question_to_bytes(zone, RrType::SOA);

  /// An answer as a server with that key would sign it: its MAC covers the question's (RFC 8945 5.4.1), which only the
  /// exchange knows; what is signed without it must not verify.
  Verdict verdict_of(SignedExchange& exchange, std::string answer) { return exchange.verify(answer); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "our own signature does not pass for the server's") {
  SignedExchange exchange{*key, clock};
  const std::string sent = exchange.sign(question);
  const Verdict verdict = verdict_of(exchange, sent);
  CHECK(verdict.is_signed);
  CHECK_FALSE(verdict.verified);
}

TEST_CASE_FIXTURE(Fixture,
                  "an answer without signature is not verified, and one cut anywhere is malformed or unverified") {
  SignedExchange plain{*key, clock};
  (void)plain.sign(question);
  CHECK_FALSE(verdict_of(plain, question).verified);

  const std::string whole = SignedExchange{*key, clock}.sign(question);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    SignedExchange exchange{*key, clock};
    (void)exchange.sign(question);
    try {
      const bool verified = verdict_of(exchange, whole.substr(0, size)).verified;
      CHECK_FALSE(verified);
    } catch (const Error& e) {
      CHECK(e.code() == ErrorCode::protocol);
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "bytes that are no answer to the question are refused, whatever they are") {
  const auto refused = [&](std::string bytes) {
    try {
      (void)answer_from_bytes(bytes, question);
    } catch (const Error& e) {
      return e.code() == ErrorCode::protocol;
    }
    return false;
  };
  CHECK(refused(""));
  CHECK(refused(std::string(12, '\0')));
  CHECK(refused(question));  // a question, not an answer
  std::string answer = question;
  answer[2] = static_cast<char>(answer[2] | 0x80);
  CHECK_FALSE(refused(answer));
  for (std::size_t size = 0; size < answer.size(); ++size) CHECK(refused(answer.substr(0, size)));
  std::string other = answer;
  other[0] = static_cast<char>(other[0] ^ 1);
  CHECK(refused(other));
  std::string cut = answer;
  cut[2] = static_cast<char>(cut[2] | 2);
  CHECK(refused(cut));
  std::string update = answer;
  update[2] = static_cast<char>(update[2] | 5 << 3);
  CHECK(refused(update));
}
