#include "daemon/records/http_wire.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/text.hpp"
#include "daemon/records/http_url.hpp"

namespace decom::http {
namespace {

using enum ErrorCode;

// A wait within a call keeps a thread; what is longer is left to the engine, which comes back later.
constexpr std::chrono::seconds kLongestNap{30};

bool has_one_of(const std::string& text, const std::vector<std::string>& parts) {
  return std::ranges::any_of(parts, [&](const std::string& part) { return text.find(part) != std::string::npos; });
}

bool fits(const CodeRule& rule, Purpose purpose, const Answer& answer) {
  if (!rule.only.empty() && std::ranges::find(rule.only, purpose) == rule.only.end()) return false;
  if (!rule.status.empty() && std::ranges::find(rule.status, answer.status) == rule.status.end()) return false;
  if (!rule.at) return rule.contains.empty() || has_one_of(answer.reply.body, rule.contains);
  if (!answer.document) return false;
  return std::ranges::any_of(answer.document->texts(*rule.at), [&](const std::string& text) {
    if (!rule.equals.empty() && std::ranges::find(rule.equals, text) == rule.equals.end()) return false;
    return rule.contains.empty() || has_one_of(text, rule.contains);
  });
}

/// What the other side says, fit to be shown: short, without control characters, and without our secrets.
std::string words_of(const Recipe& recipe, const Answer& answer, const Proof& proof) {
  std::string words = fmt::format("HTTP {}", answer.status);
  if (!answer.document) return words;
  for (const Selector& selector : recipe.words) {
    for (std::string text : answer.document->texts(selector)) {
      for (const Secret& secret : proof.hidden) {
        if (secret.empty()) continue;
        for (std::size_t at = 0; (at = text.find(secret.expose(), at)) != std::string::npos;)
          text.replace(at, secret.expose().size(), "…");
      }
      if (!text.empty() && text != "null") words += fmt::format(", “{}”", fit(safe_for_terminal(text), 300));
    }
  }
  return words;
}

std::string wish_of(const std::optional<std::chrono::seconds>& alone) {
  return alone ? ", and it wants to be left alone for " + to_text(*alone) : std::string{};
}

/// By the status alone (RFC 9110, section 15). Throws for what ends the call; a change whose answer does not say that
/// it was refused may have happened.
Meaning by_status(Purpose purpose, bool changes, const Answer& answer, const std::string& what,
                  const std::string& alone) {
  const int status = answer.status;
  const auto error = [&](ErrorCode code, const std::string& why) {
    return Error{code, "cannot {}: {} ({})", what, why, answer.words};
  };
  if (status >= 200 && status < 300) return Meaning::ok;
  if (status == 401) return Meaning::unauthenticated;
  if (status == 403 || status == 407) throw error(denied, "there is no right to");
  // Of a control that what must exist is not there.
  const bool by_id = purpose != Purpose::find && purpose != Purpose::login;
  if ((status == 404 || status == 410) && by_id) return Meaning::gone;
  if (status == 429) throw error(rate_limited, "it is asked too often" + alone);
  const bool unclear = status >= 500 || (status >= 300 && status < 400) || status == 408 || status < 200;
  if (changes && unclear) throw error(lost, "the answer does not say whether it happened" + alone);
  if (status >= 300 && status < 400) throw error(refused, "it sends us elsewhere, and redirects are not followed");
  if (status >= 500 || status == 408) throw error(busy, "it does not work right now" + alone);
  throw error(refused, "it was refused");
}

std::string form_of(const std::vector<std::pair<std::string, std::string>>& encoded) {
  std::string text;
  for (const auto& [name, value] : encoded) text += (text.empty() ? "" : "&") + percent_encoded(name) + "=" + value;
  return text;
}

}  // namespace

Pace::Pace(Clock& clock, std::int64_t a_second) : clock_(clock), between_(std::chrono::seconds{1}) {
  between_ /= a_second;
}

void Pace::wait(const RecordCall& call) {
  std::chrono::nanoseconds time{};
  {
    const std::lock_guard lock(mutex_);
    const auto now = clock_.steady();
    if (alone_until_ > std::min(call.deadline, now + kLongestNap))
      throw Error{busy, "cannot ask it now: it wants to be left alone for another {}",
                  to_text(std::chrono::ceil<std::chrono::seconds>(alone_until_ - now))};
    const auto turn = std::max({now, next_, alone_until_});
    if (turn > call.deadline)
      throw Error{busy, "there are too many requests to this system, and no time left for more"};
    next_ = turn + between_;
    time = turn - now;
  }
  if (time.count() > 0 && !sleep_for(clock_, std::chrono::ceil<std::chrono::milliseconds>(time), call.stop))
    throw Error{cancelled, "stopped"};
}

void Pace::leave_alone(std::chrono::seconds time) {
  const std::lock_guard lock(mutex_);
  alone_until_ = std::max(alone_until_, clock_.steady() + time);
}

Wire::Wire(const Recipe& recipe, const RecordWorld& world, Pace& pace, const RecordCall& call)
    : recipe_(recipe), world_(world), pace_(pace), call_(call), connection_(trust(recipe.host, recipe.tls, true)) {}

Trust Wire::trust(const std::string& host, bool tls, bool same_server) const {
  Trust made{.host = host, .tls = tls, .ca_file = {}, .thumbprint = {}, .certificate_file = {}, .key_file = {}};
  if (!recipe_.ca_file.empty()) made.ca_file = world_.secret_file(recipe_.ca_file);
  if (!same_server) return made;
  made.thumbprint = recipe_.thumbprint;
  if (!recipe_.credential.certificate_file.empty()) {
    made.certificate_file = world_.secret_file(recipe_.credential.certificate_file);
    made.key_file = world_.secret_file(recipe_.credential.key_file);
  }
  return made;
}

Values Wire::values() const { return {{"now", to_rfc3339(world_.clock->now())}}; }

std::chrono::milliseconds Wire::left(bool changes, const std::string& what) const {
  if (call_.stop.stop_requested()) throw Error{cancelled, "cannot {}: stopped", what};
  const auto time = std::chrono::floor<std::chrono::milliseconds>(call_.deadline - world_.clock->steady());
  if (time.count() <= 0) throw Error{changes ? unreachable : timed_out, "cannot {}: there is no time left", what};
  return std::min(time, recipe_.timeout);
}

std::optional<std::chrono::seconds> Wire::heed(const Reply& reply) {
  const auto time = reply.retry_after(world_.clock->now());
  if (time) pace_.leave_alone(*time);
  return time;
}

std::string Wire::url_of(const Request& request, const Values& values,
                         const std::vector<std::pair<std::string, std::string>>& more) const {
  std::string url = recipe_.url;
  for (const Template& segment : request.path) url += "/" + segment.render(values);
  std::vector<std::pair<std::string, std::string>> query;
  for (const auto& [name, value] : request.query) query.emplace_back(name, value.render(values));
  for (const auto& [name, value] : more) query.emplace_back(name, percent_encoded(value));
  return query.empty() ? url : url + "?" + form_of(query);
}

Answer Wire::send(const Request& request, Purpose purpose, const Values& values, const Proof& proof,
                  const std::string& what, const std::string& url) {
  Values all = values;
  if (!proof.token.empty()) all["token"] = proof.token.expose();
  Outgoing out{
      .method = request.method, .url = url, .headers = {}, .body = {}, .changes = request.changes, .what = what};
  bool typed = false;
  bool accepts = false;
  for (const auto* list : {&recipe_.headers, &request.headers}) {
    for (const auto& [name, value] : *list) {
      out.headers.push_back(name + ": " + value.render(all));
      typed = typed || equals_folded(name, "content-type");
      accepts = accepts || equals_folded(name, "accept");
    }
  }
  if (!accepts)
    out.headers.emplace_back(recipe_.format == Format::xml ? "Accept: application/xml" : "Accept: application/json");
  for (const Secret& header : proof.headers) out.headers.push_back(header.expose());
  if (request.body) {
    out.body = render_json(*request.body, all).dump();
    if (!typed) out.headers.emplace_back("Content-Type: application/json");
  } else if (!request.form.empty()) {
    std::vector<std::pair<std::string, std::string>> form;
    for (const auto& [name, value] : request.form) form.emplace_back(name, value.render(all));
    out.body = form_of(form);
    if (!typed) out.headers.emplace_back("Content-Type: application/x-www-form-urlencoded");
  } else if (request.method != "GET" && request.method != "DELETE") {
    out.body = "";
  }
  pace_.wait(call_);
  Answer answer;
  answer.url = url;
  answer.reply = connection_.perform(out, call_.stop, left(request.changes, what));
  answer.status = answer.reply.status;
  try {
    if (!answer.reply.body.empty()) answer.document.emplace(recipe_.format, answer.reply.body);
  } catch (const Error& e) {
    // A page of a proxy beside a status that says enough is no mistake; where a document is wanted, its lack is found.
    if (answer.status >= 200 && answer.status < 300) answer.words = e.what();
  }
  answer.words = answer.document || answer.words.empty() ? words_of(recipe_, answer, proof)
                                                         : fmt::format("HTTP {}, {}", answer.status, answer.words);
  const auto rule =
      std::ranges::find_if(recipe_.codes, [&](const CodeRule& code) { return fits(code, purpose, answer); });
  const bool by_code = rule != recipe_.codes.end();
  std::string alone;
  if (answer.status == 429 || answer.status == 503 || (by_code && rule->means == Meaning::retry))
    alone = wish_of(heed(answer.reply));
  if (!by_code) {
    answer.meaning = by_status(purpose, request.changes, answer, what, alone);
    return answer;
  }
  const auto error = [&](ErrorCode code, const std::string& why) {
    return Error{code, "cannot {}: {} ({})", what, why, answer.words};
  };
  switch (answer.meaning = rule->means) {
    case Meaning::ok:
    case Meaning::gone:
    case Meaning::unauthenticated: break;
    case Meaning::retry: throw error(busy, "it does not work right now" + alone);
    case Meaning::denied: throw error(denied, "there is no right to");
    case Meaning::failed: throw error(refused, "it was refused");
  }
  return answer;
}

Reply Wire::post_form(const std::string& url, const std::vector<std::pair<std::string, std::string>>& form,
                      const std::vector<std::string>& headers, const std::string& what) {
  const auto target = parse_url(url);
  if (!target) throw Error{invalid, "cannot {}: the URL is not usable", what};
  std::vector<std::pair<std::string, std::string>> encoded;
  encoded.reserve(form.size());
  for (const auto& [name, value] : form) encoded.emplace_back(name, percent_encoded(value));
  Outgoing out{
      .method = "POST", .url = url, .headers = headers, .body = form_of(encoded), .changes = false, .what = what};
  out.headers.emplace_back("Accept: application/json");
  out.headers.emplace_back("Content-Type: application/x-www-form-urlencoded");
  pace_.wait(call_);
  Connection elsewhere(trust(target->host, target->scheme == "https", target->origin == recipe_.origin));
  Reply reply = elsewhere.perform(out, call_.stop, left(false, what));
  if (reply.status == 429 || reply.status >= 500)
    throw Error{busy, "cannot {}: HTTP {}{}", what, reply.status, wish_of(heed(reply))};
  return reply;
}

std::optional<std::string> unmet(const std::vector<Expectation>& expectations, const Node& node, const Values& values) {
  for (const Expectation& expectation : expectations) {
    std::vector<std::string> wanted;
    wanted.reserve(expectation.one_of.size());
    for (const Template& one : expectation.one_of) wanted.push_back(one.render(values));
    const auto fits_one = [&](const std::string& text) {
      return wanted.empty() ? text != "null" : std::ranges::find(wanted, text) != wanted.end();
    };
    const auto texts = node.texts(expectation.at);
    const bool holds = !texts.empty() && (expectation.every ? std::ranges::all_of(texts, fits_one)
                                                            : std::ranges::any_of(texts, fits_one));
    if (holds) continue;
    if (!expectation.otherwise.empty()) return expectation.otherwise;
    return fmt::format("the answer does not say what is expected at {}", expectation.at.text());
  }
  return std::nullopt;
}

std::optional<std::string> unmet(const Request& request, const Answer& answer, const Values& values) {
  if (request.expect.empty()) return std::nullopt;
  if (!answer.document) return "the answer cannot be read";
  return unmet(request.expect, answer.document->root(), values);
}

}  // namespace decom::http
