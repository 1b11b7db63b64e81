#include "daemon/directory/names.hpp"

#include <doctest/doctest.h>

using namespace decom::directory;
using namespace std::string_literals;

TEST_CASE("a SID is the same read from bytes and from text") {
  const std::string bytes =
      "\x01\x05\0\0\0\0\0\x05\x15\0\0\0\x40\xd0\x64\x69\xe7\x37\x28\x4a\x47\xd2\x3a\x91\x4f\x04\0\0"s;
  const auto sid = Sid::from_bytes(bytes);
  REQUIRE(sid);
  CHECK(sid->text() == "S-1-5-21-1768214592-1244149735-2436551239-1103");
  CHECK(Sid::parse(sid->text()) == sid);
  CHECK(Sid::parse("s-1-5-32-544")->text() == "S-1-5-32-544");
}

TEST_CASE("what is not quite a SID is none") {
  for (const char* text :
       {"", "S", "S-1", "S-1-5", "S-2-5-32", "S-1-5-", "S-1-5-x", "S-1-5-032", "S-1-5--1", " S-1-5-32", "S-1-5-32 ",
        "S-1-5-4294967296", "S-1-281474976710656-1", "S-1-5-32>", "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16"}) {
    CAPTURE(text);
    CHECK_FALSE(Sid::parse(text));
  }
  CHECK_FALSE(Sid::from_bytes(""));
  CHECK_FALSE(Sid::from_bytes("\x01\x05\0\0\0\0\0\x05"s));              // five promised, none there
  CHECK_FALSE(Sid::from_bytes("\x02\x01\0\0\0\0\0\x05\x15\0\0\0"s));    // another revision
  CHECK_FALSE(Sid::from_bytes("\x01\x01\0\0\0\0\0\x05\x15\0\0\0\0"s));  // one byte too many
}

TEST_CASE("a GUID's first parts are little-endian on the wire") {
  const std::string bytes = "\x71\x69\x00\x0e\x05\xd7\x19\x40\xb3\x47\x0a\xf7\xc9\x46\x79\x34"s;
  const auto guid = Guid::from_bytes(bytes);
  REQUIRE(guid);
  CHECK(guid->text() == "0e006971-d705-4019-b347-0af7c9467934");
  CHECK(guid->wire_hex() == "7169000e05d71940b3470af7c9467934");
  CHECK(Guid::parse("0E006971-D705-4019-B347-0AF7C9467934") == guid);
  CHECK(Base::of(*guid).text() == "<GUID=7169000e05d71940b3470af7c9467934>");
  for (const char* text : {"", "0e006971d7054019b3470af7c9467934", "0e006971-d705-4019-b347-0af7c946793g",
                           "0e006971-d705-4019-b347-0af7c94679345", "{e006971-d705-4019-b347-0af7c946793}"}) {
    CAPTURE(text);
    CHECK_FALSE(Guid::parse(text));
  }
}

TEST_CASE("threat 12: a value cannot leave its place in a filter") {
  CHECK(Filter::equals("cn", "*)(objectClass=*").text() == "(cn=\\2a\\29\\28objectClass=\\2a)");
  CHECK(Filter::equals("cn", "a\\b").text() == "(cn=a\\5cb)");
  CHECK(Filter::equals("cn", "a\0b"s).text() == "(cn=a\\00b)");
  CHECK(Filter::equals("cn", "Zoë").text() == "(cn=Zo\\c3\\ab)");
  CHECK(Filter::equals("cn", "\xff\n").text() == "(cn=\\ff\\0a)");
  CHECK(Filter::equals("cn", "plain-1.example").text() == "(cn=plain-1.example)");

  const std::string huge(65'536, '*');
  CHECK(Filter::equals("cn", huge).text().size() == huge.size() * 3 + 5);
}

TEST_CASE("filters combine") {
  const Filter a = Filter::equals("a", "1");
  CHECK(Filter::all({a, Filter::any({Filter::present("b"), Filter::has_bits("c", 0x80)})}).text() ==
        "(&(a=1)(|(b=*)(c:1.2.840.113556.1.4.803:=128)))");
}

TEST_CASE("a DN is below another by its parts, not by its spelling") {
  const auto ou = Dn::parse("OU=Servers,DC=corp,DC=example,DC=test");
  REQUIRE(ou);
  CHECK(Dn::parse("CN=WEB01,OU=Servers,DC=corp,DC=example,DC=test")->is_below(*ou));
  CHECK(Dn::parse("cn=web01, ou=servers, dc=CORP, dc=example, dc=test")->is_below(*ou));
  CHECK(Dn::parse("CN=WEB01,OU=Linux,OU=\\53ervers,DC=corp,DC=example,DC=test")->is_below(*ou));
  CHECK_FALSE(ou->is_below(*ou));
  CHECK(ou->is_at_or_below(*ou));
  CHECK(Dn::parse("CN=x,CN=WEB01,OU=Servers,DC=corp,DC=example,DC=test")->depth() == 6);
}

TEST_CASE("threat 12: a name cannot pretend to lie elsewhere") {
  const auto ou = Dn::parse("OU=Servers,DC=corp,DC=example,DC=test");
  REQUIRE(ou);
  // An escaped comma is part of a value.
  CHECK_FALSE(Dn::parse("CN=X\\,OU=Servers,DC=corp,DC=example,DC=test")->is_at_or_below(*ou));
  CHECK_FALSE(Dn::parse("CN=WEB01,OU=Servers2,DC=corp,DC=example,DC=test")->is_at_or_below(*ou));
  CHECK_FALSE(Dn::parse("CN=WEB01,OU=Servers,DC=evil,DC=test")->is_at_or_below(*ou));
  CHECK_FALSE(Dn::parse("OU=Servers,DC=corp,DC=example,DC=test,DC=evil")->is_at_or_below(*ou));
  CHECK_FALSE(Dn::parse("CN=a+OU=Servers,DC=corp,DC=example,DC=test")->is_at_or_below(*ou));
  CHECK_FALSE(Dn::parse(""));
  CHECK_FALSE(Dn::parse("no name"));
  CHECK_FALSE(Dn::parse("CN=a\0,DC=b"s));
}
