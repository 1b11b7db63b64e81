#include "daemon/vsphere/xml_writer.hpp"

#include <random>

#include <doctest/doctest.h>

#include "common/base/error.hpp"
#include "daemon/vsphere/soap.hpp"
#include "daemon/vsphere/xml_reader.hpp"

namespace decom::vsphere {
namespace {

void append_utf8(std::string& text, char32_t c) {
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xC0 | (c >> 6));
    text += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    text += static_cast<char>(0xE0 | (c >> 12));
    text += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    text += static_cast<char>(0xF0 | (c >> 18));
    text += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    text += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (c & 0x3F));
  }
}

/// Any text that XML 1.0 can carry, with what breaks careless writers more often than chance would have it.
std::string any_text(std::mt19937& random) {
  static const std::vector<std::string> kNasty{
      "<",    ">",  "&",  "\"", "'",       "]]>",   "<!--",  "-->", "<![CDATA[",    "&lt;",     "&#0;",        "\r",
      "\r\n", "\n", "\t", " ",  "</name>", "<?x?>", "&amp;", "%",   "\xEF\xBB\xBF", "\xC2\x85", "\xE2\x80\xA8"};
  std::string text;
  const auto parts = random() % 12;
  for (std::size_t i = 0; i < parts; ++i) {
    if (random() % 2 == 0) {
      text += kNasty[random() % kNasty.size()];
      continue;
    }
    char32_t c = 0;
    do {
      c = static_cast<char32_t>(random() % (random() % 3 == 0 ? 0x110000 : 0x180));
    } while ((c < 0x20 && c != 9 && c != 10 && c != 13) || (c >= 0xD800 && c < 0xE000) || c == 0xFFFE || c == 0xFFFF);
    append_utf8(text, c);
  }
  return text;
}

TEST_CASE("threat 15: what is written reads back the same, whatever it is") {
  std::mt19937 random(20260101);  // NOLINT: the same cases at every run
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = any_text(random);
    const std::string attribute = any_text(random);
    XmlWriter writer;
    writer.open("root").open("value").attribute("of", attribute).text(text).close().element("next", "x");
    const auto document = read_document(writer.finish());
    const auto value = child_named(first_element(document), "value");
    REQUIRE(text_of(value) == text);
    REQUIRE(value.attribute("of").value() == attribute);
    REQUIRE(text_of(first_element(document), "next") == "x");
  }
}

TEST_CASE("what XML cannot carry is refused, and not repeated in the message") {
  for (const std::string& bad : {std::string("a\0b", 3), std::string("secret\x01"), std::string("\x1B[31m"),
                                 std::string("\xFF"), std::string("\xC3"), std::string("\xED\xA0\x80"),
                                 std::string("\xEF\xBF\xBE"), std::string("\xEF\xBF\xBF"), std::string("\xC0\x80")}) {
    XmlWriter writer;
    writer.open("a");
    try {
      writer.text(bad);
      FAIL("it was taken");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::invalid);
      CHECK(std::string(error.what()).find("secret") == std::string::npos);
    }
  }
  XmlWriter writer;
  CHECK_THROWS_AS(writer.open("a b"), Error);
  CHECK_THROWS_AS(writer.open("1"), Error);
}

TEST_CASE("threat 15: a request cannot be escaped from") {
  SoapCall call("FindByName", {"SearchIndex", "SearchIndex\"/><x>"});
  call.element("name",
               "</name></FindByName><Destroy_Task xmlns=\"urn:vim25\"><_this type=\"VirtualMachine\">vm-1</_this>");
  const auto document = read_document(call.envelope());
  const auto body = descend(first_element(document), {"Body"});
  CHECK(is_named(first_element(body), "FindByName"));
  CHECK_FALSE(next_named(first_element(body), "Destroy_Task"));
  CHECK(moref_of(descend(body, {"FindByName", "_this"})).value == "SearchIndex\"/><x>");
}

}  // namespace
}  // namespace decom::vsphere
