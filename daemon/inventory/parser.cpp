#include <algorithm>

#include <fmt/core.h>

#include "common/base/text.hpp"
#include "daemon/inventory/lexer.hpp"
#include "daemon/inventory/query.hpp"
#include "daemon/inventory/term.hpp"

namespace decom::inventory {

namespace {

class Parser {
 public:
  Parser(std::string_view text, const ParseContext& context) : tokens_(tokens_of(text)), context_(context) {}

  Node run() {
    if (here().kind == Token::Kind::end) return {};
    Node node = any();
    if (here().kind == Token::Kind::close) fail_at(here().at, 1, "this ) has no ( before it");
    return node;
  }

 private:
  const Token& here() const { return tokens_[next_]; }

  Node any() {
    Node first = all();
    if (here().kind != Token::Kind::or_) return first;
    Node node{Node::Kind::any};
    node.children.push_back(std::move(first));
    while (here().kind == Token::Kind::or_) {
      follow("or");
      node.children.push_back(all());
    }
    return node;
  }

  Node all() {
    Node node{Node::Kind::all};
    node.children.push_back(unary());
    while (here().kind != Token::Kind::end && here().kind != Token::Kind::close && here().kind != Token::Kind::or_) {
      if (here().kind == Token::Kind::and_) follow("and");
      node.children.push_back(unary());
    }
    if (node.children.size() == 1) return std::move(node.children.front());
    std::ranges::stable_sort(node.children, {}, cost_of);
    return node;
  }

  Node unary() {
    const Token token = here();
    switch (token.kind) {
      case Token::Kind::not_: {
        follow(token.length == 1 ? "the negation" : "not");
        deeper(token);
        Node node{Node::Kind::none};
        node.children.push_back(unary());
        --depth_;
        return node;
      }
      case Token::Kind::open: {
        ++next_;
        deeper(token);
        if (here().kind == Token::Kind::close)
          fail_at(token.at, here().at + 1 - token.at, "nothing is in these parentheses");
        if (here().kind == Token::Kind::end) fail_at(token.at, 1, "this ( is not closed");
        Node node = any();
        if (here().kind != Token::Kind::close) fail_at(token.at, 1, "this ( is not closed");
        ++next_;
        --depth_;
        return node;
      }
      case Token::Kind::term:
        if (++terms_ > kMostTerms)
          fail_at(token.at, token.length, fmt::format("a query has at most {} terms", kMostTerms));
        ++next_;
        return read_term(token, context_);
      case Token::Kind::or_:
      case Token::Kind::and_:
        fail_at(token.at, token.length, "nothing stands before this; put the word in quotes to search for it");
      case Token::Kind::close: fail_at(token.at, 1, "this ) has no ( before it");
      case Token::Kind::end: break;
    }
    fail_at(token.at, 0, "the query ends too early");
  }

  /// Goes over an operator that needs something behind it.
  void follow(std::string_view what) {
    const Token token = here();
    ++next_;
    if (here().kind == Token::Kind::end || here().kind == Token::Kind::close)
      fail_at(token.at, token.length, fmt::format("nothing follows {}", what));
  }

  void deeper(const Token& token) {
    if (++depth_ > kDeepestQuery) fail_at(token.at, token.length, fmt::format("at most {} levels deep", kDeepestQuery));
  }

  std::vector<Token> tokens_;
  const ParseContext& context_;
  std::size_t next_ = 0;
  std::size_t depth_ = 0;
  std::size_t terms_ = 0;
};

}  // namespace

Node parse_query(std::string_view text, const ParseContext& context) {
  if (text.size() > kLongestQuery)
    fail_at(kLongestQuery, text.size() - kLongestQuery, fmt::format("a query has at most {} bytes", kLongestQuery));
  if (!is_valid_utf8(text)) fail_at(0, text.size(), "the query is not UTF-8");
  return Parser(text, context).run();
}

}  // namespace decom::inventory
