#include "daemon/records/http_template.hpp"

#include <doctest/doctest.h>

#include "common/base/error.hpp"

using namespace decom;
using namespace decom::http;

namespace {

std::string render(Place place, const std::string& text, const std::string& name) {
  return Template{place, text}.render({{"name", name}, {"id_path", name}, {"token", name}});
}

bool refuses(Place place, const std::string& text, const std::string& name) {
  try {
    render(place, text, name);
    return false;
  } catch (const Error& e) {
    return e.code() == ErrorCode::refused;
  }
}

}  // namespace

TEST_CASE("a value is escaped for the place where it stands") {
  CHECK(render(Place::segment, "{{name}}", "web 01?#%&") == "web%2001%3F%23%25%26");
  CHECK(render(Place::segment, "{{name}}", "é€") == "%C3%A9%E2%82%AC");
  CHECK(render(Place::query, "{{name}}", "a=b&c=/d+e") == "a%3Db%26c%3D%2Fd%2Be");
  CHECK(render(Place::json, "{{name}}", "\"},{\"") == "\"},{\"");
  CHECK(render(Place::header, "{{name}}", "*)(cn=*") == "*)(cn=*");
  CHECK(render(Place::plain, "host {{name}}", "a<b>&") == "host a<b>&");
  CHECK(render(Place::segment, "{{id_path}}", "record:host/ZG5z:web01/default") ==
        "record%3Ahost/ZG5z%3Aweb01/default");
  CHECK(render(Place::segment, "fixed", "x") == "fixed");
  // In a query the text around it is encoded as well: a filter has spaces and quotes.
  CHECK(render(Place::query, "Node == \"{{name}}\" & {{name}}", "web01") ==
        "Node%20%3D%3D%20%22web01%22%20%26%20web01");
  CHECK(render(Place::query, "a b", "x") == "a%20b");
}

TEST_CASE("a value that could become syntax, or cannot stand there, is refused by name") {
  for (const char* name : {"a/b", "..", ".", "", "a\\b", "x\ny", "\xFF"})
    CHECK(refuses(Place::segment, "{{name}}", name));
  for (const char* name : {"a/../b", "/a", "a//b", "../../etc"}) CHECK(refuses(Place::segment, "{{id_path}}", name));
  for (const char* name : {"x\r\nX-Evil: 1", "é", "a\x7F"}) CHECK(refuses(Place::header, "{{name}}", name));
  CHECK(refuses(Place::json, "{{name}}", "x\ny"));
  // Within a language that we do not know, only what is syntax in none.
  CHECK(render(Place::json, "name={{name}}", "web-01.example.test:80_a") == "name=web-01.example.test:80_a");
  for (const char* name : {"a^b", "a\" || true", "*", "a b", "$(reboot)", "a;b", "é"}) {
    CHECK(refuses(Place::json, "name={{name}}", name));
    CHECK(refuses(Place::query, "name={{name}}", name));
    CHECK(refuses(Place::segment, "x-{{name}}", name));
  }
}

TEST_CASE("a secret is never quoted, and cannot break a header") {
  CHECK(Template{Place::header, "Token {{token}}"}.render({{"token", "a+/="}}) == "Token a+/=");
  try {
    render(Place::header, "Token {{token}}", "hunter2\nX: y");
    FAIL("it was taken");
  } catch (const Error& e) {
    CHECK(std::string{e.what()}.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("a template that is more than text with known variables is a mistake") {
  const std::set<std::string, std::less<>> known{"name", "id_path", "token"};
  CHECK_FALSE(Template::mistake("a {{name}} b", known));
  CHECK_FALSE(Template::mistake("no variable, } or {", known));
  for (const char* text : {"{{{name}}}", "{{&name}}", "{{#name}}x{{/name}}", "{{!name}}", "{{>name}}", "{{=<% %>=}}",
                           "{{ name }}", "{{name", "{{}}", "{{Name}}", "{{nam}}", "a{{id_path}}", "{{token}}{{name}}"})
    CHECK_MESSAGE(Template::mistake(text, known), text);
  CHECK(*Template::mistake("{{nam}}", known) == "has no variable 'nam' here: did you mean 'name'?");
}

TEST_CASE("a JSON body keeps its shape, whatever a value is") {
  const auto body = nlohmann::json::parse(R"({"filter": {"host": ["{{name}}"], "n": 1}, "on": true})");
  const std::string evil = R"("}],"x":[{"a":")";
  const auto rendered = render_json(body, {{"name", evil}});
  CHECK(nlohmann::json::parse(rendered.dump()) ==
        nlohmann::json{{"filter", {{"host", {evil}}, {"n", 1}}}, {"on", true}});

  const auto number = nlohmann::json::parse(R"({"ids": [{"{{number}}": "{{id}}"}]})");
  CHECK(render_json(number, {{"id", "-42"}}).dump() == R"({"ids":[-42]})");
  for (const char* id : {"", "4 2", "42x", "1.5", "99999999999999999999", "\"42"})
    CHECK_THROWS_AS(render_json(number, {{"id", id}}), Error);
}
