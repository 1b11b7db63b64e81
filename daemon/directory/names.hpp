#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Names of the directory as types, so that text from outside cannot become part of a query or of another name.
namespace decom::directory {

/// A security identifier ([MS-DTYP] 2.4.2).
class Sid {
 public:
  /// "S-1-5-21-…"; anything else, also with spaces around it, is nothing.
  static std::optional<Sid> parse(std::string_view text);
  static std::optional<Sid> from_bytes(std::string_view bytes);

  [[nodiscard]] const std::string& text() const { return text_; }
  bool operator==(const Sid&) const = default;

 private:
  explicit Sid(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// An objectGUID ([MS-DTYP] 2.3.4): its first three parts are little-endian on the wire.
class Guid {
 public:
  /// 8-4-4-4-12 hex digits with dashes, in any case.
  static std::optional<Guid> parse(std::string_view text);
  static std::optional<Guid> from_bytes(std::string_view bytes);

  /// Lower-case hex with dashes.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// The bytes as on the wire, in hex.
  [[nodiscard]] std::string wire_hex() const;
  bool operator==(const Guid&) const = default;

 private:
  explicit Guid(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// A distinguished name (RFC 4514) that was parsed, so that one can be asked whether it lies below another.
class Dn {
 public:
  static std::optional<Dn> parse(std::string_view text);

  /// As it was given.
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::size_t depth() const { return parts_.size(); }
  /// Its first part as it was written: "CN=WEB01".
  [[nodiscard]] std::string rdn() const;
  /// Compares what is written, not how: escapes, spaces and the case of ASCII letters do not matter.
  /// Other letters compare exactly, so a doubt means "no".
  [[nodiscard]] bool is_at_or_below(const Dn& ancestor) const;
  [[nodiscard]] bool is_below(const Dn& ancestor) const {
    return depth() > ancestor.depth() && is_at_or_below(ancestor);
  }
  [[nodiscard]] bool is_child_of(const Dn& parent) const {
    return depth() == parent.depth() + 1 && is_at_or_below(parent);
  }

 private:
  std::string text_;
  std::vector<std::string> parts_;  ///< the root first, folded
};

/// Where a search starts.
class Base {
 public:
  static Base root() { return Base{""}; }
  static Base of(const Dn& dn) { return Base{dn.text()}; }
  // The alternative forms of DNs of [MS-ADTS] 3.1.1.3.1.2.4.
  static Base of(const Sid& sid) { return Base{"<SID=" + sid.text() + ">"}; }
  static Base of(const Guid& guid) { return Base{"<GUID=" + guid.wire_hex() + ">"}; }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  explicit Base(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// A search filter (RFC 4515). Attribute names are ours; values may be anything and are escaped.
class Filter {
 public:
  static Filter equals(const char* attribute, std::string_view value);
  static Filter present(const char* attribute);
  /// True where all bits of `mask` are set (LDAP_MATCHING_RULE_BIT_AND).
  static Filter has_bits(const char* attribute, unsigned mask);
  static Filter all(const std::vector<Filter>& parts) { return combined('&', parts); }
  static Filter any(const std::vector<Filter>& parts) { return combined('|', parts); }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  explicit Filter(std::string text) : text_(std::move(text)) {}
  static Filter combined(char sign, const std::vector<Filter>& parts);
  std::string text_;
};

}  // namespace decom::directory
