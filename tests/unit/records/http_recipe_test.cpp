#include <filesystem>

#include <doctest/doctest.h>

#include "daemon/records/http_url.hpp"
#include "tests/support/recipe.hpp"

using namespace decom;

TEST_CASE("the recipes that are shipped have no mistakes") {
  int count = 0;
  for (const auto& file : std::filesystem::directory_iterator(std::string{DECOM_SOURCE_DIR} + "/packaging/records.d")) {
    if (file.path().extension() != ".toml") continue;
    ++count;
    const auto mistakes = http_mistakes(shipped_recipe(file.path().filename()));
    CHECK_MESSAGE(mistakes.empty(), (file.path().string() + ": " + (mistakes.empty() ? "" : mistakes.front())));
  }
  CHECK(count >= 13);
}

TEST_CASE("a place may cut a part out of what is there; what a removal leaves is said in three words") {
  auto recipe = shipped_recipe("icinga2.toml");
  recipe["item"] = from_toml(R"(
    items  = "/hosts/*"
    id     = { at = "/link", after = "/hosts/", before = "?" }
    name   = [{ at = "/a", before = ":" }, { at = "/b" }]
    fields = { pool = { at = "/link", after = "/pool/" } }
    what   = "{{pool}}"
    effect = { verb = "retire", done = "is retired", when = { at = "/state", equals = 7 } }
  )");
  CHECK(http_mistakes(recipe).empty());
  recipe["item"] = from_toml(R"(
    items  = "/hosts/*"
    id     = { after = "/hosts/", befor = "?" }
    name   = [{ at = "a" }]
    what   = "x"
    effect = { verb = "" }
  )");
  std::string all;
  for (const std::string& mistake : http_mistakes(recipe)) all += mistake + "\n";
  INFO(all);
  for (const char* wanted :
       {"/item/id: 'at' is missing", "/item/id/befor: unknown key 'befor': did you mean 'before'?",
        "/item/name/0/at: 'at' is 'a'; expected a JSON pointer", "/item/effect/verb: 'verb' is empty",
        "/item/effect: 'done' is missing", "/item/effect: 'when' is missing"})
    CHECK_MESSAGE(all.find(wanted) != std::string::npos, wanted);
}

TEST_CASE("what is wrong with a silence is said with its place") {
  auto recipe = shipped_recipe("alertmanager.toml");
  recipe["silence"] = from_toml(R"(
    for = "1m"
    of = "hosts"
    find = { path = "/silences", items = "/*", coment = "/comment" }
    set = { path = "/silences/{{silence}}", json = { until = "never" } }
    control = { path = "/status" }
  )");
  std::string all;
  for (const std::string& mistake : http_mistakes(recipe)) all += mistake + "\n";
  INFO(all);
  for (const char* wanted :
       {"/silence/for: 'for' is", "/silence/of: 'of' is 'hosts'; expected one of records, host",
        "/silence: 'lift' is missing", "/silence/find: 'id' is missing", "/silence/find: 'comment' is missing",
        "/silence/find/coment: unknown key 'coment': did you mean 'comment'?", "/silence/set: 'method' is missing",
        "/silence/set/path: 'path' has no variable 'silence' here", "/silence/set/path: it says {{comment}} nowhere",
        "/silence/set/path: it says none of {{until}}", "/silence/set/path: it says no {{id}}",
        "/silence/control: 'expect' is missing"})
    CHECK_MESSAGE(all.find(wanted) != std::string::npos, wanted);
  recipe["silence"] = from_toml(R"(
    of = "host"
    lift_first = true
    find = { path = "/silences", items = "/*", id = "/id", comment = "/comment" }
    set = { method = "POST", path = "/silences/{{id}}", json = "{{comment}} {{until}}", changes = false }
    lift = { method = "DELETE", path = "/silences/{{id}}" }
  )");
  all.clear();
  for (const std::string& mistake : http_mistakes(recipe)) all += mistake + "\n";
  INFO(all);
  for (const char* wanted :
       {"/silence/lift_first: 'lift_first' is for silences of records", "'changes' is false",
        "/silence/set/path: {{comment}} has other text around it", "/silence/lift/path: it says {{silence}} nowhere"})
    CHECK_MESSAGE(all.find(wanted) != std::string::npos, wanted);
}

TEST_CASE("every mistake of a recipe is said at once, with its place") {
  const auto recipe = from_toml(R"(
    url = "http://monitoring.example.test"
    ca_file = "a.pem"
    thumbprint = "SHA256:00"
    tmeout = "10s"
    [credential]
    type = "basic"
    username = "decom"
    [[find]]
    path = "hosts?name={{name}}"
    [[find]]
    path = "/hosts/{{nmae}}"
    method = "DELETE"
    [[find]]
    path = "/hosts"
    query = { q = "{{{name}}}" }
    headers = { "Bad Header" = "x" }
    [item]
    items = "results"
    id = "/id"
    what = "host {{nam}}"
    [read]
    path = "/hosts/{{id}}/{{name}}"
    [remove]
    path = "/hosts/{{id}}"
    changes = false
    [control]
    path = "/"
    [[codes]]
    means = "vanished"
    [[codes]]
    status = 404
    only = "delete"
    means = "gone"
    [pages]
    next = "/next"
    parameter = "page"
  )");
  std::string all;
  for (const std::string& mistake : http_mistakes(recipe)) all += mistake + "\n";
  INFO(all);
  for (const char* expected : {
           "/url: 'url' is 'http://monitoring.example.test'; expected https://",
           "/thumbprint: 'thumbprint' is 'SHA256:00'; expected SHA256: and 64",
           "/tmeout: unknown key 'tmeout': did you mean 'timeout'?",
           "/credential: 'password_file' is missing",
           "/find/0/path: 'path' is 'hosts?name={{name}}'; expected a path that begins with '/'",
           "/find/1/path: 'path' has no variable 'nmae' here: did you mean 'name'?",
           "/find/1/method: 'method' is DELETE; what only reads is GET or POST",
           "/find/2/query/q: 'q' has a raw variable",
           "/find/2/headers/Bad Header: 'Bad Header' is no header",
           "/item/items: 'items' is 'results'; expected a JSON pointer",
           "/item/what: 'what' has no variable 'nam' here: did you mean 'name'?",
           "/item: expected 'name', 'address', 'uuid' or 'mac'",
           "/read/path: 'path' has no variable 'name' here",
           "/remove: none of the requests of 'remove' changes anything",
           "/control: 'expect' is missing",
           "/codes/0/means: 'means' is 'vanished'; expected one of ok, gone, retry",
           "/codes/1/only: 'only' is 'delete'; expected one of find, read, remove",
           "/pages/next: expected one of 'next', 'parameter' and {{page}} in the requests of 'find'",
       })
    CHECK_MESSAGE(all.find(expected) != std::string::npos, expected);
}

TEST_CASE("pages are asked for in one way") {
  const auto mistakes = [](const std::string& find, const std::string& pages) {
    auto recipe = shipped_recipe("icinga2.toml");
    const auto more = from_toml(find + "\n" + pages);
    recipe["find"] = more.at("find");
    if (more.contains("pages")) recipe["pages"] = more.at("pages");
    std::string all;
    for (const std::string& mistake : http_mistakes(recipe)) all += mistake + "\n";
    return all;
  };
  const std::string with = "[[find]]\npath = \"/a\"\nquery = { p = \"{{page}}\" }";
  const std::string without = "[[find]]\npath = \"/a\"";
  CHECK(mistakes(with, "[pages]").empty());
  CHECK(mistakes(without, "[pages]\nparameter = \"p\"").empty());
  CHECK(mistakes(with, "").find("'p' has no variable 'page' here") != std::string::npos);
  for (const auto& [find, pages] :
       std::vector<std::pair<std::string, std::string>>{{without, "[pages]"},
                                                        {with, "[pages]\nparameter = \"p\""},
                                                        {with, "[pages]\nnext = \"/next\""},
                                                        {without, "[pages]\nnext = \"/next\"\nparameter = \"p\""}})
    CHECK_MESSAGE(mistakes(find, pages).find(": expected one of 'next', 'parameter'") != std::string::npos,
                  (find + pages));
  CHECK(mistakes(with + "\n" + without, "[pages]").find("not in every request") != std::string::npos);
  CHECK(mistakes(with + "\n[[find]]\npath = \"/{{page}}\"", "[pages]\ncursor = \"/c\"").find("no cursor") !=
        std::string::npos);
  CHECK(mistakes(with, "[pages]\nsize = 5").find("expected one of 'size_parameter' and {{page_size}}") !=
        std::string::npos);
  const std::string sized = "[[find]]\npath = \"/a\"\nquery = { p = \"{{page}}\", s = \"{{page_size}}\" }";
  CHECK(mistakes(sized, "[pages]\nsize = 5").empty());
  CHECK(mistakes(sized, "[pages]").find("'size' is missing") != std::string::npos);
}

TEST_CASE("plain HTTP is for loopback, or for who asks for it") {
  auto recipe = shipped_recipe("icinga2.toml");
  const auto url = [&](const std::string& text) {
    recipe["url"] = text;
    return http_mistakes(recipe).size();
  };
  for (const char* text : {"https://a.test", "https://[2001:db8::1]:8443/x/", "http://127.0.0.1:80", "http://[::1]/v1",
                           "http://localhost"})
    CHECK_MESSAGE(url(text) == 0, text);
  for (const char* text :
       {"http://a.test", "http://127.evil.test", "ftp://a.test", "https://u:p@a.test", "https://a.test?x=1",
        "https://a.test/#x", "https://", "a.test", "https://a b", "file:///etc/passwd"})
    CHECK_MESSAGE(url(text) == 1, text);
  recipe["plain"] = true;
  CHECK(url("http://a.test") == 0);
}

TEST_CASE("a link leads nowhere but to the same origin") {
  using http::follow;
  CHECK(follow("https://a.test/v1/hosts?x=1", "/v1/hosts?page=2") == "https://a.test/v1/hosts?page=2");
  CHECK(follow("https://a.test/v1/hosts", "?page=2") == "https://a.test/v1/hosts?page=2");
  CHECK(follow("https://a.test/v1", "https://A.test:443/v2").has_value());
  for (const char* link : {"https://b.test/", "http://a.test/", "https://a.test:444/", "//b.test/x",
                           "https://u@a.test/", "file:///etc/passwd"})
    CHECK_MESSAGE(!follow("https://a.test/v1", link), link);
}
