#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace decom::inventory {

/// A glob over a whole text, without regard to the case of ASCII letters: * is anything, ? is one character.
class Pattern {
 public:
  Pattern() = default;
  static Pattern literal(std::string_view text);
  void add(char c);
  void add_any() { parts_.push_back(kAny); }
  void add_star();
  /// Matches anywhere in a text.
  void float_both_ends();

  [[nodiscard]] bool matches(std::string_view text) const;
  [[nodiscard]] bool has_wildcards() const;
  [[nodiscard]] bool empty() const { return parts_.empty(); }
  /// Matches every text but the empty one, or every text: no more can be learned from it.
  [[nodiscard]] bool is_star() const { return parts_.size() == 1 && parts_.front() == kStar; }
  /// Folded texts that every match contains.
  [[nodiscard]] std::vector<std::string> literals() const;
  /// The folded text of a pattern without wildcards.
  [[nodiscard]] std::string text() const;

 private:
  static constexpr std::uint16_t kAny = 256;
  static constexpr std::uint16_t kStar = 257;
  std::vector<std::uint16_t> parts_;  ///< a folded byte, or one of the above
};

}  // namespace decom::inventory
