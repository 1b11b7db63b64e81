#include "common/base/text.hpp"

#include <doctest/doctest.h>

using namespace decom;

TEST_CASE("what could move a cursor or hide text is escaped") {
  CHECK(safe_for_terminal("\x1b[31mred") == "\\x1b[31mred");
  CHECK(safe_for_terminal("a\nb\tc\x7f") == "a\\x0ab\\x09c\\x7f");
  CHECK(safe_for_terminal("x\xc2\x9bz") == "x\\x9bz");
  CHECK(safe_for_terminal("\xe2\x80\xae"
                          "abc") == "\\u{202e}abc");
  CHECK(safe_for_terminal("\xff\xfe") == "\\xff\\xfe");
  CHECK(safe_for_terminal("Zoë, 東京") == "Zoë, 東京");
}

TEST_CASE("width counts columns, not bytes") {
  CHECK(display_width("Zoë") == 3);
  CHECK(display_width("東京") == 4);
  CHECK(fit("abcdef", 4) == "abc…");
  CHECK(fit("東京都", 4) == "東…");
  CHECK(fit("abc", 3) == "abc");
}

TEST_CASE("text is broken at blanks, and within a word that is longer than a line") {
  using Lines = std::vector<std::string>;
  CHECK(wrapped("", 5) == Lines{""});
  CHECK(wrapped("one two", 7) == Lines{"one two"});
  CHECK(wrapped("one two three", 7) == Lines{"one two", "three"});
  CHECK(wrapped("one two three", 6) == Lines{"one", "two", "three"});
  CHECK(wrapped("10.1.0.143 172.16.0.143", 15) == Lines{"10.1.0.143", "172.16.0.143"});
  CHECK(wrapped("abcdefgh ij", 3) == Lines{"abc", "def", "gh", "ij"});
  CHECK(wrapped("東京都", 4) == Lines{"東京", "都"});
  CHECK(wrapped("東京", 1) == Lines{"東", "京"});
  CHECK(wrapped("one two", 0) == Lines{"one two"});
}

TEST_CASE("the nearest names come first and far ones not at all") {
  CHECK(nearest("web-prd-01", {"web-prod-01", "web-prod-02", "sql-fin-01"}) ==
        std::vector<std::string>{"web-prod-01", "web-prod-02"});
  CHECK(nearest("zzzz", {"web-prod-01"}).empty());
}

TEST_CASE("two neighbours that were swapped are the nearest of all") {
  CHECK(nearest("nmae", {"mac", "name", "nme"}, 1) == std::vector<std::string>{"name"});
}

TEST_CASE("invalid UTF-8 is seen") {
  CHECK(is_valid_utf8("Zoë"));
  CHECK_FALSE(is_valid_utf8("\xc0\xaf"));
  CHECK_FALSE(is_valid_utf8("\xed\xa0\x80"));
}
