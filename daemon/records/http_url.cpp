#include "daemon/records/http_url.hpp"

#include <memory>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include "common/base/text.hpp"

namespace decom::http {
namespace {

using Handle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part(const Handle& url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK || text == nullptr) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return text;
}

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;  // libcurl never asks a name server for it
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

Url take_apart(const Handle& handle) {
  Url url;
  url.scheme = folded(part(handle, CURLUPART_SCHEME));
  url.host = folded(part(handle, CURLUPART_HOST));
  url.origin = url.scheme + "://" + url.host + ":" + part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  url.path = part(handle, CURLUPART_PATH);
  if (url.host.starts_with('[') && url.host.ends_with(']')) url.host = url.host.substr(1, url.host.size() - 2);
  url.loopback = is_loopback(url.host);
  url.plain_shape = (url.scheme == "https" || url.scheme == "http") && !url.host.empty() &&
                    part(handle, CURLUPART_USER).empty() && part(handle, CURLUPART_PASSWORD).empty() &&
                    part(handle, CURLUPART_QUERY).empty() && part(handle, CURLUPART_FRAGMENT).empty();
  return url;
}

}  // namespace

std::optional<Url> parse_url(const std::string& text) {
  const Handle handle(curl_url(), &curl_url_cleanup);
  if (!handle || curl_url_set(handle.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return std::nullopt;
  return take_apart(handle);
}

std::optional<std::string> follow(const std::string& base, const std::string& link) {
  const Handle handle(curl_url(), &curl_url_cleanup);
  if (!handle || curl_url_set(handle.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK) return std::nullopt;
  const std::string origin = take_apart(handle).origin;
  // A second URL is taken relative to the first (curl_url_set(3)).
  if (curl_url_set(handle.get(), CURLUPART_URL, link.c_str(), 0) != CURLUE_OK) return std::nullopt;
  if (take_apart(handle).origin != origin || !part(handle, CURLUPART_USER).empty()) return std::nullopt;
  return part(handle, CURLUPART_URL);
}

}  // namespace decom::http
