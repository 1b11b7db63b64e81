#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/inventory/address.hpp"
#include "daemon/inventory/fields.hpp"
#include "daemon/inventory/pattern.hpp"

namespace decom::inventory {

/// A bare word or phrase: anywhere in name, guest host name, addresses or annotation, or in a UUID from eight digits on
/// (shorter ones are in too many UUIDs by chance).
struct AnyText {
  std::string word;                ///< folded
  std::string nibbles;             ///< hex digits of a possible UUID; empty when it cannot be one
  std::vector<Address> addresses;  ///< the address that it spells, when it is a whole IPv6 one
};
/// A bare word with wildcards: the whole of name, host name or an address.
struct AnyGlob {
  Pattern pattern;
};
struct TextMatch {
  FieldName field;
  Pattern pattern;
};
/// Bounds are inclusive; machines without a value never match.
struct NumberMatch {
  Field field;
  std::int64_t least;
  std::int64_t most;
};
/// Bit n: the enumerator with value n.
struct OneOf {
  Field field;
  unsigned mask;
};
struct InNetwork {
  Network network;
};
/// The digits at the beginning of one of its UUIDs.
struct UuidStart {
  std::string nibbles;
};
struct HasIt {
  Field field;  ///< snapshot, template, managed
};

using Predicate = std::variant<AnyText, AnyGlob, TextMatch, NumberMatch, OneOf, InNetwork, UuidStart, HasIt>;

/// A query as a tree. Children of `all` are ordered by what they cost.
struct Node {
  enum class Kind { all, any, none, term };  ///< and, or, not, a leaf. `all` without children is everything.
  Kind kind = Kind::all;
  std::vector<Node> children;
  Predicate term{};
};

struct ParseContext {
  Timestamp now{};                    ///< relative dates count from here
  std::vector<std::string> vcenters;  ///< labels, so that "lab:vm-123" is an id and not a field
};

inline constexpr std::size_t kLongestQuery = 4096;  ///< bytes
inline constexpr std::size_t kDeepestQuery = 32;    ///< parentheses and negations in one another
inline constexpr std::size_t kMostTerms = 256;

/// Throws Error{usage} with one finding whose `where` is "offset:length" in bytes of `text`.
Node parse_query(std::string_view text, const ParseContext& context);

}  // namespace decom::inventory
