#include "daemon/records/http_system.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/text.hpp"
#include "daemon/records/http_facts.hpp"
#include "daemon/records/http_pages.hpp"
#include "daemon/records/http_recipe.hpp"
#include "daemon/records/http_session.hpp"
#include "daemon/records/http_url.hpp"
#include "daemon/records/http_wire.hpp"

namespace decom {
namespace http {
namespace {

using enum ErrorCode;

constexpr std::size_t kMostSearches = 64;

std::string shown(std::string_view text) { return fit(safe_for_terminal(text), 100); }

/// One part is the id itself. Several are joined by spaces, and what would be mistaken for one is escaped.
std::string join_id(const std::vector<std::string>& parts) {
  if (parts.size() == 1) return parts.front();
  std::string id;
  for (const std::string& part : parts) {
    if (!id.empty()) id += ' ';
    for (const char c : part) {
      if (c == ' ')
        id += "%20";
      else if (c == '%')
        id += "%25";
      else
        id += c;
    }
  }
  return id;
}

Values id_values(const std::string& id, std::size_t count) {
  if (count <= 1) return {{"id", id}, {"id_path", id}};
  auto parts = split(id, ' ');
  if (parts.size() != count) throw Error{invalid, "'{}' is no id of this system: it has {} parts", shown(id), count};
  Values values;
  for (std::size_t i = 0; i < count; ++i) {
    std::string part;
    for (std::size_t at = 0; at < parts[i].size(); ++at) {
      if (parts[i].compare(at, 3, "%20") == 0 || parts[i].compare(at, 3, "%25") == 0) {
        part += parts[i][at + 2] == '0' ? ' ' : '%';
        at += 2;
      } else {
        part += parts[i][at];
      }
    }
    values[fmt::format("id_{}", i + 1)] = part;
  }
  return values;
}

std::vector<std::string> texts(const Node& node, const std::vector<Selector>& selectors) {
  std::vector<std::string> all;
  for (const Selector& selector : selectors)
    for (std::string& text : node.texts(selector))
      if (!text.empty() && text != "null" && std::ranges::find(all, text) == all.end()) all.push_back(std::move(text));
  return all;
}

/// One call of a system: its requests share a connection, and a login.
class Exchange {
 public:
  Exchange(const Recipe& recipe, const RecordWorld& world, Pace& pace, Session& session, const RecordCall& call)
      : recipe_(recipe), session_(session), wire_(recipe, world, pace, call) {}

  std::vector<Record> find(const Machine& machine) {
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
      throw Error{refused, "cannot search {} for {}: nothing is known of the machine that it could be found by",
                  recipe_.host, shown(machine.name)};
    // A list may say less than what is read alone, and a before-image must be of one kind to be compared.
    std::vector<Record> whole;
    for (const Record& record : records)
      if (auto alone = read(machine, record.id); alone && !alone->facts.empty()) whole.push_back(std::move(*alone));
    if (whole.empty()) control();
    return whole;
  }

  std::optional<Record> read(const Machine& machine, const std::string& id) {
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
      if (id_of(node, what) != id) continue;
      if (!is_gone(node)) return record_of(machine, node, what, more_of(values, what));
      control();
      return std::nullopt;
    }
    const bool asked_for_one =
        std::ranges::any_of(recipe_.read.variables(), [](const std::string& name) { return name.starts_with("id"); });
    if (!items.empty() && asked_for_one) throw Error{protocol, "cannot {}: the answer is about something else", what};
    control();
    return std::nullopt;
  }

  std::string remove(const Machine& machine, const Record& record) {
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
            throw Error{denied, "cannot {}: it can be seen, and there is no right to remove it ({})", what,
                        answer.words};
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

  std::string control() {
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

 private:
  /// "retired", from "is retired".
  [[nodiscard]] std::string past() const {
    const Effect& effect = recipe_.item.effect;
    if (effect.verb.empty()) return recipe_.removed;
    return effect.done.starts_with("is ") ? effect.done.substr(3) : effect.done;
  }

  static std::vector<std::string> addresses_of(const Machine& machine, bool v6) {
    auto all = addresses_to_find(machine);
    std::erase_if(all, [&](const std::string& address) { return (address.find(':') != std::string::npos) != v6; });
    return all;
  }

  static std::vector<std::string> host_of(const Machine& machine) {
    return machine.guest_host_name.empty() ? std::vector<std::string>{} : std::vector{machine.guest_host_name};
  }

  static const Document& document(const Answer& answer, const std::string& what) {
    if (!answer.document) throw Error{protocol, "cannot {}: the answer cannot be read ({})", what, answer.words};
    return *answer.document;
  }

  /// With the credential, and once more with a new token where the other side does not know the old one any more: that
  /// is a refusal without effect, so it holds for changes too.
  Answer ask(const Request& request, Purpose purpose, const Values& values, const std::string& what,
             const std::optional<std::string>& url = std::nullopt) {
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
        throw Error{unauthenticated, "cannot {}: the credential is refused ({})", what, answer.words};
      }
      if (answer.meaning == Meaning::ok) hold_to_expectations(request, purpose, answer, with_token, what);
      return answer;
    }
  }

  static void hold_to_expectations(const Request& request, Purpose purpose, const Answer& answer, const Values& values,
                                   const std::string& what) {
    const auto wrong = unmet(request, answer, values);
    if (!wrong) return;
    if (purpose == Purpose::control) throw Error{denied, "cannot {}: {} ({})", what, *wrong, answer.words};
    if (request.changes) throw Error{lost, "cannot {}: {}, so it may have happened ({})", what, *wrong, answer.words};
    throw Error{purpose == Purpose::verify ? busy : protocol, "cannot {}: {} ({})", what, *wrong, answer.words};
  }

  void search(const Machine& machine, const Request& request, const Values& values, std::vector<Record>& records) {
    const std::string what = fmt::format("search {} for {}", recipe_.host, shown(machine.name));
    const Pages& pages = recipe_.pages;
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
        const std::string id = id_of(node, what);
        if (std::ranges::find(seen, id) != seen.end()) continue;
        seen.push_back(id);
        fresh = true;
        if (is_gone(node)) continue;
        Record record = record_of(machine, node, what, {});
        // Where nothing is said yet and there is more to be asked, that decides.
        if (record.facts.empty() && (recipe_.item.also.empty() || !record.against.empty())) continue;
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

  [[nodiscard]] std::string id_of(const Node& node, const std::string& what) const {
    std::vector<std::string> parts;
    for (const Selector& selector : recipe_.item.id) {
      auto found = node.texts(selector);
      if (found.size() != 1 || found.front().empty() || found.front() == "null")
        throw Error{protocol, "cannot {}: a record in the answer has no id at {}", what, selector.text()};
      parts.push_back(std::move(found.front()));
    }
    return join_id(parts);
  }

  [[nodiscard]] bool is_gone(const Node& node) const {
    return !recipe_.item.gone.empty() && !unmet(recipe_.item.gone, node, {});
  }

  /// What other answers say of whose record it is.
  Testimony more_of(const Values& by_id, const std::string& what) {
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

  static void append(std::vector<std::string>& all, const std::vector<std::string>& more) {
    for (const std::string& one : more)
      if (std::ranges::find(all, one) == all.end()) all.push_back(one);
  }

  [[nodiscard]] Record record_of(const Machine& machine, const Node& node, const std::string& what,
                                 const Testimony& more) const {
    const Item& item = recipe_.item;
    Record record;
    record.id = id_of(node, what);
    Testimony testimony{.names = texts(node, item.names),
                        .addresses = texts(node, item.addresses),
                        .uuids = texts(node, item.uuids),
                        .macs = texts(node, item.macs)};
    append(testimony.names, more.names);
    append(testimony.addresses, more.addresses);
    append(testimony.uuids, more.uuids);
    append(testimony.macs, more.macs);
    Values values{{"id", record.id},
                  {"name", join(testimony.names, ", ")},
                  {"address", join(testimony.addresses, ", ")},
                  {"uuid", join(testimony.uuids, ", ")},
                  {"mac", join(testimony.macs, ", ")}};
    for (const auto& [name, selector] : item.fields) values[name] = join(texts(node, {selector}), ", ");
    record.what = item.what.render(values);
    for (const Forbidden& forbidden : item.forbidden) {
      const auto found = node.texts(forbidden.at);
      const auto any_of = [&](const std::vector<std::string>& wanted) {
        return std::ranges::any_of(found,
                                   [&](const auto& text) { return std::ranges::find(wanted, text) != wanted.end(); });
      };
      if (forbidden.unless.empty() ? any_of(forbidden.equals) : !any_of(forbidden.unless))
        record.forbidden = forbidden.because;
    }
    record.before = before_image(node, record.id, testimony);
    record.effect = item.effect.verb;
    if (!record.effect.empty() && !unmet(item.effect.when, node, {})) record.done = item.effect.done;
    weigh(machine, testimony, record);
    return record;
  }

  [[nodiscard]] std::string before_image(const Node& node, const std::string& id, const Testimony& testimony) const {
    const nlohmann::json facts{{"names", testimony.names},
                               {"addresses", testimony.addresses},
                               {"uuids", testimony.uuids},
                               {"macs", testimony.macs}};
    nlohmann::json image;
    if (recipe_.item.before.empty()) {
      image = node.image();
      if (!recipe_.item.also.empty()) {
        image = facts;
        image["record"] = node.image();
      }
    } else {
      image = facts;
      image["id"] = id;
      for (const Selector& selector : recipe_.item.before)
        image[selector.text() + selector.cut().after] = node.texts(selector);
    }
    return image.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }

  static void capture(const Request& request, const Answer& answer, Values& values, const std::string& what) {
    for (const auto& [name, selector] : request.capture) {
      const auto found = document(answer, what).texts(selector);
      if (found.size() != 1)
        throw Error{protocol, "cannot {}: the answer has no {} at {}", what, name, selector.text()};
      values[name] = found.front();
    }
  }

  /// The removal was taken already: whatever comes now is for people, and the step looks for itself afterwards.
  std::string verify(const Machine& machine, const Record& record, const Values& values) {
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

  const Recipe& recipe_;
  Session& session_;
  Wire wire_;
};

class HttpSystem final : public RecordSystem {
 public:
  HttpSystem(Recipe recipe, const RecordWorld& world)
      : recipe_(std::move(recipe)), world_(world), pace_(*world.clock, recipe_.rate) {}

  std::vector<Record> find(const Machine& machine, const RecordCall& call) override {
    return exchange(call).find(machine);
  }
  std::optional<Record> read(const Machine& machine, const std::string& id, const RecordCall& call) override {
    return exchange(call).read(machine, id);
  }
  std::string remove(const Machine& machine, const Record& record, const RecordCall& call) override {
    return exchange(call).remove(machine, record);
  }
  std::string check(const RecordCall& call) override {
    session_.forgive();
    return exchange(call).control();
  }

 private:
  Exchange exchange(const RecordCall& call) { return {recipe_, world_, pace_, session_, call}; }

  const Recipe recipe_;
  const RecordWorld world_;
  Pace pace_;
  Session session_;
};

}  // namespace
}  // namespace http

RecordKind http_kind() {
  return {.name = "http",
          .summary = "a system that speaks HTTP, by a recipe",
          .make = [](DefinitionReader& reader, const RecordWorld& world) -> std::unique_ptr<RecordSystem> {
            const std::size_t before = reader.mistakes();
            http::Recipe recipe = http::read_recipe(reader);
            if (reader.mistakes() > before) return nullptr;
            return std::make_unique<http::HttpSystem>(std::move(recipe), world);
          }};
}

}  // namespace decom
