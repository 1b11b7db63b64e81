#include "daemon/directory/names.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <ldap.h>

#include "common/base/text.hpp"

namespace decom::directory {

namespace {

constexpr std::size_t kMostSubAuthorities = 15;  // [MS-DTYP] 2.4.2.2

unsigned byte_at(std::string_view bytes, std::size_t i) { return static_cast<unsigned char>(bytes[i]); }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// A decimal number without sign, leading zeros or anything behind it.
std::optional<std::uint64_t> decimal(std::string_view text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || (text.size() > 1 && text[0] == '0') || error != std::errc{} || end != text.data() + text.size() ||
      value > most)
    return std::nullopt;
  return value;
}

std::string hex_of(std::string_view bytes, std::initializer_list<std::size_t> order) {
  std::string text;
  for (const std::size_t i : order) text += fmt::format("{:02x}", byte_at(bytes, i));
  return text;
}

}  // namespace

std::optional<Sid> Sid::parse(std::string_view text) {
  const std::vector<std::string> parts = split(text, '-');
  if (parts.size() < 4 || parts.size() > 3 + kMostSubAuthorities) return std::nullopt;
  if (!equals_folded(parts[0], "S") || parts[1] != "1" || !decimal(parts[2], 0xffff'ffff'ffffULL)) return std::nullopt;
  std::string canonical = "S-1-" + parts[2];
  for (std::size_t i = 3; i < parts.size(); ++i) {
    if (!decimal(parts[i], 0xffff'ffffULL)) return std::nullopt;
    canonical += "-" + parts[i];
  }
  return Sid{std::move(canonical)};
}

std::optional<Sid> Sid::from_bytes(std::string_view bytes) {
  if (bytes.size() < 12 || byte_at(bytes, 0) != 1) return std::nullopt;
  const std::size_t count = byte_at(bytes, 1);
  if (count == 0 || count > kMostSubAuthorities || bytes.size() != 8 + 4 * count) return std::nullopt;
  std::uint64_t authority = 0;
  for (std::size_t i = 2; i < 8; ++i) authority = (authority << 8) | byte_at(bytes, i);
  std::string text = fmt::format("S-1-{}", authority);
  for (std::size_t i = 8; i < bytes.size(); i += 4)
    text += fmt::format("-{}", byte_at(bytes, i) | byte_at(bytes, i + 1) << 8 | byte_at(bytes, i + 2) << 16 |
                                   byte_at(bytes, i + 3) << 24);
  return Sid{std::move(text)};
}

std::optional<Guid> Guid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : hex_digit(text[i]) < 0) return std::nullopt;
  }
  return Guid{folded(text)};
}

std::optional<Guid> Guid::from_bytes(std::string_view bytes) {
  if (bytes.size() != 16) return std::nullopt;
  return Guid{fmt::format("{}-{}-{}-{}-{}", hex_of(bytes, {3, 2, 1, 0}), hex_of(bytes, {5, 4}), hex_of(bytes, {7, 6}),
                          hex_of(bytes, {8, 9}), hex_of(bytes, {10, 11, 12, 13, 14, 15}))};
}

std::string Guid::wire_hex() const {
  std::string hex;
  // Offsets of the byte pairs of the text in the order of the wire.
  for (const unsigned i : {6U, 4U, 2U, 0U, 11U, 9U, 16U, 14U, 19U, 21U, 24U, 26U, 28U, 30U, 32U, 34U})
    hex += text_.substr(i, 2);
  return hex;
}

std::string Dn::rdn() const {
  std::size_t end = 0;
  for (bool quoted = false; end < text_.size() && (quoted || text_[end] != ','); ++end) {
    if (text_[end] == '\\')
      ++end;  // what follows belongs to the value
    else if (text_[end] == '"')
      quoted = !quoted;
  }
  return text_.substr(0, end);
}

std::optional<Dn> Dn::parse(std::string_view text) {
  if (text.empty() || text.find('\0') != std::string_view::npos) return std::nullopt;
  Dn dn;
  dn.text_ = text;
  LDAPDN parsed = nullptr;
  if (::ldap_str2dn(dn.text_.c_str(), &parsed, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS || parsed == nullptr)
    return std::nullopt;
  for (LDAPRDN* rdn = parsed; *rdn != nullptr; ++rdn) {
    std::string part;
    for (LDAPAVA** ava = *rdn; *ava != nullptr; ++ava) {
      // Lengths in front of the strings, so that no value can look like two.
      const std::string_view attribute{(*ava)->la_attr.bv_val, (*ava)->la_attr.bv_len};
      const std::string_view value{(*ava)->la_value.bv_val, (*ava)->la_value.bv_len};
      part += fmt::format("{}:{}={}:{};", attribute.size(), folded(attribute), value.size(), folded(value));
    }
    dn.parts_.insert(dn.parts_.begin(), std::move(part));
  }
  ::ldap_dnfree(parsed);
  return dn;
}

bool Dn::is_at_or_below(const Dn& ancestor) const {
  return parts_.size() >= ancestor.parts_.size() &&
         std::equal(ancestor.parts_.begin(), ancestor.parts_.end(), parts_.begin());
}

Filter Filter::equals(const char* attribute, std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    // RFC 4515 section 3 asks for NUL ( ) * \ and allows any other; bytes that are not ASCII may not be UTF-8.
    if (byte < 0x20 || byte >= 0x7f || c == '(' || c == ')' || c == '*' || c == '\\')
      escaped += fmt::format("\\{:02x}", byte);
    else
      escaped += c;
  }
  return Filter{fmt::format("({}={})", attribute, escaped)};
}

Filter Filter::present(const char* attribute) { return Filter{fmt::format("({}=*)", attribute)}; }

Filter Filter::has_bits(const char* attribute, unsigned mask) {
  return Filter{fmt::format("({}:1.2.840.113556.1.4.803:={})", attribute, mask)};
}

Filter Filter::combined(char sign, const std::vector<Filter>& parts) {
  std::string text{"("};
  text += sign;
  for (const Filter& part : parts) text += part.text_;
  return Filter{text + ")"};
}

}  // namespace decom::directory
