#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace decom::inventory {

/// One byte of a term with what the parser must know of it: a quoted star is a star, not a wildcard.
struct TermChar {
  char c = 0;
  bool quoted = false;  ///< an empty pair of quotes leaves one NUL that is quoted
  std::size_t at = 0;   ///< offset in the query
};
using Term = std::vector<TermChar>;

struct Token {
  enum class Kind { term, open, close, not_, or_, and_, end };
  Kind kind = Kind::end;
  std::size_t at = 0;
  std::size_t length = 0;
  Term term{};
};

/// A mistake at a place of the query, as the public header promises it.
[[noreturn]] void fail_at(std::size_t at, std::size_t length, const std::string& what);

/// Cuts a query into tokens; the last one is `end`. Quotes may begin anywhere in a term; inside them a backslash
/// escapes a quote or a backslash, and nothing else is special.
std::vector<Token> tokens_of(std::string_view query);

}  // namespace decom::inventory
