#include "daemon/records/dns_client.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/records/dns_gss.hpp"

namespace decom::dns {
namespace {

constexpr std::size_t kMostTransferred = std::size_t{512} * 1024 * 1024;
constexpr int kPatienceForTransfers = 6;  // timeouts

std::unique_ptr<Key> read_key(const Options& options, const RecordWorld& world) {
  if (!options.tsig) return nullptr;
  const auto file = world.secret_file(options.tsig->secret_file);
  const auto name = Name::parse(options.tsig->name);
  try {
    return make_hmac_key(*name, options.tsig->algorithm,
                         key_bytes(read_secret_file(file), *name, options.tsig->algorithm));
  } catch (const Error& e) {
    throw Error{ErrorCode::unauthenticated, "cannot read the key {} from {}: {}", options.tsig->name, file.string(),
                e.what()};
  }
}

}  // namespace

Client::Client(const Options& options, const RecordWorld& world, const Server& server, const RecordCall& call)
    : options_(options), world_(world), server_(server), call_(call), key_(read_key(options, world)) {
  link_ = Link::open(server, call.stop, deadline());
}

std::string Client::key_words() const {
  return options_.tsig ? "the key " + options_.tsig->name : options_.gss->principal;
}

std::string Client::signature_words(int error) const {
  const std::string ours = options_.tsig ? "; ours is in " + options_.tsig->secret_file : std::string{};
  switch (error) {
    case kBadSig: return "it has the key by another secret (BADSIG)" + ours;
    case kBadKey: return "it does not know the key, or not with that algorithm (BADKEY)";
    case kBadTime: return "its clock and ours differ by more than five minutes (BADTIME)";
    default: return fmt::format("TSIG error {}", error);
  }
}

Clock::Steady Client::deadline() const {
  return std::min(call_.deadline, std::chrono::steady_clock::now() + options_.timeout);
}

void Client::throw_unverified(const Answer& answer, int error, const std::string& about) const {
  if (error != 0)
    throw Error{ErrorCode::unauthenticated, "the DNS server {} does not accept {}: {}", server_.text, key_words(),
                signature_words(error)};
  // An unsigned word counts for nothing, whatever it says: the client goes on waiting for a signed one until its time
  // is over (RFC 8945 5.4). A SERVFAIL of whatever stands before the server is as good as no answer: worth another try,
  // and no more than that.
  if (answer.rcode == kServFail)
    throw Error{ErrorCode::busy, "the DNS server {} cannot answer about {} now (SERVFAIL, not signed with {})",
                server_.text, about, key_words()};
  throw Error{ErrorCode::protocol, "the DNS server {} does not sign its answer about {} with {} (it says {})",
              server_.text,        about,
              key_words(),         rcode_name(answer.rcode)};
}

Answer Client::ask(const std::string& question, const std::string& about) {
  const Clock::Steady until = deadline();
  const auto receive = [&] {
    try {
      return link_->receive(until);
    } catch (const Error& e) {
      // A question changes nothing, so a server that hangs up behind it is one that gave no answer.
      throw Error{e.code() == ErrorCode::unreachable ? ErrorCode::timed_out : e.code(), e.what()};
    }
  };
  Answer answer;
  if (options_.tsig) {
    SignedExchange exchange{*key_, *world_.clock};
    link_->send(exchange.sign(question), until);
    std::string bytes = receive();
    const Verdict verdict = exchange.verify(bytes);
    answer = answer_from_bytes(bytes, question);
    if (!verdict.verified || verdict.error != 0) throw_unverified(answer, verdict.error, about);
  } else {
    link_->send(question, until);
    answer = answer_from_bytes(receive(), question);
  }
  switch (answer.rcode) {
    case kNoError:
    case kNxDomain: break;
    case kServFail:
      throw Error{ErrorCode::busy, "the DNS server {} cannot answer about {} now (SERVFAIL)", server_.text, about};
    case kRefused:
      throw Error{ErrorCode::denied,
                  "the DNS server {} refuses to answer about {}: it does not serve that zone, or {} may not ask",
                  server_.text, about, key_words()};
    default:
      throw Error{ErrorCode::protocol, "the DNS server {} answers {} about {}", server_.text, rcode_name(answer.rcode),
                  about};
  }
  return answer;
}

std::vector<Rr> Client::rrset(const Name& owner, RrType type) {
  Answer answer = ask(question_to_bytes(owner, type), owner.bare());
  if (!answer.authoritative)
    throw Error{ErrorCode::protocol,
                "the DNS server {} does not answer about {} with authority: that part of the zone is delegated, and "
                "belongs to another server",
                server_.text, owner.bare()};
  std::erase_if(answer.records, [&](const Rr& rr) { return rr.owner != owner || rr.type != type; });
  return std::move(answer.records);
}

std::vector<Rr> Client::pointers(const Name& reverse) {
  Name owner = reverse;
  for (int hops = 0; hops < 4; ++hops) {
    if (auto found = rrset(owner, RrType::PTR); !found.empty()) return found;
    const auto alias = rrset(owner, RrType::CNAME);
    if (alias.size() != 1) break;
    owner = alias.front().target();
    if (zone_of(owner, options_.zones) == nullptr) break;
  }
  return {};
}

ZoneFacts Client::zone(const Name& zone) {
  const Answer answer = ask(question_to_bytes(zone, RrType::SOA), "the zone " + zone.bare());
  const bool has_soa =
      std::ranges::any_of(answer.records, [&](const Rr& rr) { return rr.owner == zone && rr.type == RrType::SOA; });
  if (!answer.authoritative || !has_soa)
    throw Error{ErrorCode::refused,
                "the DNS server {} does not serve the zone {}: nothing can be told from its silence", server_.text,
                zone.bare()};
  return {.primary = answer.primary, .serial = answer.serial};
}

std::optional<std::vector<Rr>> Client::transfer(const Name& zone, const std::function<bool(const Rr&)>& wanted) {
  const Clock::Steady until =
      std::min(call_.deadline, std::chrono::steady_clock::now() + options_.timeout * kPatienceForTransfers);
  const std::string question = transfer_to_bytes(zone);
  std::optional<SignedExchange> exchange;
  if (options_.tsig) exchange.emplace(*key_, *world_.clock);
  link_->send(exchange ? exchange->sign(question) : question, until);
  std::vector<Rr> found;
  int ends = 0;  // it ends as it began, with the SOA (RFC 5936 2.2)
  for (std::size_t size = 0; ends < 2;) {
    std::string bytes = link_->receive(until);
    size += bytes.size();
    if (size > kMostTransferred) throw Error{ErrorCode::too_large, "the zone {} is too large", zone.bare()};
    const Verdict verdict = exchange ? exchange->verify(bytes) : Verdict{.verified = true};
    Answer answer = answer_from_bytes(bytes, question);
    if (!verdict.verified || verdict.error != 0) throw_unverified(answer, verdict.error, zone.bare());
    if (answer.rcode != kNoError) return std::nullopt;
    if (ends == 0 && (answer.records.empty() || answer.records.front().type != RrType::SOA))
      throw Error{ErrorCode::protocol, "the transfer of {} does not begin with its SOA", zone.bare()};
    if (answer.count == 0) throw Error{ErrorCode::protocol, "the transfer of {} has an empty message", zone.bare()};
    for (Rr& rr : answer.records) {
      if (rr.type == RrType::SOA) ++ends;
      if (wanted(rr)) found.push_back(std::move(rr));
    }
  }
  if (exchange && !exchange->is_complete())
    throw Error{ErrorCode::protocol, "the transfer of {} is not signed to its end", zone.bare()};
  return found;
}

void Client::prepare_updates() {
  if (!options_.gss || key_ != nullptr) return;
  const GssLogon logon{.keytab = world_.secret_file(options_.gss->keytab_file),
                       .principal = options_.gss->principal,
                       .service = options_.gss->service.empty() ? "DNS/" + server_.host : options_.gss->service};
  key_ = negotiate(*link_, logon, *world_.clock, call_.stop, deadline());
}

Client::Updated Client::update(const std::string& message) {
  prepare_updates();
  SignedExchange exchange{*key_, *world_.clock};
  const std::string whole = exchange.sign(message);
  try {
    link_->send(whole, deadline());
    std::string bytes = link_->receive(deadline());
    const Verdict verdict = exchange.verify(bytes);
    const Answer answer = answer_from_bytes(bytes, message);
    return {
        .rcode = answer.rcode, .verified = verdict.verified, .is_signed = verdict.is_signed, .error = verdict.error};
  } catch (const Error& e) {
    if (!link_->has_sent()) throw Error{e.code() == ErrorCode::timed_out ? ErrorCode::unreachable : e.code(), e.what()};
    throw Error{ErrorCode::lost, "an update was sent to the DNS server {} and its answer was not seen: {}",
                server_.text, e.what()};
  }
}

}  // namespace decom::dns
