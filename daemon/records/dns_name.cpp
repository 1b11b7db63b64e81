#include "daemon/records/dns_name.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include "common/base/text.hpp"

namespace decom::dns {
namespace {

constexpr std::size_t kLongestLabel = 63;  // RFC 1035 2.3.4
constexpr std::size_t kLongestName = 254;  // as text with its last dot: 255 bytes on the wire

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '/';
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLongestLabel && std::ranges::all_of(label, is_letter);
}

}  // namespace

std::optional<Name> Name::parse(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() + 1 > kLongestName) return std::nullopt;
  if (!std::ranges::all_of(split(text, '.'), is_label)) return std::nullopt;
  return Name{folded(text) + "."};
}

Name Name::from_answer(std::string_view text) {
  std::string whole = folded(text);
  if (!whole.ends_with('.')) whole += '.';
  return Name{std::move(whole)};
}

bool Name::is_at_or_below(const Name& zone) const {
  if (text_ == zone.text_ || zone.text_ == ".") return true;
  if (!text_.ends_with(zone.text_)) return false;
  const std::size_t left = text_.size() - zone.text_.size();
  // "xlab.test." does not lie in "lab.test.", nor does "a\.lab.test.".
  return left >= 2 && text_[left - 1] == '.' && text_[left - 2] != '\\';
}

std::optional<Name> Name::below(std::string_view label, const Name& zone) {
  if (!is_label(label)) return std::nullopt;
  return parse(fmt::format("{}.{}", label, zone.bare()));
}

const Name* zone_of(const Name& name, const std::vector<Name>& zones) {
  const Name* nearest = nullptr;
  for (const Name& zone : zones)
    if (name.is_at_or_below(zone) && (nearest == nullptr || zone.text().size() > nearest->text().size()))
      nearest = &zone;
  return nearest;
}

std::optional<std::string> machine_address(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string typed{text};
  std::array<char, INET6_ADDRSTRLEN> spelled{};
  if (in_addr v4{}; ::inet_pton(AF_INET, typed.c_str(), &v4) == 1) {
    const std::uint32_t bits = ntohl(v4.s_addr);
    if (bits == 0 || bits >> 24 == 127 || bits >> 16 == 0xa9fe || bits == 0xffff'ffff) return std::nullopt;
    ::inet_ntop(AF_INET, &v4, spelled.data(), spelled.size());
    return spelled.data();
  }
  in6_addr v6{};
  if (::inet_pton(AF_INET6, typed.c_str(), &v6) != 1) return std::nullopt;
  if (IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_LINKLOCAL(&v6) ||
      IN6_IS_ADDR_MULTICAST(&v6))
    return std::nullopt;
  ::inet_ntop(AF_INET6, &v6, spelled.data(), spelled.size());
  return spelled.data();
}

Name reverse_name(const std::string& address) {
  std::string text;
  if (in_addr v4{}; ::inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    const std::uint32_t bits = ntohl(v4.s_addr);
    for (unsigned shift = 0; shift < 32; shift += 8) text += fmt::format("{}.", bits >> shift & 0xff);
    return Name::from_answer(text + "in-addr.arpa.");
  }
  in6_addr v6{};
  ::inet_pton(AF_INET6, address.c_str(), &v6);
  for (std::size_t i = sizeof v6.s6_addr; i-- > 0;)
    text += fmt::format("{:x}.{:x}.", v6.s6_addr[i] & 0xf, v6.s6_addr[i] >> 4);
  return Name::from_answer(text + "ip6.arpa.");
}

}  // namespace decom::dns
