#include "daemon/inventory/term.hpp"

#include <algorithm>
#include <array>
#include <span>

#include <fmt/core.h>

#include "common/base/text.hpp"
#include "daemon/domain/machine.hpp"
#include "daemon/inventory/values.hpp"

namespace decom::inventory {
namespace {

using Chars = std::span<const TermChar>;

constexpr std::array kPowerStates{PowerState::on, PowerState::off, PowerState::suspended, PowerState::unknown};
constexpr std::array kFamilies{OsFamily::windows, OsFamily::linux_, OsFamily::other, OsFamily::ambiguous};
constexpr std::size_t kLeastUuidDigits = 8;

bool is_empty_quotes(const TermChar& c) { return c.quoted && c.c == '\0'; }

std::string text_of(Chars chars) {
  std::string text;
  for (const TermChar& c : chars)
    if (!is_empty_quotes(c)) text += c.c;
  return text;
}

bool all_bare(Chars chars) { return std::ranges::none_of(chars, &TermChar::quoted); }

/// The first of these unquoted characters.
std::size_t find_bare(Chars chars, std::string_view wanted) {
  for (std::size_t i = 0; i < chars.size(); ++i)
    if (!chars[i].quoted && wanted.find(chars[i].c) != std::string_view::npos) return i;
  return chars.size();
}

Pattern pattern_of(Chars chars) {
  Pattern pattern;
  for (const TermChar& c : chars) {
    if (is_empty_quotes(c)) continue;
    if (!c.quoted && c.c == '*') {
      pattern.add_star();
    } else if (!c.quoted && c.c == '?') {
      pattern.add_any();
    } else {
      pattern.add(c.c);
    }
  }
  return pattern;
}

Node leaf(Predicate term) { return Node{Node::Kind::term, {}, std::move(term)}; }

Node negated(Node node) {
  Node outer{Node::Kind::none};
  outer.children.push_back(std::move(node));
  return outer;
}

std::optional<bool> yes_or_no(std::string_view text) {
  if (equals_folded(text, "yes") || equals_folded(text, "true")) return true;
  if (equals_folded(text, "no") || equals_folded(text, "false")) return false;
  return std::nullopt;
}

/// One value of `field:value,value`.
class ValueReader {
 public:
  ValueReader(const FieldName& field, Chars chars, const ParseContext& context)
      : field_(field), chars_(chars), context_(context), text_(text_of(chars)) {}

  Node read() {
    switch (info(field_.field).kind) {
      case FieldKind::text: return words();
      case FieldKind::address: return address();
      case FieldKind::family: return family();
      case FieldKind::power: return power();
      case FieldKind::count:
        return field_.field == Field::snapshot ? snapshot() : numbers(&count_range, "a number, such as 4, >=8 or 2..4");
      case FieldKind::size: return numbers(&size_range, "a size, such as 16GB, >512MB or 1TB..2TB");
      case FieldKind::time:
        return numbers([this](Comparison c, std::string_view t) { return time_range(c, t, context_.now); },
                       "a date or an age, such as 2024-01-31, <2024, >90d or 2024-01..2024-06");
      case FieldKind::yes_no:
        if (const auto yes = yes_or_no(text_))
          return *yes ? leaf(HasIt{field_.field}) : negated(leaf(HasIt{field_.field}));
        fail("yes or no");
      case FieldKind::uuid: return uuid();
    }
    fail("something else");
  }

 private:
  [[noreturn]] void fail(std::string_view wanted) const {
    const std::size_t from = chars_.front().at;
    fail_at(from, chars_.back().at + 1 - from,
            fmt::format("{} wants {}, not '{}'", info(field_.field).name, wanted, text_));
  }

  Node words() {
    if (!chars_.front().quoted && (text_.front() == '<' || text_.front() == '>'))
      fail("a text; < and > are for numbers, sizes and dates");
    if (field_.field == Field::managed)
      if (const auto yes = yes_or_no(text_))
        return *yes ? leaf(HasIt{field_.field}) : negated(leaf(HasIt{field_.field}));
    Pattern pattern = pattern_of(chars_);
    // What people write in sentences is searched for parts of it; what has a name is meant as a whole.
    const bool prose = field_.field == Field::annotation || field_.field == Field::guest;
    if (prose && !pattern.empty()) pattern.float_both_ends();
    return leaf(TextMatch{field_, std::move(pattern)});
  }

  Node address() {
    if (const auto network = parse_network(text_)) return leaf(InNetwork{*network});
    Pattern pattern = pattern_of(chars_);
    if (!pattern.empty() && !pattern.has_wildcards())
      fail("an address, a network such as 10.1.0.0/16, or a pattern such as 10.1.*");
    return leaf(TextMatch{field_, std::move(pattern)});
  }

  Node family() {
    for (const OsFamily family : kFamilies)
      if (equals_folded(text_, to_string(family))) return leaf(OneOf{Field::os, 1U << static_cast<unsigned>(family)});
    Pattern pattern = pattern_of(chars_);
    if (!pattern.empty()) pattern.float_both_ends();
    return leaf(TextMatch{{Field::guest, {}}, std::move(pattern)});
  }

  Node power() {
    for (const PowerState state : kPowerStates)
      if (equals_folded(text_, to_string(state))) return leaf(OneOf{Field::power, 1U << static_cast<unsigned>(state)});
    fail("on, off, suspended or unknown");
  }

  Node snapshot() {
    if (const auto yes = yes_or_no(text_)) return *yes ? leaf(HasIt{field_.field}) : negated(leaf(HasIt{field_.field}));
    const Comparison comparison = take_comparison();
    if (all_bare(chars_))
      if (const auto range = count_range(comparison, text_))
        return leaf(NumberMatch{field_.field, range->least, range->most});
    if (comparison != Comparison::none) fail("a number behind a comparison");
    return leaf(TextMatch{field_, pattern_of(chars_)});
  }

  template <typename RangeOf>
  Node numbers(RangeOf range_of, std::string_view wanted) {
    const Chars whole = chars_;
    if (text_ == "*") return leaf(NumberMatch{field_.field, Range{}.least, Range{}.most});
    const Comparison comparison = take_comparison();
    if (const auto range = range_of(comparison, text_))
      return leaf(NumberMatch{field_.field, range->least, range->most});
    chars_ = whole;
    text_ = text_of(whole);
    fail(wanted);
  }

  Comparison take_comparison() {
    struct Sign {
      std::string_view sign;
      Comparison comparison;
    };
    constexpr std::array kSigns{Sign{"<=", Comparison::at_most}, Sign{">=", Comparison::at_least},
                                Sign{"<", Comparison::less}, Sign{">", Comparison::more}, Sign{"=", Comparison::equal}};
    if (chars_.front().quoted) return Comparison::none;
    for (const Sign& sign : kSigns) {
      if (!text_.starts_with(sign.sign)) continue;
      if (text_.size() == sign.sign.size()) fail("a value behind the comparison");
      text_.erase(0, sign.sign.size());
      chars_ = chars_.subspan(sign.sign.size());
      return sign.comparison;
    }
    return Comparison::none;
  }

  Node uuid() {
    Pattern pattern = pattern_of(chars_);
    if (pattern.has_wildcards() || pattern.empty()) return leaf(TextMatch{field_, std::move(pattern)});
    const auto nibbles = uuid_nibbles(text_);
    if (!nibbles || nibbles->empty() || nibbles->size() > 32) fail("a UUID or its beginning");
    return leaf(UuidStart{*nibbles});
  }

  const FieldName& field_;
  Chars chars_;
  const ParseContext& context_;
  std::string text_;
};

Node read_word(Chars chars) {
  const std::string text = text_of(chars);
  if (text.empty()) fail_at(chars.front().at, 2, "these quotes are empty");
  const Pattern pattern = pattern_of(chars);
  if (pattern.has_wildcards()) return leaf(AnyGlob{pattern});
  AnyText any{folded(text), {}, {}};
  if (const auto nibbles = uuid_nibbles(text); nibbles && nibbles->size() >= kLeastUuidDigits && nibbles->size() <= 32)
    any.nibbles = *nibbles;
  if (const auto address = parse_address(text); address && address->v6) any.addresses.push_back(*address);
  return leaf(std::move(any));
}

Node read_values(const FieldName& field, Chars chars, const Token& token, const ParseContext& context) {
  bool negate = false;
  if (!chars.empty() && !chars.front().quoted && chars.front().c == '!') {
    negate = true;
    chars = chars.subspan(1);
  }
  Node values{Node::Kind::any};
  while (true) {
    const std::size_t comma = find_bare(chars, ",");
    const Chars value = chars.first(comma);
    if (value.empty())
      fail_at(token.at, token.length,
              fmt::format("{} lacks a value; {}:\"\" finds machines without one", info(field.field).name,
                          info(field.field).name));
    values.children.push_back(ValueReader(field, value, context).read());
    if (comma == chars.size()) break;
    chars = chars.subspan(comma + 1);
  }
  Node node = values.children.size() == 1 ? std::move(values.children.front()) : std::move(values);
  return negate ? negated(std::move(node)) : node;
}

bool could_be_a_field(std::string_view name) {
  return std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.'; });
}

}  // namespace

Node read_term(const Token& token, const ParseContext& context) {
  const Chars chars = token.term;
  const std::string whole = text_of(chars);
  if (all_bare(chars) && whole.find('/') != std::string::npos)
    if (const auto network = parse_network(whole)) return leaf(InNetwork{*network});
  const std::size_t colon = find_bare(chars, ":");
  if (colon == 0 || colon == chars.size()) return read_word(chars);

  const Chars name = chars.first(colon);
  const std::string name_text = text_of(name);
  if (const auto field = field_named(name_text)) return read_values(*field, chars.subspan(colon + 1), token, context);
  if (all_bare(chars) && parse_address(whole)) return read_word(chars);
  if (std::ranges::find(context.vcenters, name_text) != context.vcenters.end())
    return leaf(TextMatch{{Field::id, {}}, pattern_of(chars)});
  if (!all_bare(name) || !could_be_a_field(name_text)) return read_word(chars);

  const std::string near = nearest_fields(name_text);
  fail_at(name.front().at, name.size(),
          fmt::format("there is no field '{}'{}", name_text,
                      near.empty() ? "; put it in quotes to search for the text" : "; nearest: " + near));
}

int cost_of(const Node& node) {
  if (node.kind == Node::Kind::term) {
    struct Cost {
      int operator()(const OneOf&) const { return 0; }
      int operator()(const HasIt&) const { return 0; }
      int operator()(const NumberMatch&) const { return 1; }
      int operator()(const InNetwork&) const { return 1; }
      int operator()(const AnyText&) const { return 3; }
      int operator()(const UuidStart&) const { return 4; }
      int operator()(const AnyGlob&) const { return 5; }
      int operator()(const TextMatch& match) const {
        switch (match.field.field) {
          case Field::vcenter:
          case Field::datacenter:
          case Field::cluster:
          case Field::folder:
          case Field::pool:
          case Field::esx:
          case Field::owner:
          case Field::tools:
          case Field::managed:
          case Field::guest: return 2;
          case Field::name:
          case Field::host:
          case Field::ip:
          case Field::annotation: return 3;
          default: return 6;
        }
      }
    };
    return std::visit(Cost{}, node.term);
  }
  int most = 0;
  for (const Node& child : node.children) most = std::max(most, cost_of(child));
  return most;
}

bool is_cheap(const Node& node) { return cost_of(node) <= 2; }

}  // namespace decom::inventory
