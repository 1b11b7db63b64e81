#include <algorithm>
#include <string>
#include <string_view>

#include "daemon/records/http_tables.hpp"

namespace decom::http {
namespace {

using namespace std::chrono_literals;

constexpr Words<bool, 2> kSilenced{{{"records", false}, {"host", true}}};

/// The request that finds our silences again, and where it says what.
void read_silences(DefinitionReader& table, const Parts& parts, const Known& about, SilenceRecipe& silence) {
  silence.find = parts.request(table, about, false);
  const auto place = [&](std::string_view key, Selector& target) {
    std::optional<Selector> at;
    table.require(key);
    parts.selector(table, key, at);
    if (at) target = *at;
  };
  place("items", silence.items);
  place("id", silence.id);
  place("comment", silence.comment);
  parts.selector(table, "until", silence.until);
  parts.expectations(table, "gone", {}, silence.gone);
}

/// Whether the comment is a value of its own wherever it stands: its beginning is what the silence is known by.
bool is_comment_whole(const nlohmann::json& value) {
  constexpr std::string_view kComment = "{{comment}}";
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text == kComment || text.find(kComment) == std::string::npos;
  }
  return !value.is_structured() ||
         std::ranges::all_of(value, [](const nlohmann::json& part) { return is_comment_whole(part); });
}

bool is_comment_whole(const Request& request) {
  if (request.body && !is_comment_whole(*request.body)) return false;
  for (const auto* list : {&request.query, &request.form})
    for (const auto& [name, part] : *list)
      if (!is_comment_whole(nlohmann::json(part.text()))) return false;
  return true;
}

void require_change(DefinitionReader& table, const Request& request) {
  table.require("method");
  if (!request.changes) table.mistake("changes", "'changes' is false: it would do nothing");
}

}  // namespace

SilenceRecipe read_silence(DefinitionReader& table, const Parts& parts, const Item& item) {
  SilenceRecipe silence;
  table.duration("for", silence.lasts, 5min, 30 * 24h);
  read_word(table, "of", kSilenced, silence.of_host);
  table.boolean("lift_first", silence.lift_first);
  if (silence.of_host && silence.lift_first)
    table.mistake("lift_first", "'lift_first' is for silences of records, and 'of' is 'host'");
  const Known about = kAlways + (silence.of_host ? Known{"id"} : id_variables(item)) + Known{"mark"};
  for (const char* key : {"find", "set", "lift"}) table.require(key);
  table.table("find", [&](DefinitionReader& inner) { read_silences(inner, parts, about, silence); });
  table.table("set", [&](DefinitionReader& inner) {
    silence.set = parts.request(
        inner, about + Known{"request", "comment", "from", "until", "from_unix", "until_unix", "seconds"}, true);
    require_change(inner, silence.set);
    const auto used = silence.set.variables();
    if (!used.contains("comment"))
      inner.mistake("path", "it says {{comment}} nowhere: by that the silence is found again");
    else if (!is_comment_whole(silence.set))
      inner.mistake("path", "{{comment}} has other text around it: by its beginning the silence is found again");
    if (!used.contains("until") && !used.contains("until_unix") && !used.contains("seconds"))
      inner.mistake("path", "it says none of {{until}}, {{until_unix}} and {{seconds}}: a silence ends by itself");
    if (std::ranges::none_of(used, [](const std::string& name) { return name.starts_with("id"); }))
      inner.mistake("path", "it says no {{id}}: whatever it silences is not this machine alone");
  });
  table.table("lift", [&](DefinitionReader& inner) {
    silence.lift = parts.request(inner, about + Known{"silence"}, true);
    require_change(inner, silence.lift);
    if (!silence.lift.variables().contains("silence"))
      inner.mistake("path", "it says {{silence}} nowhere: it would lift another one");
  });
  Parts::each(table, "control", [&](DefinitionReader& inner) {
    silence.control.push_back(parts.request(inner, kAlways, false));
    if (silence.control.back().expect.empty())
      inner.mistake("expect", "'expect' is missing: a control shows something that must exist");
  });
  return silence;
}

}  // namespace decom::http
