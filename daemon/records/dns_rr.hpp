#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/records/dns_name.hpp"

namespace decom::dns {

enum class RrType { A, AAAA, CNAME, PTR, TXT, SSHFP, DHCID, SRV, SOA, NS };
std::string_view to_string(RrType type);

/// What a machine leaves behind, in the order in which it is removed: what is proven by an address of the same name
/// goes before that address.
inline constexpr std::array kSwept{RrType::CNAME, RrType::SSHFP, RrType::TXT, RrType::DHCID,
                                   RrType::PTR,   RrType::A,     RrType::AAAA};

/// One resource record of class IN, with its data in the text of master files.
struct Rr {
  Name owner;
  RrType type;
  std::uint32_t ttl;
  std::string data;  ///< "10.0.2.1", "web01.lab.example.test.", "\"note\""

  /// What names it: "web01.lab.example.test. A 10.0.2.1". The TTL is not part of it.
  [[nodiscard]] std::string id() const;
  /// Everything that it says: "web01.lab.example.test. 300 A 10.0.2.1".
  [[nodiscard]] std::string text() const;
  /// The name that a CNAME, PTR, NS or SRV leads to.
  [[nodiscard]] Name target() const { return Name::from_answer(data.substr(data.rfind(' ') + 1)); }

  /// The record that an id names, with a TTL of 0; nothing for anything that `id` does not write.
  static std::optional<Rr> from_id(const std::string& id);

  /// Whether both name the same record; their TTL may differ.
  [[nodiscard]] bool is_same(const Rr& other) const {
    return owner == other.owner && type == other.type && data == other.data;
  }
  bool operator==(const Rr&) const = default;
};

}  // namespace decom::dns
