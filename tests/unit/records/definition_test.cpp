#include "daemon/records/definition.hpp"

#include <doctest/doctest.h>

using namespace decom;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

std::vector<Finding> mistakes_of(const json& object, const std::function<void(DefinitionReader&)>& read) {
  std::vector<Finding> mistakes;
  {
    DefinitionReader reader(object, "", mistakes);
    read(reader);
  }
  return mistakes;
}

}  // namespace

TEST_CASE("a definition is read by type, and every value lands where it was asked for") {
  std::string url;
  std::int64_t port = 0;
  bool verify = true;
  std::vector<std::string> zones;
  std::vector<std::int64_t> codes;
  std::chrono::milliseconds timeout{};
  std::string path;
  std::vector<std::string> names;
  const json object =
      json::parse(R"({"url": "https://a", "port": 53, "verify": false, "zones": ["a", "b"], "codes": 200,
      "timeout": "10s", "find": {"path": "/x"}, "facts": [{"name": "one"}, {"name": "two"}]})");
  CHECK(mistakes_of(object, [&](DefinitionReader& reader) {
          CHECK(reader.string("url", url));
          CHECK(reader.integer("port", port, 1, 65'535));
          CHECK(reader.boolean("verify", verify));
          CHECK(reader.strings("zones", zones));
          CHECK(reader.integers("codes", codes, 100, 599));
          CHECK(reader.duration("timeout", timeout, 1s, 1min));
          CHECK(reader.table("find", [&](DefinitionReader& find) { find.string("path", path); }));
          CHECK(reader.tables("facts", [&](DefinitionReader& fact) { fact.string("name", names.emplace_back()); }));
          CHECK_FALSE(reader.string("absent", url));
        }).empty());
  CHECK(url == "https://a");
  CHECK(port == 53);
  CHECK_FALSE(verify);
  CHECK(zones == std::vector<std::string>{"a", "b"});
  CHECK(codes == std::vector<std::int64_t>{200});
  CHECK(timeout == 10s);
  CHECK(path == "/x");
  CHECK(names == std::vector<std::string>{"one", "two"});
}

TEST_CASE("every mistake of a definition is said at once, with its place") {
  const json object =
      json::parse(R"({"url": 7, "port": 70000, "zone": "a", "timeout": "soon", "find": {"pth": "/x"}})");
  std::string text;
  std::int64_t number = 0;
  std::vector<std::string> zones;
  std::chrono::milliseconds timeout{};
  const auto mistakes = mistakes_of(object, [&](DefinitionReader& reader) {
    reader.require("name");
    reader.string("url", text);
    reader.integer("port", number, 1, 65'535);
    reader.strings("zones", zones);
    reader.duration("timeout", timeout, 1s, 1min);
    reader.table("find", [&](DefinitionReader& find) { find.string("path", text); });
  });
  std::vector<std::string> places;
  for (const Finding& mistake : mistakes) places.push_back(mistake.where + ": " + mistake.what);
  REQUIRE(places.size() == 6);
  CHECK(places[0] == ": 'name' is missing");
  CHECK(places[1] == "/url: 'url' is a whole number; expected a string");
  CHECK(places[2] == "/port: 'port' is 70000; expected 1 to 65535");
  CHECK(places[3].starts_with("/timeout: 'timeout' is 'soon'; "));
  CHECK(places[4] == "/find/pth: unknown key 'pth': did you mean 'path'?");
  CHECK(places[5] == "/zone: unknown key 'zone': did you mean 'zones'?");
}
