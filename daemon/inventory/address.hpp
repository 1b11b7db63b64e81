#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace decom::inventory {

/// An IPv4 or IPv6 address; IPv4 uses the first four bytes. An IPv4-mapped IPv6 address is IPv4.
struct Address {
  std::array<std::uint8_t, 16> bytes{};
  bool v6 = false;

  bool operator==(const Address&) const = default;
};

/// An IPv4 address as a number, so that networks are ranges.
std::uint32_t v4_number(const Address& address);
/// Whole text only; a zone ("%eth0") is left out.
std::optional<Address> parse_address(std::string_view text);
std::string to_text(const Address& address);

struct Network {
  Address base;
  unsigned bits = 0;

  [[nodiscard]] bool contains(const Address& address) const;
};
/// "10.1.0.0/16", "fd00::/8", or one address. Bits of the host part are ignored, as `ip` does in "ip route get".
std::optional<Network> parse_network(std::string_view text);

using Uuid = std::array<std::uint8_t, 16>;
/// Lower-case or not, 8-4-4-4-12.
std::optional<Uuid> parse_uuid(std::string_view text);
std::string to_text(const Uuid& uuid);  ///< lower case, 8-4-4-4-12

/// The hex digits of `text` without its dashes, one nibble a byte; nothing when there is anything else in it.
std::optional<std::string> uuid_nibbles(std::string_view text);

}  // namespace decom::inventory
