#include "daemon/inventory/pattern.hpp"

#include <algorithm>

namespace decom::inventory {
namespace {

std::uint16_t fold(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 'A' && byte <= 'Z' ? static_cast<std::uint16_t>(byte - 'A' + 'a') : byte;
}

/// The next character's start: the bytes 10xxxxxx of UTF-8 belong to the one before.
std::size_t next_character(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U; ++at) {
  }
  return at;
}

}  // namespace

Pattern Pattern::literal(std::string_view text) {
  Pattern pattern;
  for (const char c : text) pattern.add(c);
  return pattern;
}

void Pattern::add(char c) { parts_.push_back(fold(c)); }

void Pattern::add_star() {
  if (parts_.empty() || parts_.back() != kStar) parts_.push_back(kStar);
}

void Pattern::float_both_ends() {
  if (parts_.empty() || parts_.front() != kStar) parts_.insert(parts_.begin(), kStar);
  add_star();
}

bool Pattern::matches(std::string_view text) const {
  // One star is remembered: a later one makes the earlier one's choice final, so that this is quadratic at worst.
  std::size_t part = 0;
  std::size_t at = 0;
  std::size_t star = parts_.size();
  std::size_t star_at = 0;
  while (at < text.size()) {
    if (part < parts_.size() && parts_[part] == kStar) {
      star = part++;
      star_at = at;
    } else if (part < parts_.size() && parts_[part] == kAny) {
      ++part;
      at = next_character(text, at);
    } else if (part < parts_.size() && parts_[part] == fold(text[at])) {
      ++part;
      ++at;
    } else if (star < parts_.size()) {
      part = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (part < parts_.size() && parts_[part] == kStar) ++part;
  return part == parts_.size();
}

bool Pattern::has_wildcards() const {
  return std::ranges::any_of(parts_, [](std::uint16_t part) { return part >= kAny; });
}

std::vector<std::string> Pattern::literals() const {
  std::vector<std::string> runs;
  bool open = false;
  for (const std::uint16_t part : parts_) {
    if (part >= kAny) {
      open = false;
      continue;
    }
    if (!open) runs.emplace_back();
    open = true;
    runs.back() += static_cast<char>(part);
  }
  return runs;
}

std::string Pattern::text() const {
  std::string plain;
  for (const std::uint16_t part : parts_)
    if (part < kAny) plain += static_cast<char>(part);
  return plain;
}

}  // namespace decom::inventory
