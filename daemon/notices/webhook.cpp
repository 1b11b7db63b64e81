#include <algorithm>

#include <fmt/core.h>

#include "common/base/crypto.hpp"
#include "common/base/error.hpp"
#include "common/base/secret.hpp"
#include "common/base/text.hpp"
#include "daemon/notices/courier.hpp"
#include "daemon/notices/shape.hpp"
#include "daemon/records/http_connection.hpp"
#include "daemon/records/http_url.hpp"

namespace decom::notices {
namespace {

/// Parts of an address shorter than this are words such as "services"; a longer one may be the secret.
constexpr std::size_t kShortestSecret = 8;
constexpr std::size_t kMostOfAnswer = 160;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// What the other side says, unless it repeats something of the address or of a header of ours.
std::string quotable(std::string_view answer, const std::vector<const Secret*>& secrets) {
  const std::string_view text = trimmed(answer);
  const auto line = text.substr(0, std::min(text.find('\n'), text.size()));
  if (line.empty() || line.front() == '<') return {};  // HTML says nothing to people
  for (const Secret* secret : secrets) {
    std::string_view rest = secret->expose();
    while (!rest.empty()) {
      const auto end = std::min<std::size_t>(
          static_cast<std::size_t>(std::ranges::find_if_not(rest, is_word) - rest.begin()), rest.size());
      if (end >= kShortestSecret && answer.find(rest.substr(0, end)) != std::string_view::npos) return {};
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return fit(safe_for_terminal(line), kMostOfAnswer);
}

class WebhookCourier final : public Courier {
 public:
  WebhookCourier(const ChannelOptions& channel, Clock& clock)
      : options_(std::get<WebhookOptions>(channel.way)), timeout_(channel.timeout), clock_(clock) {}

  Verdict carry(const Notice& notice, const std::stop_token& stop) const override {
    std::string where = "the webhook";
    try {
      const Secret address = read_secret_file(options_.url_file);
      const auto url = http::parse_url(address.expose());
      if (!url || (url->scheme != "https" && !url->loopback))
        throw Error{ErrorCode::invalid, "{} holds no https:// address", options_.url_file.string()};
      where = url->host;
      return send(notice, address, *url, stop);
    } catch (const Error& e) {
      return verdict_of(e, where);
    }
  }

  [[nodiscard]] std::string where_to() const override {
    try {
      const auto url = http::parse_url(read_secret_file(options_.url_file).expose());
      return url ? url->origin : "no address";
    } catch (const Error&) {
      return "no address";
    }
  }

  [[nodiscard]] std::string credential_mark() const override { return {}; }

 private:
  Verdict send(const Notice& notice, const Secret& address, const http::Url& url, const std::stop_token& stop) const {
    http::Outgoing request{.method = "POST",
                           .url = address.expose(),
                           .headers = {"Content-Type: application/json", "User-Agent: decomd/" DECOM_VERSION},
                           .body = body_of(options_, notice),
                           .changes = true,
                           .what = "tell " + url.host};
    Secret header;
    if (!options_.header_file.empty()) {
      header = read_secret_file(options_.header_file);
      const std::string& line = header.expose();
      if (line.find(':') == std::string::npos || line.find_first_of("\r\n") != std::string::npos)
        throw Error{ErrorCode::invalid, "{} is not one line 'Name: value'", options_.header_file.string()};
      request.headers.push_back(line);
    }
    if (!options_.sign_file.empty()) {
      // The time is signed too, so that an old notice cannot be sent again as a new one.
      const std::string at = std::to_string(to_millis(clock_.now()) / 1000);
      request.headers.push_back("X-Decom-Timestamp: " + at);
      request.headers.push_back("X-Decom-Signature: sha256=" +
                                hmac_sha256_hex(read_secret_file(options_.sign_file), at + "." + request.body.value()));
    }
    http::Connection connection({.host = url.host,
                                 .tls = url.scheme == "https",
                                 .ca_file = options_.trust.ca_file,
                                 .thumbprint = options_.trust.thumbprint,
                                 .certificate_file = {},
                                 .key_file = {}});
    const http::Reply reply = connection.perform(request, stop, timeout_);
    if (reply.status >= 200 && reply.status < 300) return {.what = Verdict::What::delivered, .text = {}, .after = {}};
    const std::string words = quotable(reply.body, {&address, &header});
    const std::string text =
        fmt::format("cannot tell {}: HTTP {}{}{}", url.host, reply.status, words.empty() ? "" : ": ", words);
    switch (reply.status) {
      case 408:
      case 425:
      case 429: return {.what = Verdict::What::later, .text = text, .after = reply.retry_after(clock_.now())};
      default: break;
    }
    if (reply.status >= 500)
      return {.what = Verdict::What::later, .text = text, .after = reply.retry_after(clock_.now())};
    return {.what = Verdict::What::never, .text = text, .after = {}};  // a redirect too: an address moved
  }

  static Verdict verdict_of(const Error& error, const std::string& where) {
    switch (error.code()) {
      case ErrorCode::untrusted:
      case ErrorCode::unauthenticated:
      case ErrorCode::invalid:
      case ErrorCode::internal: return {.what = Verdict::What::never, .text = error.what(), .after = {}};
      case ErrorCode::lost:
        // It may have arrived; a notice that comes twice is better than one that does not.
        return {.what = Verdict::What::later,
                .text = fmt::format("cannot tell {}: no whole answer came back", where),
                .after = {}};
      default: return {.what = Verdict::What::later, .text = error.what(), .after = {}};
    }
  }

  WebhookOptions options_;
  std::chrono::milliseconds timeout_;
  Clock& clock_;
};

}  // namespace

std::unique_ptr<Courier> make_webhook_courier(const ChannelOptions& options, Clock& clock) {
  return std::make_unique<WebhookCourier>(options, clock);
}

}  // namespace decom::notices
