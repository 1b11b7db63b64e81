#include "daemon/notices/shape.hpp"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "common/base/json.hpp"
#include "common/base/text.hpp"
#include "daemon/notices/markup.hpp"
#include "daemon/notices/words.hpp"
#include "daemon/records/http_template.hpp"

namespace decom::notices {
namespace {

constexpr const char* kEach = "each";
constexpr const char* kLine = "line";
/// Discord takes 4096 characters in a description, Slack 3000 in a section; an escaped character may be two.
constexpr std::size_t kLongestText = 2800;

const std::set<std::string, std::less<>>& variables() {
  static const std::set<std::string, std::less<>> names{
      "title", "text", "line", "level",    "what",      "request", "requester", "reason",    "ticket",  "at",
      "id",    "host", "look", "machines", "succeeded", "failed",  "cancelled", "attention", "warnings"};
  return names;
}

bool is_repeated(const Json& item) {
  const auto each = item.is_object() ? item.find(kEach) : item.end();
  return item.is_object() && each != item.end() && *each == kLine;
}

/// A value was written for its markup before, and serialising writes it for JSON: nothing is left to escape here.
std::string render(const std::string& text, const http::Values& values) {
  return http::Template{http::Place::plain, text}.render(values);
}

Json render(const Json& value, http::Values& values, const std::vector<std::string>& lines) {
  if (value.is_string()) return render(value.get_ref<const std::string&>(), values);
  if (value.is_object()) {
    Json object = Json::object();
    for (const auto& [key, member] : value.items()) object[key] = render(member, values, lines);
    return object;
  }
  if (!value.is_array()) return value;
  Json list = Json::array();
  for (const Json& item : value) {
    if (!is_repeated(item)) {
      list.push_back(render(item, values, lines));
      continue;
    }
    Json one = item;
    one.erase(kEach);
    for (const std::string& line : lines) {
      values[kLine] = line;
      list.push_back(render(one, values, lines));
    }
  }
  return list;
}

void find_mistakes(const Json& value, const std::string& pointer, bool repeated, std::vector<Finding>& found) {
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    const auto names = http::variables_of(text);
    if (auto wrong = http::Template::mistake(text, variables())) {
      found.push_back({pointer, *std::move(wrong)});
    } else if (!repeated && std::ranges::find(names, kLine) != names.end()) {
      found.push_back({pointer, "has '{{line}}' outside of an item of a list with each = \"line\""});
    }
  }
  if (value.is_object())
    for (const auto& [key, member] : value.items())
      find_mistakes(member, fmt::format("{}/{}", pointer, key), repeated, found);
  if (value.is_array())
    for (std::size_t i = 0; i < value.size(); ++i)
      find_mistakes(value[i], fmt::format("{}/{}", pointer, i), repeated || is_repeated(value[i]), found);
}

int count_of(const RequestFacts& facts, DecommissionState state) {
  const auto counts = facts.counts();
  const auto found = counts.find(state);
  return found == counts.end() ? 0 : found->second;
}

/// Whole lines as far as they fit.
std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    if (text.size() + line.size() > kLongestText) return text + "\n…";
    text += (text.empty() ? "" : "\n") + line;
  }
  return text;
}

http::Values values_of(const Notice& notice, Markup markup, const Words& words) {
  const RequestFacts& facts = notice.facts;
  const auto number = [&](DecommissionState state) { return std::to_string(count_of(facts, state)); };
  return {{"title", words.title},
          {"text", text_of(words.lines)},
          {"line", ""},
          {"level", std::string(level_of(notice))},
          {"what", std::string(notice.what())},
          {"request", notice.request() == 0 ? "" : std::to_string(notice.request())},
          {"requester", written(facts.requester, markup)},
          {"reason", written(facts.reason, markup)},
          {"ticket", written(facts.ticket, markup)},
          {"at", to_rfc3339(notice.draft.at)},
          {"id", notice.id},
          {"host", written(notice.host, markup)},
          {"look", how_to_look(notice)},
          {"machines", std::to_string(facts.machines.size())},
          {"succeeded", number(DecommissionState::succeeded)},
          {"failed", number(DecommissionState::failed)},
          {"cancelled", number(DecommissionState::cancelled)},
          {"attention", number(DecommissionState::needs_attention)},
          {"warnings", std::to_string(facts.warnings())}};
}

Json text_block(const char* type, const char* text) {
  return {{"type", type}, {"text", {{"type", "plain_text"}, {"text", text}, {"emoji", false}}}};
}

std::vector<Shape> make_shapes() {
  // `plain_text` knows neither formats nor mentions (api.slack.com, "Text object").
  Json slack{{"text", "{{title}}"},
             {"blocks", Json::array({text_block("header", "{{title}}"), text_block("section", "{{text}}")})}};
  // A TextRun knows no Markdown, a TextBlock would (adaptivecards.io, "TextRun"). What Workflows and the older incoming
  // webhooks of Teams take is a message with one card.
  Json card{
      {"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
      {"type", "AdaptiveCard"},
      {"version", "1.4"},
      {"body",
       Json::array(
           {{{"type", "RichTextBlock"},
             {"inlines",
              Json::array({{{"type", "TextRun"}, {"text", "{{title}}"}, {"weight", "Bolder"}, {"size", "Medium"}}})}},
            {{kEach, kLine},
             {"type", "RichTextBlock"},
             {"spacing", "Small"},
             {"inlines", Json::array({{{"type", "TextRun"}, {"text", "{{line}}"}}})}}})}};
  Json teams{{"type", "message"},
             {"attachments", Json::array({{{"contentType", "application/vnd.microsoft.card.adaptive"},
                                           {"contentUrl", nullptr},
                                           {"content", std::move(card)}}})}};
  // An empty `parse` lets nothing be a mention (discord.com/developers, "Allowed mentions object").
  Json discord{{"embeds", Json::array({{{"title", "{{title}}"}, {"description", "{{text}}"}}})},
               {"allowed_mentions", {{"parse", Json::array()}}}};
  return {{"slack", Markup::slack, std::move(slack)},
          {"teams", Markup::plain, std::move(teams)},
          {"discord", Markup::discord, std::move(discord)},
          {"generic", Markup::plain, nullptr}};
}

}  // namespace

const std::vector<Shape>& shipped_shapes() {
  static const std::vector<Shape> shapes = make_shapes();
  return shapes;
}

std::vector<Finding> mistakes_in_body(const Json& body) {
  std::vector<Finding> found;
  find_mistakes(body, "", false, found);
  return found;
}

std::string body_of(const WebhookOptions& options, const Notice& notice) {
  Json body;
  if (options.body.is_null()) {
    body = json_of(notice);
  } else {
    const Words words = words_of(notice, options.markup);
    auto values = values_of(notice, options.markup, words);
    body = render(options.body, values, words.lines);
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json json_of(const Notice& notice) {
  const Words words = words_of(notice, Markup::plain);
  const RequestFacts& facts = notice.facts;
  Json json{{"id", notice.id},
            {"what", notice.what()},
            {"level", level_of(notice)},
            {"at", to_rfc3339(notice.draft.at)},
            {"host", notice.host},
            {"title", words.title},
            {"text", join(words.lines, "\n")}};
  if (notice.kind == Notice::Kind::summary) {
    json["requests"] = Json::array();
    for (const auto& [request, row] : notice.summary.requests)
      if (request != 0)
        json["requests"].push_back({{"request", request},
                                    {"requester", row.requester},
                                    {"started", row.started},
                                    {"state", row.finished},
                                    {"failed", row.failed},
                                    {"attention", row.attention}});
  }
  if (notice.kind != Notice::Kind::request) return json;
  json["request"] = notice.request();
  json["requester"] = facts.requester;
  json["reason"] = facts.reason;
  json["ticket"] = facts.ticket;
  json["warnings"] = facts.warnings();
  Json counts = Json::object();
  for (const auto& [state, count] : facts.counts()) counts[std::string(to_string(state))] = count;
  json["counts"] = std::move(counts);
  json["machines"] = Json::array();
  for (const RequestFacts::MachineFacts& machine : facts.machines)
    json["machines"].push_back({{"id", fmt::format("{}.{}", notice.request(), machine.ordinal)},
                                {"name", machine.name},
                                {"vcenter", machine.vcenter},
                                {"state", to_string(machine.state)},
                                {"reason", machine.reason},
                                {"warnings", machine.warnings}});
  return json;
}

}  // namespace decom::notices
