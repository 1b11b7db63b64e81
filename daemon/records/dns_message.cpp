#include "daemon/records/dns_message.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <ldns/ldns.h>

#include "common/base/crypto.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::dns {
namespace {

template <auto free>
struct Freed {
  template <typename T>
  void operator()(T* one) const {
    free(one);
  }
};
using LdnsRr = std::unique_ptr<ldns_rr, Freed<&ldns_rr_free>>;
using LdnsName = std::unique_ptr<ldns_rdf, Freed<&ldns_rdf_deep_free>>;
using LdnsList = std::unique_ptr<ldns_rr_list, Freed<&ldns_rr_list_deep_free>>;
using LdnsPacket = std::unique_ptr<ldns_pkt, Freed<&ldns_pkt_free>>;
using Chars = std::unique_ptr<char, Freed<&std::free>>;

struct TypeName {
  RrType type;
  std::string_view name;
  ldns_rr_type code;
};
constexpr std::array kTypes{
    TypeName{RrType::A, "A", LDNS_RR_TYPE_A},
    TypeName{RrType::AAAA, "AAAA", LDNS_RR_TYPE_AAAA},
    TypeName{RrType::CNAME, "CNAME", LDNS_RR_TYPE_CNAME},
    TypeName{RrType::PTR, "PTR", LDNS_RR_TYPE_PTR},
    TypeName{RrType::TXT, "TXT", LDNS_RR_TYPE_TXT},
    TypeName{RrType::SSHFP, "SSHFP", LDNS_RR_TYPE_SSHFP},
    TypeName{RrType::DHCID, "DHCID", LDNS_RR_TYPE_DHCID},
    TypeName{RrType::SRV, "SRV", LDNS_RR_TYPE_SRV},
    TypeName{RrType::SOA, "SOA", LDNS_RR_TYPE_SOA},
    TypeName{RrType::NS, "NS", LDNS_RR_TYPE_NS},
};

const TypeName& row_of(RrType type) {
  return *std::ranges::find_if(kTypes, [&](const TypeName& row) { return row.type == type; });
}

LdnsName to_ldns(const Name& name) {
  LdnsName made{ldns_dname_new_frm_str(name.text().c_str())};
  if (made == nullptr) throw Error{ErrorCode::protocol, "cannot write the name {} into a message", name.text()};
  return made;
}

LdnsRr to_ldns(const Rr& rr) {
  ldns_rr* made = nullptr;
  const std::string line = fmt::format("{} 0 IN {} {}", rr.owner.text(), to_string(rr.type), rr.data);
  if (ldns_rr_new_frm_str(&made, line.c_str(), 0, nullptr, nullptr) != LDNS_STATUS_OK)
    throw Error{ErrorCode::protocol, "cannot write the record {} into a message", rr.id()};
  return LdnsRr{made};
}

/// A record without data, as updates use them for "any" and "none".
LdnsRr without_data(const Name& owner, ldns_rr_type type, ldns_rr_class in_class) {
  LdnsRr made{ldns_rr_new()};
  ldns_rr_set_owner(made.get(), to_ldns(owner).release());
  ldns_rr_set_type(made.get(), type);
  ldns_rr_set_class(made.get(), in_class);
  ldns_rr_set_ttl(made.get(), 0);
  return made;
}

std::uint16_t random_id() {
  const std::string bytes = random_bytes(2);
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[0]) << 8 | static_cast<unsigned char>(bytes[1]));
}

std::string to_bytes(ldns_pkt& packet) {
  ldns_pkt_set_id(&packet, random_id());
  std::uint8_t* wire = nullptr;
  std::size_t size = 0;
  const ldns_status status = ldns_pkt2wire(&wire, &packet, &size);
  const std::unique_ptr<std::uint8_t, Freed<&std::free>> owned{wire};
  if (status != LDNS_STATUS_OK)
    throw Error{ErrorCode::internal, "cannot write a message: {}", ldns_get_errorstr_by_id(status)};
  return {reinterpret_cast<const char*>(wire), size};
}

std::string question_of(const Name& name, ldns_rr_type type) {
  // No recursion is asked for: only what the server itself has counts.
  const LdnsPacket packet{ldns_pkt_query_new(to_ldns(name).release(), type, LDNS_RR_CLASS_IN, 0)};
  return to_bytes(*packet);
}

std::string update_of(const Name& zone, const ldns_rr_list* prerequisites, const ldns_rr_list* updates) {
  const LdnsPacket packet{
      ldns_update_pkt_new(to_ldns(zone).release(), LDNS_RR_CLASS_IN, prerequisites, updates, nullptr)};
  if (packet == nullptr) throw Error{ErrorCode::internal, "cannot write an update"};
  return to_bytes(*packet);
}

std::string text_of(const ldns_rdf* data) {
  const Chars text{ldns_rdf2str(data)};
  return text == nullptr ? "" : text.get();
}

/// The record in our form; nothing for a type that we do not know.
std::optional<Rr> from_ldns(ldns_rr& rr) {
  const auto row = std::ranges::find_if(kTypes, [&](const TypeName& one) { return one.code == ldns_rr_get_type(&rr); });
  if (row == kTypes.end() || ldns_rr_get_class(&rr) != LDNS_RR_CLASS_IN) return std::nullopt;
  ldns_rr2canonical(&rr);
  std::string data;
  for (std::size_t i = 0; i < ldns_rr_rd_count(&rr); ++i) {
    if (i > 0) data += ' ';
    data += text_of(ldns_rr_rdf(&rr, i));
  }
  return Rr{.owner = Name::from_answer(text_of(ldns_rr_owner(&rr))),
            .type = row->type,
            .ttl = ldns_rr_ttl(&rr),
            .data = std::move(data)};
}

[[noreturn]] void refuse_answer(std::string_view why) {
  throw Error{ErrorCode::protocol, "the DNS server's answer makes no sense: {}", why};
}

}  // namespace

std::string_view to_string(RrType type) { return row_of(type).name; }

std::string Rr::id() const { return fmt::format("{} {} {}", owner.text(), to_string(type), data); }

std::string Rr::text() const { return fmt::format("{} {} {} {}", owner.text(), ttl, to_string(type), data); }

std::optional<Rr> Rr::from_id(const std::string& id) {
  const std::size_t first = id.find(' ');
  const std::size_t second = first == std::string::npos ? first : id.find(' ', first + 1);
  if (second == std::string::npos) return std::nullopt;
  const std::string type = id.substr(first + 1, second - first - 1);
  const bool is_ours =
      type == to_string(RrType::SRV) || std::ranges::any_of(kSwept, [&](RrType one) { return to_string(one) == type; });
  if (!is_ours) return std::nullopt;
  ldns_rr* made = nullptr;
  const std::string line = fmt::format("{} 0 IN {} {}", id.substr(0, first), type, id.substr(second + 1));
  if (ldns_rr_new_frm_str(&made, line.c_str(), 0, nullptr, nullptr) != LDNS_STATUS_OK) return std::nullopt;
  const LdnsRr owned{made};
  const auto rr = from_ldns(*made);
  // Parsers forgive comments, missing dots and spaces; an id is exactly what was written once.
  return rr && rr->id() == id ? rr : std::nullopt;
}

std::string question_to_bytes(const Name& name, RrType type) { return question_of(name, row_of(type).code); }

std::string transfer_to_bytes(const Name& zone) { return question_of(zone, LDNS_RR_TYPE_AXFR); }

std::string deletion_to_bytes(const Name& zone, const Rr& rr, const std::vector<Rr>& rrset) {
  const LdnsList prerequisites{ldns_rr_list_new()};
  for (const Rr& one : rrset) ldns_rr_list_push_rr(prerequisites.get(), to_ldns(one).release());
  const LdnsList updates{ldns_rr_list_new()};
  LdnsRr deleted = to_ldns(rr);
  ldns_rr_set_class(deleted.get(), LDNS_RR_CLASS_NONE);
  ldns_rr_list_push_rr(updates.get(), deleted.release());
  return update_of(zone, prerequisites.get(), updates.get());
}

std::string empty_update_to_bytes(const Name& zone) {
  const LdnsList prerequisites{ldns_rr_list_new()};
  ldns_rr_list_push_rr(prerequisites.get(), without_data(zone, LDNS_RR_TYPE_SOA, LDNS_RR_CLASS_ANY).release());
  const LdnsList no_updates{ldns_rr_list_new()};
  return update_of(zone, prerequisites.get(), no_updates.get());
}

Answer answer_from_bytes(const std::string& bytes, const std::string& question) {
  ldns_pkt* parsed = nullptr;
  if (ldns_wire2pkt(&parsed, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) != LDNS_STATUS_OK)
    refuse_answer("it is malformed");
  const LdnsPacket packet{parsed};
  if (bytes.compare(0, 2, question, 0, 2) != 0 || !ldns_pkt_qr(parsed)) refuse_answer("it answers another question");
  if ((static_cast<unsigned char>(bytes[2]) >> 3 & 0xf) != (static_cast<unsigned char>(question[2]) >> 3 & 0xf))
    refuse_answer("it is about another operation");
  if (ldns_pkt_tc(parsed)) refuse_answer("it is cut off, over TCP");

  Answer answer{.rcode = static_cast<int>(ldns_pkt_get_rcode(parsed)), .authoritative = ldns_pkt_aa(parsed)};
  ldns_rr_list* all = ldns_pkt_answer(parsed);
  answer.count = ldns_rr_list_rr_count(all);
  for (std::size_t i = 0; i < answer.count; ++i) {
    ldns_rr* rr = ldns_rr_list_rr(all, i);
    auto known = from_ldns(*rr);
    if (!known) continue;
    if (known->type == RrType::SOA && answer.primary.empty() && ldns_rr_rd_count(rr) >= 3) {
      answer.primary = Name::from_answer(text_of(ldns_rr_rdf(rr, 0))).text();
      answer.serial = ldns_rdf2native_int32(ldns_rr_rdf(rr, 2));
    }
    answer.records.push_back(std::move(*known));
  }
  return answer;
}

std::string rcode_name(int rcode) {
  const auto* row = ldns_lookup_by_id(ldns_rcodes, rcode);
  return row == nullptr ? fmt::format("rcode {}", rcode) : row->name;
}

}  // namespace decom::dns
