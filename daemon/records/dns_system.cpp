#include "daemon/records/dns_system.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "daemon/records/dns_client.hpp"
#include "daemon/records/dns_evidence.hpp"

namespace decom::dns {
namespace {

/// The addresses of names that lie in the zones, each asked for once.
class Addresses {
 public:
  Addresses(Client& client, const std::vector<Name>& zones) : client_(client), zones_(zones) {}

  std::vector<std::string> operator()(const Name& name) {
    if (zone_of(name, zones_) == nullptr) return {};
    const auto [known, is_new] = known_.try_emplace(name);
    if (is_new)
      for (const RrType type : {RrType::A, RrType::AAAA})
        for (const Rr& rr : client_.rrset(name, type)) known->second.push_back(rr.data);
    return known->second;
  }

 private:
  Client& client_;
  const std::vector<Name>& zones_;
  std::map<Name, std::vector<std::string>> known_;
};

class DnsSystem final : public RecordSystem {
 public:
  DnsSystem(Options options, const RecordWorld& world) : options_(std::move(options)), world_(world) {
    if (world_.clock == nullptr) world_.clock = &system_clock();
  }

  std::vector<Record> find(const Machine& machine, const RecordCall& call) override {
    const Bearer bearer = bearer_of(machine, options_.zones);
    if (bearer.addresses.empty() && !Name::parse(machine.name) && !Name::parse(machine.guest_host_name))
      throw Error{ErrorCode::ambiguous,
                  "cannot search DNS for {}: it has no name that DNS can hold, and no address of it is known",
                  safe_for_terminal(machine.name)};
    return at_a_server(call, [&](Client& client) {
      const Protected kept = controls(client);
      std::vector<Rr> found;
      for (const Name& name : bearer.names)
        for (const RrType type : {RrType::CNAME, RrType::SSHFP, RrType::TXT, RrType::DHCID, RrType::A, RrType::AAAA})
          take(found, client.rrset(name, type));
      for (const std::string& address : bearer.addresses) {
        const Name reverse = reverse_name(address);
        if (zone_of(reverse, options_.zones) != nullptr) take(found, client.pointers(reverse));
      }
      if (options_.transfer) take(found, strangers(client.server(), bearer, call));
      std::ranges::stable_sort(found, {},
                               [](const Rr& rr) { return std::ranges::find(kSwept, rr.type) - kSwept.begin(); });
      Addresses addresses{client, options_.zones};
      std::vector<Record> records;
      records.reserve(found.size());
      for (const Rr& rr : found) records.push_back(judge(rr, bearer, kept, std::ref(addresses)));
      return records;
    });
  }

  std::optional<Record> read(const Machine& machine, const std::string& id, const RecordCall& call) override {
    const Rr rr = record_of(id);
    return at_a_server(call, [&](Client& client) -> std::optional<Record> {
      const Protected kept = controls(client);
      const auto rrset = client.rrset(rr.owner, rr.type);
      const auto now = std::ranges::find_if(rrset, [&](const Rr& one) { return one.is_same(rr); });
      if (now == rrset.end()) return std::nullopt;
      Addresses addresses{client, options_.zones};
      return judge(*now, bearer_of(machine, options_.zones), kept, std::ref(addresses));
    });
  }

  std::string remove(const Machine&, const Record& record, const RecordCall& call) override {
    const Rr rr = record_of(record.id);
    if (rr.type == RrType::SRV)
      throw Error{ErrorCode::refused, "cannot delete {}: it is a service's, to be removed by whoever runs that service",
                  rr.id()};
    const Name zone = *zone_of(rr.owner, options_.zones);
    return at_a_server(call, [&](Client& client) {
      if (const std::string why = controls(client).why(rr); !why.empty())
        throw Error{ErrorCode::refused, "cannot delete {}: {}", rr.id(), why};
      const auto rrset = client.rrset(rr.owner, rr.type);
      const auto now = std::ranges::find_if(rrset, [&](const Rr& one) { return one.is_same(rr); });
      if (now == rrset.end()) throw Error{ErrorCode::gone, "{} is not there any more", rr.id()};
      if (now->text() != record.before)
        throw Error{ErrorCode::precondition, "{} is not what it was: it is {} now", rr.id(), now->text()};
      client.prepare_updates();
      const auto updated = client.update(deletion_to_bytes(zone, *now, rrset));
      conclude(client, updated, *now, zone, call);
      return std::string{"deleted"};
    });
  }

  std::string check(const RecordCall& call) override {
    return at_a_server(call, [&](Client& client) {
      std::vector<std::string> seen;
      client.prepare_updates();
      for (const Name& zone : options_.zones) {
        const ZoneFacts facts = client.zone(zone);
        const auto tried = client.update(empty_update_to_bytes(zone));
        const bool trusted = tried.verified || options_.gss;
        if (!trusted || tried.rcode != kNoError) throw_refused(client, tried, "update the zone " + zone.bare(), zone);
        seen.push_back(fmt::format("zone {}, serial {}", zone.bare(), facts.serial));
      }
      return fmt::format("{}; {} accepted by {}", join(seen, "; "), client.key_words(), client.server().text);
    });
  }

 private:
  /// Does `use` at the first server that answers. What threw before something was changed may go on at the next one.
  template <typename Use>
  auto at_a_server(const RecordCall& call, Use use) -> decltype(use(std::declval<Client&>())) {
    std::optional<Error> first;
    for (const Server& server : options_.servers) {
      try {
        Client client{options_, world_, server, call};
        return use(client);
      } catch (const Error& e) {
        if (e.code() != ErrorCode::unreachable && e.code() != ErrorCode::timed_out) throw;
        if (!first) first = e;
      }
    }
    throw *first;
  }

  /// Reads what must be there, and learns what must stay there.
  Protected controls(Client& client) const {
    Protected kept{.zones = options_.zones, .servers = {}, .never = options_.never};
    for (const Name& zone : options_.zones) {
      const ZoneFacts facts = client.zone(zone);
      kept.servers.push_back(Name::from_answer(facts.primary));
      for (const Rr& rr : client.rrset(zone, RrType::NS)) kept.servers.push_back(rr.target());
    }
    return kept;
  }

  /// Records under other names that lead to the machine: only a whole zone tells.
  std::vector<Rr> strangers(const Server& server, const Bearer& bearer, const RecordCall& call) {
    std::vector<Rr> found;
    for (const Name& zone : options_.zones) {
      if (is_reverse(zone) || (bearer.names.empty() && bearer.addresses.empty())) continue;
      const auto wanted = [&](const Rr& rr) {
        if (rr.type == RrType::CNAME || rr.type == RrType::SRV) return bearer.has(rr.target());
        return (rr.type == RrType::A || rr.type == RrType::AAAA) && bearer.has(rr.data);
      };
      std::string why = "the server does not permit a transfer";
      try {
        // On a connection of its own, which may end in the middle.
        Client client{options_, world_, server, call};
        if (auto of_zone = client.transfer(zone, wanted)) {
          take(found, std::move(*of_zone));
          continue;
        }
      } catch (const Error& e) {
        if (e.code() == ErrorCode::cancelled) throw;
        why = e.what();
      }
      if (call.say)
        call.say(true, fmt::format("aliases and services in {} were not looked for: {} (transfer = false says that "
                                   "this is meant)",
                                   zone.bare(), why));
    }
    return found;
  }

  static void take(std::vector<Rr>& all, std::vector<Rr> more) {
    for (Rr& rr : more)
      if (std::ranges::none_of(all, [&](const Rr& one) { return one.is_same(rr); })) all.push_back(std::move(rr));
  }

  /// The record that an id of ours names. Throws `refused` for any other: a zone may have left the definition.
  Rr record_of(const std::string& id) const {
    const auto rr = Rr::from_id(id);
    if (!rr) throw Error{ErrorCode::refused, "no record of DNS is named {}", safe_for_terminal(id)};
    if (zone_of(rr->owner, options_.zones) == nullptr)
      throw Error{ErrorCode::refused, "{} lies in none of the zones of this system", rr->id()};
    return *rr;
  }

  /// What became of the deletion of `rr`. Returns where it is gone by it, else throws.
  void conclude(const Client& client, const Client::Updated& updated, const Rr& rr, const Name& zone,
                const RecordCall& call) {
    // The server's word counts where its signature does. What Samba's own DNS signs by Kerberos does not verify (seen
    // with 4.17; nsupdate says "tsig verify failure"), so there it is believed as far as the zone agrees. It does sign,
    // though: what is not signed at all is of somebody that stands between.
    if (!updated.verified && updated.error != 0) throw_refused(client, updated, "delete " + rr.id(), zone);
    if (!updated.verified && (options_.tsig || !updated.is_signed))
      throw Error{ErrorCode::lost, "the DNS server {} does not sign its answer to the deletion of {} with {}",
                  client.server().text, rr.id(), client.key_words()};
    std::optional<Rr> now;
    try {
      Client again{options_, world_, client.server(), call};
      for (Rr& one : again.rrset(rr.owner, rr.type))
        if (one.is_same(rr)) now = std::move(one);
    } catch (const Error& e) {
      if (updated.verified && updated.rcode == kNoError) return;  // a proof of its own
      if (updated.verified) throw_refused(client, updated, "delete " + rr.id(), zone);
      throw Error{ErrorCode::lost, "cannot tell whether {} was deleted: {}", rr.id(), e.what()};
    }
    if (!now && updated.rcode == kNoError) return;
    if (!now && !updated.verified) return;
    if (!now) throw Error{ErrorCode::gone, "{} is not there any more", rr.id()};
    if (updated.rcode == kNoError)
      throw Error{ErrorCode::lost, "the DNS server {} says that it deleted {}, which is still there",
                  client.server().text, rr.id()};
    if (updated.rcode == kNxRrset && *now != rr)
      throw Error{ErrorCode::precondition, "{} is not what it was: it is {} now", rr.id(), now->text()};
    throw_refused(client, updated, "delete " + rr.id(), zone);
  }

  [[noreturn]] void throw_refused(const Client& client, const Client::Updated& updated, const std::string& what,
                                  const Name& zone) const {
    const auto fail = [&](ErrorCode code, const std::string& why) {
      throw Error{code, "cannot {} at the DNS server {}: {}", what, client.server().text, why};
    };
    if (updated.error != 0) fail(ErrorCode::unauthenticated, client.signature_words(updated.error));
    switch (updated.rcode) {
      case kRefused: fail(ErrorCode::denied, fmt::format("{} may not (REFUSED)", client.key_words())); break;
      case kServFail:
        // Samba's word for "may not"; BIND's for a journal that it cannot write.
        if (options_.gss) fail(ErrorCode::denied, fmt::format("{} may not (SERVFAIL)", client.key_words()));
        fail(ErrorCode::busy, "it cannot now (SERVFAIL)");
        break;
      case kNxRrset: fail(ErrorCode::busy, "another record of that name changed at this moment"); break;
      case kNotAuth: fail(ErrorCode::refused, fmt::format("it is not the primary of {} (NOTAUTH)", zone.bare())); break;
      case kNotZone:
        fail(ErrorCode::refused,
             fmt::format("the name lies in another zone than {} (NOTZONE): configure that one", zone.bare()));
        break;
      default: fail(ErrorCode::refused, rcode_name(updated.rcode));
    }
    throw Error{ErrorCode::internal, "unreachable"};
  }

  const Options options_;
  RecordWorld world_;
};

}  // namespace

std::unique_ptr<RecordSystem> make_system(Options options, const RecordWorld& world) {
  return std::make_unique<DnsSystem>(std::move(options), world);
}

}  // namespace decom::dns
