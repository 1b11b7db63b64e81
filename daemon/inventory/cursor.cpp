#include "daemon/inventory/cursor.hpp"

#include <optional>

#include "common/base/crypto.hpp"
#include "common/base/error.hpp"

namespace decom::inventory {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kLongest = std::size_t{64} * 1024;

std::uint32_t fnv(std::string_view text, std::uint32_t hash = 2166136261U) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

template <typename Number>
void put(std::string& out, Number number) {
  for (std::size_t i = 0; i < sizeof number; ++i) out += static_cast<char>((number >> (8 * i)) & 0xFFU);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <typename Number>
  Number number() {
    Number value = 0;
    const std::string_view taken = take(sizeof value);
    for (std::size_t i = taken.size(); i-- > 0;)
      value = static_cast<Number>((value << 8U) | static_cast<unsigned char>(taken[i]));
    return value;
  }
  std::string_view take(std::size_t count) {
    if (count > bytes_.size()) {
      good_ = false;
      return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool done() const { return good_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool good_ = true;
};

std::optional<std::string> from_base64url(std::string_view text) {
  std::string bytes;
  std::uint32_t buffer = 0;
  unsigned bits = 0;
  for (const char c : text) {
    std::uint32_t value = 0;
    if (c >= 'A' && c <= 'Z') {
      value = static_cast<std::uint32_t>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      value = static_cast<std::uint32_t>(c - 'a') + 26;
    } else if (c >= '0' && c <= '9') {
      value = static_cast<std::uint32_t>(c - '0') + 52;
    } else if (c == '-') {
      value = 62;
    } else if (c == '_') {
      value = 63;
    } else {
      return std::nullopt;
    }
    buffer = (buffer << 6U) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>((buffer >> bits) & 0xFFU);
      buffer &= (1U << bits) - 1;
    }
  }
  if (bits >= 6 || buffer != 0) return std::nullopt;
  return bytes;
}

}  // namespace

std::strong_ordering compare(const Position& a, const Position& b, bool descending) {
  if (a.missing != b.missing) return a.missing ? std::strong_ordering::greater : std::strong_ordering::less;
  std::strong_ordering order = a.key <=> b.key;
  if (std::is_eq(order)) order = a.id <=> b.id;
  if (!descending || std::is_eq(order)) return order;
  return std::is_lt(order) ? std::strong_ordering::greater : std::strong_ordering::less;
}

std::uint32_t hash_of_query(std::string_view text, std::string_view sort) { return fnv(sort, fnv(text) ^ 0x5bd1e995U); }

std::string to_text(const Cursor& cursor) {
  std::string bytes(1, kVersion);
  put(bytes, cursor.generation);
  put(bytes, cursor.query);
  bytes += cursor.after.missing ? '\1' : '\0';
  put(bytes, static_cast<std::uint32_t>(cursor.after.key.size()));
  bytes += cursor.after.key;
  put(bytes, static_cast<std::uint32_t>(cursor.after.id.size()));
  bytes += cursor.after.id;
  put(bytes, fnv(bytes));
  return base64url(bytes);
}

Cursor parse_cursor(std::string_view text, std::uint32_t query) {
  const auto garbled = [] {
    return Error{ErrorCode::usage, "cannot go on from this cursor: it is not one that a search returned"};
  };
  const auto bytes = text.size() <= kLongest ? from_base64url(text) : std::nullopt;
  if (!bytes || bytes->size() < 4) throw garbled();
  Reader sum(std::string_view(*bytes).substr(bytes->size() - 4));
  const std::string_view content = std::string_view(*bytes).substr(0, bytes->size() - 4);
  if (sum.number<std::uint32_t>() != fnv(content) || content.empty() || content.front() != kVersion) throw garbled();

  Reader reader(content.substr(1));
  Cursor cursor;
  cursor.generation = reader.number<std::uint64_t>();
  cursor.query = reader.number<std::uint32_t>();
  cursor.after.missing = reader.take(1) == "\1";
  cursor.after.key = reader.take(reader.number<std::uint32_t>());
  cursor.after.id = reader.take(reader.number<std::uint32_t>());
  if (!reader.done()) throw garbled();
  if (cursor.query != query)
    throw Error{ErrorCode::usage, "cannot go on from this cursor: it belongs to another query or another sort order"};
  return cursor;
}

}  // namespace decom::inventory
