#include "daemon/inventory/lexer.hpp"

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::inventory {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Lexer {
 public:
  explicit Lexer(std::string_view query) : query_(query) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    while (true) {
      while (at_ < query_.size() && is_space(query_[at_])) ++at_;
      if (at_ == query_.size()) break;
      tokens.push_back(next());
    }
    tokens.push_back({Token::Kind::end, query_.size(), 0});
    return tokens;
  }

 private:
  Token next() {
    const char c = query_[at_];
    if (c == '(') return single(Token::Kind::open);
    if (c == ')') return single(Token::Kind::close);
    const bool followed = at_ + 1 < query_.size() && !is_space(query_[at_ + 1]);
    if (c == '!' || (c == '-' && followed)) return single(Token::Kind::not_);
    return word();
  }

  Token single(Token::Kind kind) { return {kind, at_++, 1}; }

  Token word() {
    Token token{Token::Kind::term, at_, 0};
    std::size_t parentheses = 0;  // "web(1)" is one word; the ) of "(web)" is not part of it
    while (at_ < query_.size() && !is_space(query_[at_])) {
      const char c = query_[at_];
      if (c == ')' && parentheses == 0) break;
      if (c == '(') ++parentheses;
      if (c == ')') --parentheses;
      if (c == '"') {
        quoted(token.term);
      } else {
        take(token.term, false);
      }
    }
    token.length = at_ - token.at;
    token.kind = keyword(token);
    return token;
  }

  void quoted(Term& term) {
    const std::size_t opened = at_++;
    const std::size_t before = term.size();
    while (at_ < query_.size() && query_[at_] != '"') {
      const bool escape =
          query_[at_] == '\\' && at_ + 1 < query_.size() && (query_[at_ + 1] == '"' || query_[at_ + 1] == '\\');
      if (escape) ++at_;
      take(term, true);
    }
    if (at_ == query_.size()) fail_at(opened, query_.size() - opened, "this quote is not closed");
    ++at_;
    if (term.size() == before) term.push_back({'\0', true, opened});
  }

  void take(Term& term, bool quoted) {
    const auto c = static_cast<unsigned char>(query_[at_]);
    if (c < 0x20 || c == 0x7F) fail_at(at_, 1, "a control character cannot be searched for");
    term.push_back({query_[at_], quoted, at_});
    ++at_;
  }

  static Token::Kind keyword(const Token& token) {
    std::string word;
    for (const TermChar& c : token.term) {
      if (c.quoted) return Token::Kind::term;
      word += c.c;
    }
    if (equals_folded(word, "or")) return Token::Kind::or_;
    if (equals_folded(word, "and")) return Token::Kind::and_;
    if (equals_folded(word, "not")) return Token::Kind::not_;
    return Token::Kind::term;
  }

  std::string_view query_;
  std::size_t at_ = 0;
};

}  // namespace

void fail_at(std::size_t at, std::size_t length, const std::string& what) {
  throw Error{ErrorCode::usage, "cannot read the query: " + what, {Finding{fmt::format("{}:{}", at, length), what}}};
}

std::vector<Token> tokens_of(std::string_view query) { return Lexer(query).run(); }

}  // namespace decom::inventory
