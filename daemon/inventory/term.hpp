#pragma once

#include "daemon/inventory/lexer.hpp"
#include "daemon/inventory/query.hpp"

namespace decom::inventory {

/// Reads one term: a word, a phrase, or `field:value`. Throws as parse_query does.
Node read_term(const Token& token, const ParseContext& context);

/// The fewer rows a term leaves for how little work, the lower: the evaluator goes from low to high.
int cost_of(const Node& node);
/// True where a whole chunk is answered from columns or postings, so that counting costs nothing.
bool is_cheap(const Node& node);

}  // namespace decom::inventory
