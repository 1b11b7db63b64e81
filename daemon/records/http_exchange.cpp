#include "daemon/records/http_exchange.hpp"

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "daemon/records/http_pages.hpp"
#include "daemon/records/http_parts.hpp"
#include "daemon/records/http_record.hpp"
#include "daemon/records/http_url.hpp"

namespace decom::http {
namespace {

using enum ErrorCode;

constexpr std::size_t kMostSearches = 64;

std::vector<std::string> addresses_of(const Machine& machine, bool v6) {
  auto all = addresses_to_find(machine);
  std::erase_if(all, [&](const std::string& address) { return (address.find(':') != std::string::npos) != v6; });
  return all;
}

std::vector<std::string> host_of(const Machine& machine) {
  return machine.guest_host_name.empty() ? std::vector<std::string>{} : std::vector{machine.guest_host_name};
}

const Document& document(const Answer& answer, const std::string& what) {
  if (!answer.document) throw Error{protocol, "cannot {}: the answer cannot be read ({})", what, answer.words};
  return *answer.document;
}

void hold_to_expectations(const Request& request, Purpose purpose, const Answer& answer, const Values& values,
                          const std::string& what) {
  const auto wrong = unmet(request, answer, values);
  if (!wrong) return;
  if (purpose == Purpose::control) throw Error{denied, "cannot {}: {} ({})", what, *wrong, answer.words};
  if (request.changes) throw Error{lost, "cannot {}: {}, so it may have happened ({})", what, *wrong, answer.words};
  throw Error{purpose == Purpose::verify ? busy : protocol, "cannot {}: {} ({})", what, *wrong, answer.words};
}

void capture(const Request& request, const Answer& answer, Values& values, const std::string& what) {
  for (const auto& [name, selector] : request.capture) {
    const auto found = document(answer, what).texts(selector);
    if (found.size() != 1) throw Error{protocol, "cannot {}: the answer has no {} at {}", what, name, selector.text()};
    values[name] = found.front();
  }
}

}  // namespace

std::vector<Record> Exchange::find(const Machine& machine) {
  const std::map<std::string, std::vector<std::string>, std::less<>> known{{"name", names_to_find(machine)},
                                                                           {"dns_name", dns_names_to_find(machine)},
                                                                           {"host", host_of(machine)},
                                                                           {"ip", addresses_to_find(machine)},
                                                                           {"ip4", addresses_of(machine, false)},
                                                                           {"ip6", addresses_of(machine, true)},
                                                                           {"uuid", uuids_to_find(machine)},
                                                                           {"mac", macs_to_find(machine)}};
  std::vector<Record> records;
  std::size_t searches = 0;
  for (const Request& request : recipe_.find) {
    std::vector<Values> all{wire_.values()};
    for (const std::string& name : request.variables()) {
      const auto values = known.find(name);
      if (values == known.end()) continue;
      std::vector<Values> more;
      for (const Values& one : all)
        for (const std::string& value : values->second) {
          more.push_back(one);
          more.back()[name] = value;
        }
      all = std::move(more);
    }
    searches += all.size();
    if (searches > kMostSearches)
      throw Error{too_large, "cannot search {} for {}: it has too many names and addresses", recipe_.host,
                  shown(machine.name)};
    for (const Values& values : all) search(machine, request, values, records);
  }
  if (searches == 0)
    throw Error{ambiguous, "cannot search {} for {}: nothing is known of the machine that it could be found by",
                recipe_.host, shown(machine.name)};
  // A list may say less than what is read alone, and a before-image must be of one kind to be compared.
  std::vector<Record> whole;
  for (const Record& record : records)
    if (auto alone = read(machine, record.id); alone && !alone->facts.empty()) whole.push_back(std::move(*alone));
  if (whole.empty()) control();
  return whole;
}

std::optional<Record> Exchange::read(const Machine& machine, const std::string& id) {
  Values values = wire_.values();
  values.merge(id_values(id, recipe_.item.id.size()));
  const std::string what = fmt::format("read {} at {}", shown(id), recipe_.host);
  const Answer answer = ask(recipe_.read, Purpose::read, values, what);
  if (answer.meaning == Meaning::gone) {
    control();
    return std::nullopt;
  }
  const auto items = document(answer, what).items(recipe_.read.items.value_or(recipe_.item.items));
  for (const Node& node : items) {
    if (id_of(recipe_.item, node, what) != id) continue;
    if (!is_gone(recipe_.item, node)) return record_of(recipe_.item, machine, node, what, more_of(values, what));
    control();
    return std::nullopt;
  }
  const bool asked_for_one =
      std::ranges::any_of(recipe_.read.variables(), [](const std::string& name) { return name.starts_with("id"); });
  if (!items.empty() && asked_for_one) throw Error{protocol, "cannot {}: the answer is about something else", what};
  control();
  return std::nullopt;
}

std::string Exchange::remove(const Machine& machine, const Record& record) {
  const std::string what = fmt::format("remove {} at {}", shown(record.what), recipe_.host);
  const auto now = read(machine, record.id);
  if (!now) throw Error{gone, "cannot {}: it is gone", what};
  if (now->before != record.before) throw Error{precondition, "cannot {}: it says something else by now", what};
  if (!now->forbidden.empty()) throw Error{refused, "cannot {}: {}", what, now->forbidden};
  Values values = wire_.values();
  values.merge(id_values(record.id, recipe_.item.id.size()));
  int status = 0;
  bool changed = false;
  for (const Request& request : recipe_.remove) {
    try {
      const Answer answer = ask(request, Purpose::remove, values, what);
      status = answer.status;
      if (answer.meaning == Meaning::gone && !changed) {
        // Many systems say "not found" to whoever may see a record and not remove it.
        if (read(machine, record.id))
          throw Error{denied, "cannot {}: it can be seen, and there is no right to remove it ({})", what, answer.words};
        control();
        throw Error{gone, "cannot {}: it is gone", what};
      }
      changed = changed || request.changes;
      capture(request, answer, values, what);
    } catch (const Error& e) {
      if (!changed || e.code() == lost) throw;
      throw Error{lost, "{}; a part of it was done before", e.what()};
    }
  }
  const std::string done = fmt::format("{} (HTTP {})", past(), status);
  return recipe_.verify ? done + verify(machine, record, values) : done;
}

std::string Exchange::control() {
  std::string seen;
  for (const Request& request : recipe_.control) {
    const std::string what = fmt::format("read the control of {}", recipe_.host);
    const Values values = wire_.values();
    const Answer answer = ask(request, Purpose::control, values, what);
    if (answer.meaning == Meaning::gone)
      throw Error{denied, "cannot {}: what must exist cannot be seen ({})", what, answer.words};
    if (request.shows.text().empty()) continue;
    for (const std::string& text : document(answer, what).texts(request.shows))
      seen += (seen.empty() ? "" : ", ") + shown(text);
  }
  return seen.empty() ? fmt::format("{} answered, and its control holds", recipe_.host)
                      : fmt::format("{}: {}", recipe_.host, seen);
}

/// "retired", from "is retired".
std::string Exchange::past() const {
  const Effect& effect = recipe_.item.effect;
  if (effect.verb.empty()) return recipe_.removed;
  return effect.done.starts_with("is ") ? effect.done.substr(3) : effect.done;
}

/// With the credential, and once more with a new token where the other side does not know the old one any more: that
/// is a refusal without effect, so it holds for changes too.
Answer Exchange::ask(const Request& request, Purpose purpose, const Values& values, const std::string& what,
                     const std::optional<std::string>& url) {
  for (int attempt = 0;; ++attempt) {
    const auto ticket = session_.ticket(wire_);
    Values with_token = values;
    if (!ticket.proof.token.empty()) with_token["token"] = ticket.proof.token.expose();
    Answer answer =
        wire_.send(request, purpose, with_token, ticket.proof, what, url ? *url : wire_.url_of(request, with_token));
    if (answer.meaning == Meaning::unauthenticated) {
      if (ticket.renewable) session_.expired(ticket);
      if (ticket.renewable && attempt == 0) continue;
      if (!ticket.renewable) session_.refused(ticket);
      throw Error{unauthenticated, "cannot {}: {} is refused ({})", what, recipe_.credential.words(), answer.words};
    }
    if (answer.meaning == Meaning::ok) hold_to_expectations(request, purpose, answer, with_token, what);
    return answer;
  }
}

void Exchange::search(const Machine& machine, const Request& request, const Values& values,
                      std::vector<Record>& records) {
  const std::string what = fmt::format("search {} for {}", recipe_.host, shown(machine.name));
  const Pages& pages = recipe_.pages;
  const bool by_machine =
      std::ranges::any_of(request.variables(), [](const std::string& name) { return kSearch.contains(name); });
  std::vector<std::string> seen;  // ids of this search, so that a server that repeats its last page comes to an end
  std::int64_t at = pages.first;
  std::string here = pages.cursor ? std::string{} : std::to_string(at);
  std::optional<std::string> url;
  for (std::int64_t page = 0;; ++page) {
    if (page == pages.most) throw Error{too_large, "cannot {}: the answer has more than {} pages", what, pages.most};
    const Request paged = at_page(request, pages, here);
    Values with_page = values;
    with_page.merge(page_values(pages, here));
    if (!pages.next || page == 0) {
      std::vector<std::pair<std::string, std::string>> more;
      if (!pages.parameter.empty() && !here.empty()) more.emplace_back(pages.parameter, here);
      if (!pages.size_parameter.empty()) more.emplace_back(pages.size_parameter, std::to_string(pages.size));
      Values with_token = with_page;
      if (request.variables().contains("token")) with_token["token"] = session_.ticket(wire_).proof.token.expose();
      url = wire_.url_of(paged, with_token, more);
    }
    const Answer answer = ask(paged, Purpose::find, with_page, what, url);
    if (answer.meaning == Meaning::gone) return;
    const Document& answered = document(answer, what);
    const auto items = answered.items(request.items.value_or(recipe_.item.items));
    bool fresh = false;
    for (const Node& node : items) {
      const std::string id = id_of(recipe_.item, node, what);
      if (std::ranges::find(seen, id) != seen.end()) continue;
      seen.push_back(id);
      fresh = true;
      if (is_gone(recipe_.item, node)) continue;
      Record record = record_of(recipe_.item, machine, node, what, {});
      // Where nothing is said yet and there is more to be asked, that decides; not of everything that a whole list has.
      if (record.facts.empty() && (recipe_.item.also.empty() || (!by_machine && !record.against.empty()))) continue;
      if (std::ranges::find(records, record.id, &Record::id) == records.end()) records.push_back(std::move(record));
    }
    if (pages.next || pages.cursor) {
      const auto links = answered.texts(pages.next ? *pages.next : *pages.cursor);
      if (links.empty() || links.front().empty() || links.front() == "null") return;
      here = links.front();
      if (pages.next) url = follow(*url, links.front());
      if (!url) throw Error{protocol, "cannot {}: its next page is at another server", what};
    } else {
      if ((pages.parameter.empty() && !pages.in_requests) || !fresh) return;
      at += pages.by_item ? static_cast<std::int64_t>(items.size()) : 1;
      here = std::to_string(at);
    }
  }
}

/// What other answers say of whose record it is.
Testimony Exchange::more_of(const Values& by_id, const std::string& what) {
  Testimony more;
  for (const Also& also : recipe_.item.also) {
    const Answer answer = ask(also.request, Purpose::read, by_id, what);
    if (answer.meaning == Meaning::gone) continue;
    const Node root = document(answer, what).root();
    append(more.names, texts(root, also.names));
    append(more.addresses, texts(root, also.addresses));
    append(more.uuids, texts(root, also.uuids));
    append(more.macs, texts(root, also.macs));
  }
  return more;
}

/// The removal was taken already: whatever comes now is for people, and the step looks for itself afterwards.
std::string Exchange::verify(const Machine& machine, const Record& record, const Values& values) {
  const Verify& verify = *recipe_.verify;
  Clock& clock = *wire_.world().clock;
  const auto until = std::min(wire_.call().deadline, clock.steady() + verify.within);
  const std::string what = fmt::format("verify that {} is gone at {}", shown(record.what), recipe_.host);
  const bool stays = !record.effect.empty();
  const std::string not_yet = stays ? "it is still as it was" : "it is still there";
  std::string last = not_yet;
  const auto is_done = [&] {
    if (verify.request) {
      ask(*verify.request, Purpose::verify, values, what);
      return true;
    }
    const auto now = read(machine, record.id);
    return stays ? now && !now->done.empty() : !now;
  };
  while (true) {
    try {
      if (is_done()) return stays ? ", and seen to be so" : ", and seen to be gone";
      last = not_yet;
    } catch (const Error& e) {
      last = e.what();
      if (!traits(e.code()).transient) return fmt::format(", but: {}", last);
    }
    if (clock.steady() + verify.every >= until || !sleep_for(clock, verify.every, wire_.call().stop))
      return fmt::format(", but: {}", last);
  }
}

}  // namespace decom::http
