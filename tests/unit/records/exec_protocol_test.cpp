#include "daemon/records/exec_protocol.hpp"

#include <doctest/doctest.h>

using namespace decom;

namespace {

ExecOutput read_all(ExecVerb verb, std::string_view text, const ExecOutput::Say& say = {}) {
  ExecOutput output(verb, say);
  output.take(text);
  output.finish();
  return output;
}

std::string mistake_of(ExecVerb verb, std::string_view text) { return read_all(verb, text).mistake(); }

constexpr std::string_view kResult = "{\"type\":\"result\",\"status\":\"ok\",\"control\":\"128 hosts\"}\n";

}  // namespace

TEST_CASE("lines are read the same however their bytes arrive") {
  const std::string text =
      R"({"type":"record","id":"7","what":"host ü","before":"b","facts":{"name":"web01","ip":["10.0.2.1",""],"mac":"00:50:56:8a:0b:1c"},)"
      R"("against":"it is leased","forbidden":"it is a gateway"})"
      "\n" +
      std::string(kResult);
  for (std::size_t piece = 1; piece < text.size(); piece += 7) {
    ExecOutput output(ExecVerb::observe, {});
    for (std::size_t at = 0; at < text.size(); at += piece) output.take(std::string_view(text).substr(at, piece));
    output.finish();
    REQUIRE(output.mistake().empty());
    REQUIRE(output.records().size() == 1);
    const ExecRecord& one = output.records().front();
    CHECK(one.record.what == "host ü");
    CHECK(one.facts.names == std::vector<std::string>{"web01"});
    CHECK(one.facts.addresses == std::vector<std::string>{"10.0.2.1"});
    CHECK(one.facts.uuids.empty());
    CHECK(one.facts.macs == std::vector<std::string>{"00:50:56:8a:0b:1c"});
    CHECK(one.record.against == std::vector<std::string>{"it is leased"});
    CHECK(one.record.forbidden == "it is a gateway");
    CHECK(output.outcome().control == "128 hosts");
  }
}

TEST_CASE("every way not to speak the protocol is said with its line") {
  using enum ExecVerb;
  const std::string result(kResult);
  CHECK(mistake_of(observe, "") == "it wrote nothing");
  CHECK(mistake_of(observe, "{\"type\":\"log\",\"message\":\"x\"}\n") == "it wrote no result");
  CHECK(mistake_of(observe, "\n" + result).starts_with("line 1 of its output: cannot parse the JSON"));
  CHECK(mistake_of(observe, result.substr(0, result.size() - 1)) ==
        "line 1 of its output: it has no end: a line ends with a newline");
  CHECK(mistake_of(observe, result + result).starts_with("line 2 of its output: it comes after the result"));
  CHECK(mistake_of(observe, result + "{\"type\":\"log\",\"message\":\"x\"}\n")
            .starts_with("line 2 of its output: it comes"));
  CHECK(mistake_of(observe, "[]\n") == "line 1 of its output: it is no JSON object");
  CHECK(mistake_of(observe, "{\"type\":\"recrod\"}\n").find("'type' is none of") != std::string::npos);
  CHECK(mistake_of(observe, "{\"type\":7}\n").find("'type' is none of") != std::string::npos);
  CHECK(mistake_of(observe, "{\"type\":\"log\",\"message\":\"\xff\"}\n") == "line 1 of its output: it is not UTF-8");
  CHECK(mistake_of(observe, "{\"type\":\"log\",\"type\":\"log\"}\n").find("twice") != std::string::npos);
  CHECK(mistake_of(observe, std::string(40, '[') + "\n").find("nested deeper") != std::string::npos);
  CHECK(mistake_of(observe, std::string(70'000, ' ') + "\n") == "line 1 of its output: it is longer than 64 KiB");
  CHECK(mistake_of(observe, "{\"type\":\"result\",\"status\":\"done\"}\n").find("'status' is none of") !=
        std::string::npos);
  CHECK(mistake_of(observe, "{\"type\":\"result\",\"status\":\"ok\"}\n").find("no 'control'") != std::string::npos);
  CHECK(mistake_of(observe, "{\"type\":\"result\",\"status\":\"changed\"}\n").find("only 'apply'") !=
        std::string::npos);
  CHECK(mistake_of(observe, "{\"type\":\"result\",\"status\":\"ok\",\"controll\":\"x\"}\n")
            .find("'controll' is not known") != std::string::npos);
  CHECK(mistake_of(describe, kResult) == "line 1 of its output: 'name' is missing");
  CHECK(mistake_of(apply, "{\"type\":\"record\"}\n").find("only 'observe' writes records") != std::string::npos);
  CHECK(mistake_of(apply, "{\"type\":\"progress\",\"percent\":101}\n").find("not from 0 to 100") != std::string::npos);
  CHECK(mistake_of(apply, "{\"type\":\"result\",\"status\":\"ok\"}\n").empty());
}

TEST_CASE("a record says all that is needed to remove it safely, and nothing that is misspelled") {
  const auto mistake = [](const std::string& keys) {
    return mistake_of(ExecVerb::observe, "{\"type\":\"record\"," + keys + "}\n" + std::string(kResult));
  };
  CHECK(mistake(R"("id":"1","what":"w","before":"b","facts":{})").empty());
  CHECK(mistake(R"("id":"","what":"w","before":"b","facts":{})").find("'id' is empty") != std::string::npos);
  CHECK(mistake(R"("id":7,"what":"w","before":"b","facts":{})").find("'id' is no string") != std::string::npos);
  CHECK(mistake(R"("id":"1","what":"w","facts":{})").find("'before' is missing") != std::string::npos);
  CHECK(mistake(R"("id":"1","what":"w","before":"b")").find("'facts' is missing") != std::string::npos);
  CHECK(mistake(R"("id":"1","what":"w","before":"b","facts":{"serial":"x"})").find("'facts' has 'serial'") !=
        std::string::npos);
  CHECK(mistake(R"("id":"1","what":"w","before":"b","facts":{"ip":[1]})").find("'ip' is no string") !=
        std::string::npos);
  CHECK(mistake(R"("id":"1","what":"w","before":"b","facts":{},"agianst":"x")").find("'agianst' is not known") !=
        std::string::npos);
  CHECK(mistake(R"("id":"1","what":"w","before":"b","facts":{}})"
                "\n"
                R"({"type":"record","id":"1","what":"v","before":"b","facts":{})")
            .find("line 2 of its output: it has the id of another record") == 0);
  CHECK(mistake_of(ExecVerb::observe, R"({"type":"record","id":"1","what":"w","before":"b","facts":{}})"
                                      "\n"
                                      R"({"type":"result","status":"gone","control":"c"})"
                                      "\n")
            .find("it says 'gone' behind a record") != std::string::npos);
}

TEST_CASE("texts go out as they come, and not without end") {
  std::vector<std::string> heard;
  const auto say = [&](bool warning, const std::string& text) { heard.push_back((warning ? "! " : "") + text); };
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += "{\"type\":\"log\",\"message\":\"" + std::to_string(i) + "\"}\n";
  const auto output = read_all(ExecVerb::observe, text + std::string(kResult), say);
  CHECK(output.mistake().empty());
  REQUIRE(heard.size() == 201);
  CHECK(heard.front() == "0");
  CHECK(heard.back().starts_with("! it says more than"));

  heard.clear();
  const auto lengthy =
      read_all(ExecVerb::observe,
               "{\"type\":\"warning\",\"message\":\"" + std::string(1'999, 'a') + "ü\"}\n" + std::string(kResult), say);
  REQUIRE(heard.size() == 1);
  CHECK(heard.front() == "! " + std::string(1'999, 'a') + "…");
}

TEST_CASE("what vSphere says reaches a program as data, whatever is in it") {
  Machine machine;
  machine.vcenter = "lab";
  machine.identity.moref = "vm-7";
  machine.identity.instance_uuid = "5007";
  machine.mac_addresses = {"00:50:56:8a:0b:1c"};
  machine.power = PowerState::off;
  for (const std::string name : {"*)(cn=*", "$(reboot)", "a;b", "x\ny", "\"},{\"", "../../", "web\xff"}) {
    machine.name = name;
    const auto input = nlohmann::json::parse(exec_input(&machine, nullptr));
    if (name != "web\xff") CHECK(input["machine"]["name"] == name);
    CHECK(input["protocol"] == 1);
    CHECK(input["machine"]["id"] == "lab:vm-7");
    CHECK(input["machine"]["uuids"] == nlohmann::json::array({"5007"}));
    CHECK(input["machine"]["macs"] == nlohmann::json::array({"00:50:56:8a:0b:1c"}));
    CHECK(input["machine"]["power"] == "off");
    CHECK_FALSE(input.contains("record"));
  }
  const Record record{.id = "7", .what = "host", .before = "b"};
  const auto input = nlohmann::json::parse(exec_input(&machine, &record));
  CHECK(input["record"] == nlohmann::json{{"id", "7"}, {"what", "host"}, {"before", "b"}});
}
