#include "daemon/vsphere/tags.hpp"

#include <algorithm>

#include <openssl/evp.h>

namespace decom::vsphere {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kIdsACall = 500;
constexpr auto kLongest = 10s;     // this service is known to hang, and nobody's work depends on it alone
constexpr auto kLeaveAlone = 30s;  // after that

/// RFC 4648, with padding, for HTTP's Basic authentication.
std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string text_at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

Json list_at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_array() ? *found : Json::array();
}

Json object_at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() ? *found : Json::object();
}

/// An answer's value: /rest wraps it, /api does not.
Json value_in(const std::string& text, bool wrapped, const std::string& vcenter) {
  try {
    Json read = parse_json(text);
    return wrapped ? read.at("value") : read;
  } catch (const std::exception&) {
    throw Error{ErrorCode::protocol, "cannot read the tags of vCenter {}: its answer makes no sense", vcenter};
  }
}

void sort_all(TagsByMachine& tags) {
  for (auto& [machine, names] : tags) std::ranges::sort(names);
}

}  // namespace

Tags::~Tags() {
  if (login_.token.empty()) return;
  try {
    std::string text;
    send(login_, "DELETE", "session", "", nullptr, {}, text);
  } catch (const std::exception&) {  // it ends by itself
  }
}

TagsByMachine Tags::of(const std::vector<std::string>& machines) {
  std::optional<Error> trouble;
  {
    const std::lock_guard lock(mutex_);
    if (trouble_ && clock_.steady() < troubled_until_) trouble = trouble_;
  }
  if (!trouble) {
    try {
      return ask_for(machines);
    } catch (const Error& error) {
      trouble = error;
    }
  }
  const std::lock_guard lock(mutex_);
  if (!trouble_ || clock_.steady() >= troubled_until_) troubled_until_ = clock_.steady() + kLeaveAlone;
  trouble_ = trouble;
  if (!last_) throw *trouble;
  TagsByMachine tags;
  for (const auto& machine : machines)
    if (const auto known = last_->find(machine); known != last_->end()) tags.insert(*known);
  return tags;
}

TagsByMachine Tags::all(const std::stop_token& stop) {
  TagsByMachine tags = ask_for_all(stop);
  const std::lock_guard lock(mutex_);
  trouble_.reset();
  last_ = tags;
  return tags;
}

TagsByMachine Tags::ask_for(const std::vector<std::string>& machines) {
  TagsByMachine tags;
  for (std::size_t at = 0; at < machines.size(); at += kIdsACall) {
    Json body = {{"object_ids", Json::array()}};
    for (std::size_t i = at; i < std::min(machines.size(), at + kIdsACall); ++i)
      body["object_ids"].push_back({{"type", "VirtualMachine"}, {"id", machines[i]}});
    const auto found = call("POST", "tag-association", "list-attached-tags-on-objects", body, {});
    if (!found || !found->is_array()) return {};
    for (const auto& entry : *found)
      for (const auto& tag : list_at(entry, "tag_ids"))
        if (tag.is_string())
          tags[text_at(object_at(entry, "object_id"), "id")].push_back(name_of(tag.get<std::string>(), {}));
  }
  sort_all(tags);
  return tags;
}

TagsByMachine Tags::ask_for_all(const std::stop_token& stop) {
  TagsByMachine tags;
  const auto ids = call("GET", "tag", "", nullptr, stop);
  if (!ids || !ids->is_array()) return {};
  {
    const std::lock_guard lock(mutex_);
    names_.clear();  // they can be renamed
    categories_.clear();
  }
  for (std::size_t at = 0; at < ids->size(); at += kIdsACall) {
    Json body = {{"tag_ids", Json::array()}};
    for (std::size_t i = at; i < std::min(ids->size(), at + kIdsACall); ++i) body["tag_ids"].push_back(ids->at(i));
    const auto found = call("POST", "tag-association", "list-attached-objects-on-tags", body, stop);
    if (!found || !found->is_array()) return {};
    for (const auto& entry : *found)
      for (const auto& object : list_at(entry, "object_ids"))
        if (text_at(object, "type") == "VirtualMachine")
          tags[text_at(object, "id")].push_back(name_of(text_at(entry, "tag_id"), stop));
  }
  sort_all(tags);
  return tags;
}

std::string Tags::name_of(const std::string& tag, const std::stop_token& stop) {
  std::string id;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = names_.find(tag); known != names_.end()) return known->second;
    id = login_.api == Api::rest ? "id:" : "";
  }
  const auto found = call("GET", "tag/" + id + tag, "", nullptr, stop);
  const std::string category = found ? text_at(*found, "category_id") : std::string{};
  std::optional<std::string> kind;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = categories_.find(category); known != categories_.end()) kind = known->second;
  }
  if (!kind && !category.empty()) {
    const auto read = call("GET", "category/" + id + category, "", nullptr, stop);
    kind = read ? text_at(*read, "name") : std::string{};
  }
  const std::lock_guard lock(mutex_);
  categories_[category] = kind.value_or("");
  return names_[tag] = found ? kind.value_or("") + ":" + text_at(*found, "name") : tag;
}

std::optional<Json> Tags::call(const std::string& method, const std::string& what, const std::string& action,
                               const Json& body, const std::stop_token& stop) {
  for (int round = 1;; ++round) {
    const Login login = current(stop);
    if (login.api == Api::none) return std::nullopt;
    std::string text;
    const HttpAnswer answer = send(login, method, what, action, body, stop, text);
    if (answer.status == 401 && round == 1) {  // the token has expired
      const std::lock_guard lock(mutex_);
      if (login_.token.expose() == login.token.expose()) login_ = {};
      continue;
    }
    if (answer.status == 401 || answer.status == 403 || answer.status == 404) return std::nullopt;
    if (answer.status != 200)
      throw Error{answer.status >= 502 ? ErrorCode::unreachable : ErrorCode::protocol,
                  "cannot read the tags of vCenter {}: it answers HTTP {}", session_.options().name, answer.status};
    return value_in(text, login.api == Api::rest, session_.options().name);
  }
}

Tags::Login Tags::current(const std::stop_token& stop) {
  // After a new login with the SOAP API the server may be another version, or the password a better one.
  const std::uint64_t generation = session_.service()->generation;
  const auto usable = [&] {
    const std::lock_guard lock(mutex_);
    return !login_.token.empty() || (login_.api == Api::none && login_.generation == generation) ? std::optional{login_}
                                                                                                 : std::nullopt;
  };
  if (const auto login = usable()) return *login;
  const std::lock_guard one_at_a_time(login_mutex_);
  if (const auto login = usable()) return *login;
  Login login = log_in(generation, stop);
  const std::lock_guard lock(mutex_);
  return login_ = std::move(login);
}

Tags::Login Tags::log_in(std::uint64_t generation, const std::stop_token& stop) {
  for (const Api api : {Api::rest, Api::api}) {
    Login login{.api = api, .generation = generation};
    std::string text;
    const HttpAnswer answer = send(login, "POST", "session", "", nullptr, stop, text);
    if (answer.status == 200 || answer.status == 201) {
      const Json token = value_in(text, api == Api::rest, session_.options().name);
      if (!token.is_string()) break;
      login.token = Secret{token.get<std::string>()};
      return login;
    }
    if (answer.status >= 500)
      throw Error{ErrorCode::unreachable, "cannot read the tags of vCenter {}: it answers HTTP {}",
                  session_.options().name, answer.status};
    if (answer.status == 401) break;  // one wrong password is enough
  }
  return {.api = Api::none, .generation = generation};
}

HttpAnswer Tags::send(const Login& login, const std::string& method, const std::string& what, const std::string& action,
                      const Json& body, const std::stop_token& stop, std::string& text) {
  const bool rest = login.api == Api::rest;
  const bool session = what == "session";
  HttpRequest request{.method = method,
                      .path = session ? (rest ? "/rest/com/vmware/cis/session" : "/api/session")
                                      : (rest ? "/rest/com/vmware/cis/tagging/" : "/api/cis/tagging/") + what,
                      .fresh = session && method == "POST",
                      .what = "read the tags of vCenter " + session_.options().name,
                      .whole = std::min<std::chrono::milliseconds>(session_.options().read_timeout, kLongest),
                      .stop = stop};
  if (!action.empty()) request.path += (rest ? "?~action=" : "?action=") + action;
  request.headers = {"Accept: application/json", "User-Agent: decomd/" DECOM_VERSION};
  if (!body.is_null()) {
    request.headers.emplace_back("Content-Type: application/json");
    request.body = body.dump();
  }
  if (login.token.empty()) {
    const Secret both{session_.options().username + ":" + session_.password().expose()};
    request.headers.push_back("Authorization: Basic " + base64(both.expose()));
  } else {
    request.headers.push_back("vmware-api-session-id: " + login.token.expose());
  }
  return session_.http(request, text);
}

}  // namespace decom::vsphere
