#include "daemon/inventory/address.hpp"

#include <algorithm>
#include <charconv>
#include <span>

#include <arpa/inet.h>

namespace decom::inventory {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};  // RFC 4291 2.5.5.2

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::uint32_t v4_number(const Address& address) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = (number << 8U) | address.bytes[i];
  return number;
}

std::optional<Address> parse_address(std::string_view text) {
  const std::string plain(text.substr(0, text.find('%')));
  if (plain.size() > INET6_ADDRSTRLEN || plain.find('\0') != std::string::npos) return std::nullopt;
  Address address;
  if (::inet_pton(AF_INET, plain.c_str(), address.bytes.data()) == 1) return address;
  if (::inet_pton(AF_INET6, plain.c_str(), address.bytes.data()) != 1) return std::nullopt;
  if (std::ranges::equal(kMapped, std::span{address.bytes}.first<12>())) {
    Address v4;
    std::copy_n(address.bytes.begin() + 12, 4, v4.bytes.begin());
    return v4;
  }
  address.v6 = true;
  return address;
}

std::string to_text(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text.data(), text.size());
  return text.data();
}

bool Network::contains(const Address& address) const {
  if (address.v6 != base.v6) return false;
  const std::size_t whole = bits / 8;
  if (!std::equal(base.bytes.begin(), base.bytes.begin() + static_cast<std::ptrdiff_t>(whole), address.bytes.begin()))
    return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const unsigned differing = static_cast<unsigned>(base.bytes[whole]) ^ static_cast<unsigned>(address.bytes[whole]);
  return (differing >> (8 - rest)) == 0;
}

std::optional<Network> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = parse_address(text.substr(0, slash));
  if (!base) return std::nullopt;
  const unsigned most = base->v6 ? 128 : 32;
  if (slash == std::string_view::npos) return Network{*base, most};
  const std::string_view length = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
  if (error != std::errc{} || end != length.data() + length.size() || bits > most) return std::nullopt;
  return Network{*base, bits};
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid uuid{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return std::nullopt;
    if (dash) continue;
    const int digit = nibble(text[i]);
    if (digit < 0) return std::nullopt;
    uuid[at / 2] =
        static_cast<std::uint8_t>((static_cast<unsigned>(uuid[at / 2]) << 4U) | static_cast<unsigned>(digit));
    ++at;
  }
  return uuid;
}

std::string to_text(const Uuid& uuid) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[uuid[i] >> 4U];
    text += kDigits[uuid[i] & 15U];
  }
  return text;
}

std::optional<std::string> uuid_nibbles(std::string_view text) {
  std::string nibbles;
  for (const char c : text) {
    if (c == '-') continue;
    const int digit = nibble(c);
    if (digit < 0) return std::nullopt;
    nibbles += static_cast<char>(digit);
  }
  return nibbles;
}

}  // namespace decom::inventory
