#include "daemon/records/http_document.hpp"

#include <doctest/doctest.h>

#include "common/base/error.hpp"

using namespace decom;
using namespace decom::http;
using Texts = std::vector<std::string>;

namespace {

Texts texts(const Document& document, Format format, const std::string& at) {
  return document.texts(Selector{format, at});
}

bool is_protocol_error(const std::function<void()>& call) {
  try {
    call();
    return false;
  } catch (const Error& e) {
    return e.code() == ErrorCode::protocol;
  }
}

}  // namespace

TEST_CASE("a JSON pointer selects by RFC 6901, and * each item") {
  const Document document(Format::json,
                          R"({"a": [{"n": "x", "ip": ["1", "2"]}, {"n": "y", "ip": []}], "m~n": 8, "k/l": 1.5,
      "whole": 200.0, "yes": true, "none": null, "": 0, "o": {"p": 1, "q": 2}})");
  const auto at = [&](const std::string& pointer) { return texts(document, Format::json, pointer); };
  CHECK(at("/a/*/n") == Texts{"x", "y"});
  CHECK(at("/a/*/ip/*") == Texts{"1", "2"});
  CHECK(at("/a/1/n") == Texts{"y"});
  CHECK(at("/a/2/n").empty());
  CHECK(at("/a/01/n").size() == 1);
  CHECK(at("/m~0n") == Texts{"8"});
  CHECK(at("/k~1l") == Texts{"1.5"});
  CHECK(at("/whole") == Texts{"200"});
  CHECK(at("/yes") == Texts{"true"});
  CHECK(at("/none") == Texts{"null"});
  CHECK(at("/") == Texts{"0"});
  CHECK(at("/o/*") == Texts{"1", "2"});
  CHECK(at("/a/0/ip") == Texts{R"(["1","2"])"});
  CHECK(Selector::mistake(Format::json, "a/b"));
  CHECK(Selector::mistake(Format::json, "/a~b"));
  CHECK_FALSE(Selector::mistake(Format::json, ""));
}

TEST_CASE("a part is cut out of what is there: behind the first text, as far as the next") {
  const Document document(Format::json, R"({"link": "https://h/pool/p1/members/web01:80?ver=17", "name": "web01:80"})");
  const auto cut = [&](const std::string& at, const std::string& after, const std::string& before) {
    return document.texts(Selector{Format::json, at, {.after = after, .before = before}});
  };
  CHECK(cut("/link", "/pool/", "/members") == Texts{"p1"});
  CHECK(cut("/link", "/members/", "?") == Texts{"web01:80"});
  CHECK(cut("/link", "/members/", "#") == Texts{"web01:80?ver=17"});
  CHECK(cut("/name", "", ":") == Texts{"web01"});
  CHECK(cut("/*", "ver=", "") == Texts{"17"});
  CHECK(cut("/name", "/pool/", "").empty());
}

TEST_CASE("a * may want its items to say something") {
  const Document document(Format::json, R"({"matchers": [
      {"name": "instance", "value": "web01:9100", "isRegex": false}, {"name": "instance", "value": "web.*", "isRegex": true},
      {"name": "a/b]", "value": "7", "n": 200.0}], "facts": {"x": {"k": "1", "v": "2"}, "y": "text"}})");
  const auto at = [&](const std::string& pointer) { return texts(document, Format::json, pointer); };
  CHECK(at("/matchers/*[name=instance]/value") == Texts{"web01:9100", "web.*"});
  CHECK(at("/matchers/*[name=instance][isRegex=false]/value") == Texts{"web01:9100"});
  CHECK(at("/matchers/*[n=200]/value") == Texts{"7"});
  CHECK(at("/matchers/*[name=]/value").empty());
  CHECK(at("/matchers/*[other=instance]/value").empty());
  CHECK(at("/facts/*[k=1]/v") == Texts{"2"});
  CHECK(document.items(Selector{Format::json, "/matchers/*[name=instance]"}).size() == 2);
  CHECK(document.items(Selector{Format::json, "/matchers/*[name=other]"}).empty());
  CHECK(is_protocol_error([&] { (void)document.items(Selector{Format::json, "/other/*[name=instance]"}); }));
  for (const char* wrong : {"/a/*[", "/a/*[]", "/a/*[name]", "/a/*[=x]", "/a/*[a=b", "/a/*[a=b]c", "/a/*[a=b]["})
    CHECK_MESSAGE(Selector::mistake(Format::json, wrong), wrong);
}

TEST_CASE("an answer of another shape is no empty list") {
  const Document error(Format::json, R"({"error": {"code": -32500}, "data": "x", "none": null, "empty": []})");
  const auto items = [&](const std::string& at) { return error.items(Selector{Format::json, at}); };
  CHECK(is_protocol_error([&] { items("/result/*"); }));
  CHECK(is_protocol_error([&] { items("/data/*"); }));
  CHECK(is_protocol_error([&] { items("/result"); }));
  CHECK(items("/empty/*").empty());
  CHECK(items("/none").empty());
  CHECK(items("/error").size() == 1);
}

TEST_CASE("XML is read by XPath, without DOCTYPE and not for ever deep") {
  const Document document(Format::xml,
                          "<hosts><host id='7'><name>web01</name><ip>10.0.0.1</ip></host><host id='8'/></hosts>");
  CHECK(texts(document, Format::xml, "//host/@id") == Texts{"7", "8"});
  const auto items = document.items(Selector{Format::xml, "/hosts/host"});
  REQUIRE(items.size() == 2);
  CHECK(items[0].texts(Selector{Format::xml, "name"}) == Texts{"web01"});
  CHECK(items[1].texts(Selector{Format::xml, "name"}).empty());
  CHECK(items[1].image() == R"(<host id="8"/>)");
  CHECK(Selector::mistake(Format::xml, "//host["));
  CHECK(Selector::mistake(Format::xml, "count(//host)"));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  CHECK(is_protocol_error([&] { Document(Format::xml, "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"); }));
  for (int i = 0; i < 100'000; ++i) deep += "</a>";
  CHECK(is_protocol_error([&] { Document(Format::xml, deep); }));
}

TEST_CASE("garbage is told as such") {
  for (const std::string& body :
       {std::string{"<html>"}, std::string{"{"}, std::string(100'000, '['), std::string{"{} {}"}})
    CHECK(is_protocol_error([&] { Document(Format::json, body); }));
}
