#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace decom::inventory {

/// A machine's place in an answer: by the value it is sorted by, then by its id. Machines without such a value come
/// last, in both directions.
struct Position {
  bool missing = false;
  std::string key;  ///< compares byte by byte
  std::string id;   ///< "lab:vm-123"
};
/// Descending turns key and id around, so that it is the exact reverse but for what is missing.
std::strong_ordering compare(const Position& a, const Position& b, bool descending);

/// Where the next page begins: behind this position. As it names a position and not a count, machines that come and go
/// between two pages make nobody else appear twice or not at all.
struct Cursor {
  std::uint64_t generation = 0;  ///< of the snapshot that the page was cut from
  std::uint32_t query = 0;       ///< hash of text and sort: another query's cursor is refused
  Position after;
};

std::uint32_t hash_of_query(std::string_view text, std::string_view sort);
std::string to_text(const Cursor& cursor);  ///< base64url
/// Throws `usage` for anything that to_text did not write for this very query.
Cursor parse_cursor(std::string_view text, std::uint32_t query);

}  // namespace decom::inventory
