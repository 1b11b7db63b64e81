#include "daemon/records/http_silence.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/core.h>

#include "common/base/text.hpp"
#include "daemon/records/http_record.hpp"

namespace decom::http {
namespace {

using namespace std::chrono_literals;
using enum ErrorCode;

/// The other side's clock may be behind ours, and what begins later silences nothing yet.
constexpr auto kEarlier = 1min;

std::int64_t unix_seconds(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

/// RFC 3339, or seconds since 1970, perhaps with a fraction.
std::optional<Timestamp> time_of(const std::string& text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc{} && end == text.data() + text.size()) {
    constexpr double kMost = 1e11;  // beyond the year 5000
    if (!(seconds >= 0 && seconds < kMost)) return std::nullopt;
    return from_millis(static_cast<std::int64_t>(std::floor(seconds * 1000)));
  }
  try {
    return parse_rfc3339(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

const Document& document_of(const Answer& answer, const std::string& what) {
  if (!answer.document) throw Error{protocol, "cannot {}: the answer cannot be read ({})", what, answer.words};
  return *answer.document;
}

std::string one_text(const Node& node, const Selector& selector, const std::string& what) {
  auto found = node.texts(selector);
  if (found.size() != 1 || found.front().empty() || found.front() == "null")
    throw Error{protocol, "cannot {}: a silence in the answer has nothing at {}", what, selector.text()};
  return std::move(found.front());
}

}  // namespace

std::vector<Record> host_to_silence(const Machine& machine) {
  std::string host = machine.guest_host_name;
  while (host.ends_with('.')) host.pop_back();
  if (host.empty() || machine.power == PowerState::off) return {};  // who bears that name by now nobody knows
  Record record;
  record.id = host;
  record.what = "alerts of " + shown(host);
  weigh(machine, {.names = {host}, .addresses = {}, .uuids = {}}, record);
  return {record};
}

Silences::Silences(Exchange& exchange, const Recipe& recipe, const SilenceMark& mark)
    : exchange_(exchange), recipe_(recipe), silence_(recipe.silence.value()), mark_(mark), values_(exchange.values()) {
  values_.merge(id_values(mark.target, silence_.of_host ? 1 : recipe.item.id.size()));
  values_["mark"] = mark.token;
}

std::string Silences::doing(std::string_view what) const {
  return fmt::format("{} {} at {}", what, shown(mark_.target), recipe_.host);
}

std::vector<FoundSilence> Silences::find() {
  const std::string what = doing("look for our silences of");
  const Answer answer = exchange_.ask(silence_.find, Purpose::find, values_, what);
  std::vector<FoundSilence> found;
  if (answer.meaning == Meaning::gone) return found;
  for (const Node& node : document_of(answer, what).items(silence_.items)) {
    const auto comments = node.texts(silence_.comment);
    if (std::ranges::none_of(comments, [&](const std::string& comment) { return mark_.fits(comment); })) continue;
    if (!silence_.gone.empty() && !unmet(silence_.gone, node, {})) continue;
    FoundSilence one{.id = one_text(node, silence_.id, what), .until = {}};
    if (silence_.until)
      for (const std::string& text : node.texts(*silence_.until)) one.until = time_of(text);
    found.push_back(std::move(one));
  }
  return found;
}

void Silences::set(const std::string& words, Timestamp now, Timestamp until) {
  const std::string what = doing("silence");
  const Timestamp from = now - kEarlier;
  Values values = values_;
  values["request"] = mark_.number;
  values["comment"] = fmt::format("{}: {}", mark_.head(), words);
  values["from"] = to_rfc3339(from);
  values["until"] = to_rfc3339(until);
  values["from_unix"] = std::to_string(unix_seconds(from));
  values["until_unix"] = std::to_string(unix_seconds(until));
  values["seconds"] = std::to_string(unix_seconds(until) - unix_seconds(from));
  const Answer answer = exchange_.ask(silence_.set, Purpose::silence, values, what);
  if (answer.meaning == Meaning::gone)
    throw Error{refused, "cannot {}: it is not there any more, or there is no right to ({})", what, answer.words};
}

std::size_t Silences::lift() {
  const std::string what = doing("lift our silence of");
  const std::vector<FoundSilence> ours = find();
  if (ours.empty()) {
    check_silencing(exchange_, recipe_);  // what cannot be seen may be there
    return 0;
  }
  std::string words;
  for (const FoundSilence& one : ours) {
    Values values = values_;
    values["silence"] = one.id;
    const Answer answer = exchange_.ask(silence_.lift, Purpose::lift, values, what);
    if (answer.meaning == Meaning::gone) words = answer.words;  // it went with another one; or there is no right to
  }
  if (find().empty()) return ours.size();
  if (!words.empty())
    throw Error{denied, "cannot {}: it can be seen, and there is no right to lift it ({})", what, words};
  throw Error{busy, "cannot {}: it was lifted, and is still there", what};
}

void check_silencing(Exchange& exchange, const Recipe& recipe) {
  for (const Request& request : recipe.silence.value().control) {
    const std::string what = fmt::format("silence anything at {}", recipe.host);
    const Answer answer = exchange.ask(request, Purpose::control, exchange.values(), what);
    if (answer.meaning == Meaning::gone)
      throw Error{denied, "cannot {}: what must exist cannot be seen ({})", what, answer.words};
  }
}

void lift_before_removal(Exchange& exchange, const Recipe& recipe, const Machine& machine, const Record& record) {
  try {
    const SilenceMark mark = SilenceMark::of(machine, record.id, {});
    Silences(exchange, recipe, mark).lift();
  } catch (const Error& e) {
    // Whoever may not see silences may remove a record that has none; the system says so where it has one.
    if (e.code() == denied || e.code() == refused) return;
    if (e.code() != lost) throw;
    throw Error{busy, "{}", e.what()};
  }
}

}  // namespace decom::http
