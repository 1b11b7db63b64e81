#include "daemon/vsphere/tags.hpp"

#include <algorithm>

#include <openssl/evp.h>

namespace decom::vsphere {
namespace {

constexpr std::size_t kIdsACall = 500;

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

void sort_all(TagsByMachine& tags) {
  for (auto& [machine, names] : tags) std::ranges::sort(names);
}

}  // namespace

Tags::~Tags() {
  if (token_.empty()) return;
  try {
    std::string text;
    send("DELETE", "session", "", nullptr, {}, text);
  } catch (const std::exception&) {  // it ends by itself
  }
}

TagsByMachine Tags::of(const std::vector<std::string>& machines, const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  TagsByMachine tags;
  for (std::size_t at = 0; at < machines.size(); at += kIdsACall) {
    Json body = {{"object_ids", Json::array()}};
    for (std::size_t i = at; i < std::min(machines.size(), at + kIdsACall); ++i)
      body["object_ids"].push_back({{"type", "VirtualMachine"}, {"id", machines[i]}});
    const auto found = call("POST", "tag-association", "list-attached-tags-on-objects", body, stop);
    if (!found || !found->is_array()) return {};
    for (const auto& entry : *found)
      for (const auto& tag : entry.value("tag_ids", Json::array()))
        if (tag.is_string())
          tags[text_at(entry.value("object_id", Json::object()), "id")].push_back(
              name_of(tag.get<std::string>(), stop));
  }
  sort_all(tags);
  return tags;
}

TagsByMachine Tags::all(const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  TagsByMachine tags;
  const auto ids = call("GET", "tag", "", nullptr, stop);
  if (!ids || !ids->is_array()) return {};
  names_.clear();  // they can be renamed
  categories_.clear();
  for (std::size_t at = 0; at < ids->size(); at += kIdsACall) {
    Json body = {{"tag_ids", Json::array()}};
    for (std::size_t i = at; i < std::min(ids->size(), at + kIdsACall); ++i) body["tag_ids"].push_back(ids->at(i));
    const auto found = call("POST", "tag-association", "list-attached-objects-on-tags", body, stop);
    if (!found || !found->is_array()) return {};
    for (const auto& entry : *found)
      for (const auto& object : entry.value("object_ids", Json::array()))
        if (text_at(object, "type") == "VirtualMachine")
          tags[text_at(object, "id")].push_back(name_of(text_at(entry, "tag_id"), stop));
  }
  sort_all(tags);
  return tags;
}

std::string Tags::name_of(const std::string& tag, const std::stop_token& stop) {
  if (const auto known = names_.find(tag); known != names_.end()) return known->second;
  const std::string id = api_ == Api::rest ? "id:" : "";
  const auto found = call("GET", "tag/" + id + tag, "", nullptr, stop);
  const std::string category = found ? text_at(*found, "category_id") : std::string{};
  if (!category.empty() && !categories_.contains(category)) {
    const auto kind = call("GET", "category/" + id + category, "", nullptr, stop);
    categories_[category] = kind ? text_at(*kind, "name") : std::string{};
  }
  return names_[tag] = found ? categories_[category] + ":" + text_at(*found, "name") : tag;
}

std::optional<Json> Tags::call(const std::string& method, const std::string& what, const std::string& action,
                               const Json& body, const std::stop_token& stop) {
  for (int round = 1;; ++round) {
    if (token_.empty() && !log_in(stop)) return std::nullopt;
    std::string text;
    const HttpAnswer answer = send(method, what, action, body, stop, text);
    if (answer.status == 401 && round == 1) {  // the token has expired
      token_ = {};
      continue;
    }
    if (answer.status == 401 || answer.status == 403 || answer.status == 404) return std::nullopt;
    if (answer.status != 200)
      throw Error{answer.status >= 502 ? ErrorCode::unreachable : ErrorCode::protocol,
                  "cannot read the tags of vCenter {}: it answers HTTP {}", session_.options().name, answer.status};
    try {
      Json read = parse_json(text);
      return api_ == Api::rest ? read.at("value") : read;
    } catch (const std::exception&) {
      throw Error{ErrorCode::protocol, "cannot read the tags of vCenter {}: its answer makes no sense",
                  session_.options().name};
    }
  }
}

bool Tags::log_in(const std::stop_token& stop) {
  // After a new login with the SOAP API the server may be another version, or the password a better one.
  const std::uint64_t generation = session_.service()->generation;
  if (generation_ == generation && api_ == Api::none) return false;
  generation_ = generation;
  for (const Api api : {Api::rest, Api::api}) {
    api_ = api;
    std::string text;
    const HttpAnswer answer = send("POST", "session", "", nullptr, stop, text);
    if (answer.status != 200 && answer.status != 201) {
      if (answer.status >= 500)
        throw Error{ErrorCode::unreachable, "cannot read the tags of vCenter {}: it answers HTTP {}",
                    session_.options().name, answer.status};
      if (answer.status == 401) break;  // one wrong password is enough
      continue;
    }
    try {
      const Json read = parse_json(text);
      token_ = Secret{(api == Api::rest ? read.at("value") : read).get<std::string>()};
    } catch (const std::exception&) {
      throw Error{ErrorCode::protocol, "cannot read the tags of vCenter {}: its answer makes no sense",
                  session_.options().name};
    }
    return true;
  }
  api_ = Api::none;
  return false;
}

HttpAnswer Tags::send(const std::string& method, const std::string& what, const std::string& action, const Json& body,
                      const std::stop_token& stop, std::string& text) {
  const bool rest = api_ == Api::rest;
  const bool session = what == "session";
  HttpRequest request{.method = method,
                      .path = session ? (rest ? "/rest/com/vmware/cis/session" : "/api/session")
                                      : (rest ? "/rest/com/vmware/cis/tagging/" : "/api/cis/tagging/") + what,
                      .fresh = session && method == "POST",
                      .what = "read the tags of vCenter " + session_.options().name,
                      .whole = session_.options().read_timeout,
                      .stop = stop};
  if (!action.empty()) request.path += (rest ? "?~action=" : "?action=") + action;
  request.headers = {"Accept: application/json", "User-Agent: decomd/" DECOM_VERSION};
  if (!body.is_null()) {
    request.headers.emplace_back("Content-Type: application/json");
    request.body = body.dump();
  }
  if (token_.empty()) {
    const Secret both{session_.options().username + ":" + session_.password().expose()};
    request.headers.push_back("Authorization: Basic " + base64(both.expose()));
  } else {
    request.headers.push_back("vmware-api-session-id: " + token_.expose());
  }
  return session_.http(request, text);
}

}  // namespace decom::vsphere
