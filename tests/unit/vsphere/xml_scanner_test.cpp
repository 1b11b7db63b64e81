#include "daemon/vsphere/xml_scanner.hpp"

#include <chrono>

#include <doctest/doctest.h>

#include "common/base/error.hpp"
#include "daemon/vsphere/xml_reader.hpp"

namespace decom::vsphere {
namespace {

std::string scanned(const std::string& text, std::size_t chunk = 1) {
  XmlScanner scanner;
  for (std::size_t i = 0; i < text.size(); i += chunk) scanner.feed(std::string_view(text).substr(i, chunk));
  return scanner.finish();
}

bool refused(const std::string& text) {
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, text.size() + 1}) {
    if (text.size() > 100'000 && chunk < 1000) continue;
    try {
      scanned(text, chunk);
      return false;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::protocol) return false;
    }
  }
  return true;
}

struct Item {
  std::string name, type;
};

std::vector<Item> streamed(const std::string& text, std::size_t chunk, XmlLimits limits = {},
                           std::string* skeleton = nullptr) {
  std::vector<Item> items;
  XmlScanner scanner(
      "objects",
      [&](std::string& piece) {
        const auto document = parse_xml_in_place(piece);
        auto wrapper = first_element(document);
        while (is_named(first_element(wrapper), "w")) wrapper = first_element(wrapper);
        for (auto o = child_named(wrapper, "objects"); o; o = next_named(o, "objects"))
          items.push_back({text_of(o, "name"), std::string(xsi_type(child_named(o, "name")))});
      },
      limits);
  for (std::size_t i = 0; i < text.size(); i += chunk) scanner.feed(std::string_view(text).substr(i, chunk));
  const std::string rest = scanner.finish();
  if (skeleton != nullptr) *skeleton = rest;
  return items;
}

TEST_CASE("a well-formed document passes as it is, however it is cut") {
  const std::string text =
      "\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<!-- a > b --><a x='>' y=\"</a>\"><b/><c>t &lt;<![CDATA[<d>]]></c ></a>\n";
  for (std::size_t chunk = 1; chunk < text.size() + 1; ++chunk) CHECK(scanned(text, chunk) == text);
}

TEST_CASE("what is not whole, balanced and plain is refused") {
  for (const char* bad : {"",
                          " ",
                          "no markup",
                          "<html",
                          "<a>",
                          "<a></b>",
                          "<a><b></a></b>",
                          "<a/><b/>",
                          "<a></a>tail",
                          "x<a/>",
                          "<a></a></a>",
                          "<!DOCTYPE a><a/>",
                          "<!doctype html><a/>",
                          "<a><!ENTITY x 'y'></a>",
                          "<a b='1' c=\"2></a>",
                          "<a><![CDATA[</a>",
                          "<a><!-- </a>",
                          "<a <b/></a>",
                          "< a/>",
                          "{\"json\":true}"})
    CHECK_MESSAGE(refused(bad), bad);
}

TEST_CASE("threat 16: bombs are refused quickly") {
  const auto begun = std::chrono::steady_clock::now();
  std::string laughs = "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol \"lol\">";
  for (int i = 0; i < 10; ++i)
    laughs += "<!ENTITY lol" + std::to_string(i) + " \"&lol;&lol;&lol;&lol;&lol;&lol;&lol;\">";
  CHECK(refused(laughs + "]><lolz>&lol9;</lolz>"));

  std::string quadratic = "<!DOCTYPE b [<!ENTITY a \"" + std::string(100'000, 'a') + "\">]><b>";
  for (int i = 0; i < 10'000; ++i) quadratic += "&a;";
  CHECK(refused(quadratic + "</b>"));

  std::string attributes = "<a";
  for (int i = 0; i < 100'000; ++i) attributes += " a" + std::to_string(i) + "='x'";
  CHECK(refused(attributes + "/>"));

  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  CHECK(refused(deep));
  std::string just_deep;
  for (int i = 0; i < 64; ++i) just_deep += "<a>";
  for (int i = 0; i < 64; ++i) just_deep += "</a>";
  CHECK_FALSE(refused(just_deep));
  CHECK(refused("<a>" + just_deep + "</a>"));

  CHECK(refused("<a>" + std::string(std::size_t{17} << 20, 'x') + "</a>"));
  CHECK(refused("<a b='" + std::string(std::size_t{2} << 20, 'x') + "'/>"));
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{10});  // unoptimised, and on a busy machine
}

TEST_CASE("streamed elements come in pieces, whole, with their prefixes, and the skeleton is what is left") {
  std::string text =
      "<e:Envelope xmlns:e='env' xmlns:odd='http://www.w3.org/2001/XMLSchema-instance'><e:Body><R xmlns='urn:vim25'>"
      "<returnval><token>t1</token>";
  for (int i = 0; i < 50; ++i)
    text += "<objects><obj type='VirtualMachine'>vm-" + std::to_string(i) + "</obj><name odd:type='string'>n" +
            std::to_string(i) + "<![CDATA[</objects>]]></name><!-- </objects> --></objects>";
  text += "<version>2</version></returnval></R></e:Body></e:Envelope>";
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{3}, std::size_t{100}, text.size()}) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{500}, std::size_t{1} << 20}) {
      XmlLimits limits;
      limits.piece_bytes = piece;
      std::string skeleton;
      const auto items = streamed(text, chunk, limits, &skeleton);
      REQUIRE(items.size() == 50);
      CHECK(items[49].name == "n49</objects>");
      CHECK(items[49].type == "string");
      const auto document = parse_xml(skeleton);
      const auto value = descend(document, {"Envelope", "Body", "R", "returnval"});
      CHECK(text_of(value, "token") == "t1");
      CHECK(text_of(value, "version") == "2");
      CHECK_FALSE(child_named(value, "objects"));
    }
  }
}

TEST_CASE("prefixed streamed elements are found too, and several parents do not mix") {
  const std::string text =
      "<S:E xmlns:S='s'><v:set xmlns:v='a'><v:objects><v:name>1</v:name></v:objects></v:set>"
      "<v:set xmlns:v='b'><v:objects><v:name>2</v:name></v:objects><v:objects/></v:set></S:E>";
  for (const std::size_t chunk : {std::size_t{1}, text.size()}) {
    const auto items = streamed(text, chunk);
    REQUIRE(items.size() == 3);
    CHECK(items[0].name == "1");
    CHECK(items[1].name == "2");
  }
}

TEST_CASE("one object above the limit is refused, many small ones are not") {
  XmlLimits limits;
  limits.object_bytes = 1000;
  limits.skeleton_bytes = 1000;
  std::string many = "<r>";
  for (int i = 0; i < 100; ++i) many += "<objects><name>" + std::string(900, 'x') + "</name></objects>";
  CHECK(streamed(many + "</r>", 64, limits).size() == 100);
  CHECK_THROWS_AS(streamed("<r><objects>" + std::string(2000, 'x') + "</objects></r>", 64, limits), Error);
}

}  // namespace
}  // namespace decom::vsphere
