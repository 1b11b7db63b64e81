#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace decom::dns {

/// A whole domain name in lower case, as text: "web01.lab.example.test.", or "." for the root.
///
/// Two names are one where their texts are equal (RFC 4343: case does not matter). What a person or a machine's owner
/// wrote is taken in the letters of host names and underscores alone; what a server answered may hold anything, in the
/// escapes of master files (RFC 1035 5.1).
class Name {
 public:
  /// "web01.lab.example.test" with or without the last dot. Nothing for what is no name of that alphabet, has an empty
  /// label, one above 63 bytes, or is above 255 bytes in all.
  static std::optional<Name> parse(std::string_view text);
  /// From an answer, where ldns has read it already.
  static Name from_answer(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  /// Without the last dot, as people write it.
  [[nodiscard]] std::string bare() const { return text_.substr(0, text_.size() - 1); }
  [[nodiscard]] bool is_at_or_below(const Name& zone) const;
  /// The first label put before `zone`; nothing where that is too long.
  static std::optional<Name> below(std::string_view label, const Name& zone);

  bool operator==(const Name&) const = default;
  bool operator<(const Name& other) const { return text_ < other.text_; }

 private:
  explicit Name(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// The nearest of `zones` that a name lies in, or null.
const Name* zone_of(const Name& name, const std::vector<Name>& zones);

/// An IPv4 or IPv6 address in its one spelling (RFC 5952); nothing for anything else. Link-local ones, loopback and
/// the unspecified address are none of a machine's: they say nothing about who bears them.
std::optional<std::string> machine_address(std::string_view text);

/// The name that an address has in reverse zones: "1.2.0.10.in-addr.arpa." (RFC 1035 3.5, RFC 3596 2.5).
/// `address` is from `machine_address`.
Name reverse_name(const std::string& address);

}  // namespace decom::dns
