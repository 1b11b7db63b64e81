#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include <curl/curl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/error.hpp"
#include "common/base/secret.hpp"
#include "common/base/text.hpp"
#include "daemon/curl/handle.hpp"
#include "daemon/notices/courier.hpp"
#include "daemon/notices/mail_message.hpp"

namespace decom::notices {
namespace {

constexpr std::size_t kMostOfReply = 160;
constexpr std::size_t kMostReplies = 1000;

/// One mail over one connection that is used once.
class Submission {
 public:
  Submission(MailOptions& options, const Secret& password, const std::string& mail, std::chrono::milliseconds within)
      : options_(options), rest_(mail) {
    const auto set = [&](CURLoption option, auto value) { curl_.set(option, value); };
    const bool numeric6 = options.server.find(':') != std::string::npos;
    const std::string url = fmt::format("{}://{}{}{}:{}", options.security == MailSecurity::tls ? "smtps" : "smtp",
                                        numeric6 ? "[" : "", options.server, numeric6 ? "]" : "", options.port);
    set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_USE_SSL, static_cast<long>(options.security == MailSecurity::none ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    curl_.trust({.host = options.server, .ca_file = options.trust.ca_file, .thumbprint = options.trust.thumbprint});
    if (!options.username.empty()) {
      // In the clear within TLS: what else a server offers (NTLM, GSSAPI) would use other credentials of this host.
      set(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
      set(CURLOPT_USERNAME, options.username.c_str());
      set(CURLOPT_PASSWORD, password.expose().c_str());
    }
    set(CURLOPT_MAIL_FROM, fmt::format("<{}>", options.from).c_str());
    std::vector<std::string> recipients;
    recipients.reserve(options.to.size());
    for (const std::string& to : options.to) recipients.push_back(fmt::format("<{}>", to));
    to_ = curl::list_of(recipients);
    set(CURLOPT_MAIL_RCPT, to_.get());
    set(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);  // one address that is gone must not keep the others from knowing
    set(CURLOPT_OPENSOCKETFUNCTION, &Submission::on_open);
    set(CURLOPT_OPENSOCKETDATA, this);
    set(CURLOPT_CLOSESOCKETFUNCTION, &Submission::on_close);
    set(CURLOPT_CLOSESOCKETDATA, this);
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &Submission::on_read);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Submission::on_reply);
    set(CURLOPT_HEADERDATA, this);
    const long limit = static_cast<long>(std::max<std::int64_t>(1, within.count()));
    set(CURLOPT_TIMEOUT_MS, limit);
    set(CURLOPT_CONNECTTIMEOUT_MS, limit);
    set(CURLOPT_SERVER_RESPONSE_TIMEOUT, std::max(1L, limit / 1000));
  }

  Verdict run(const std::stop_token& stop) {
    // Else libcurl would say QUIT and wait for the answer.
    const auto hang_up = [&] {
      for (const curl_socket_t socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    };
    if (curl_.run(stop, {.give_up = {}, .before_leaving = hang_up}) == curl::Handle::End::stopped)
      return later("stopped");
    return curl_.code() == CURLE_OK ? delivered() : failed(curl_.code());
  }

 private:
  static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* address) {
    const int made = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (made < 0) return CURL_SOCKET_BAD;
    static_cast<Submission*>(self)->sockets_.insert(made);
    return made;
  }
  static int on_close(void* self, curl_socket_t socket) {
    static_cast<Submission*>(self)->sockets_.erase(socket);
    return ::close(socket);
  }

  static std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* self) {
    auto& me = *static_cast<Submission*>(self);
    const std::size_t piece = std::min(size * count, me.rest_.size());
    std::memcpy(buffer, me.rest_.data(), piece);
    me.rest_.remove_prefix(piece);
    return piece;
  }

  /// libcurl hands over every line that the server says; the last one of a reply has no dash behind its code.
  static std::size_t on_reply(char* data, std::size_t, std::size_t size, void* self) {
    auto& me = *static_cast<Submission*>(self);
    const std::string_view line = trimmed({data, size});
    const bool last = line.size() >= 3 &&
                      std::ranges::all_of(line.substr(0, 3), [](char c) { return c >= '0' && c <= '9'; }) &&
                      (line.size() == 3 || line[3] == ' ');
    if (last && me.replies_.size() < kMostReplies) me.replies_.emplace_back(line);
    return size;
  }

  static int code_of(const std::string& reply) { return std::stoi(reply.substr(0, 3)); }
  static std::string quoted(const std::string& reply) { return fit(safe_for_terminal(reply), kMostOfReply); }

  [[nodiscard]] Verdict verdict(Verdict::What what, std::string_view why) const {
    return {.what = what, .text = fmt::format("cannot send mail by {}: {}", options_.server, why), .after = {}};
  }
  [[nodiscard]] Verdict later(std::string_view why) const { return verdict(Verdict::What::later, why); }
  [[nodiscard]] Verdict never(std::string_view why) const { return verdict(Verdict::What::never, why); }

  /// The answers to RCPT stand right before the one to DATA, in the order of the addresses.
  [[nodiscard]] Verdict delivered() const {
    Verdict verdict{.what = Verdict::What::delivered, .text = {}, .after = {}};
    const auto data = std::ranges::find_if(replies_, [](const std::string& reply) { return reply.starts_with("354"); });
    const auto before = static_cast<std::size_t>(data - replies_.begin());
    if (data == replies_.end() || before < options_.to.size()) return verdict;
    for (std::size_t i = 0; i < options_.to.size(); ++i) {
      const std::string& reply = replies_[before - options_.to.size() + i];
      if (code_of(reply) < 400) continue;
      verdict.text +=
          fmt::format("{}{} was not taken: {}", verdict.text.empty() ? "" : "; ", options_.to[i], quoted(reply));
    }
    return verdict;
  }

  [[nodiscard]] Verdict failed(CURLcode code) const {
    const std::string detail = safe_for_terminal(curl_.detail());
    // Behind what went wrong comes the server's farewell, since libcurl says QUIT.
    const auto last = std::ranges::find_if(replies_.rbegin(), replies_.rend(),
                                           [](const std::string& reply) { return !reply.starts_with("221"); });
    const std::string said = last == replies_.rend() ? std::string{} : quoted(*last);
    const int reply = last == replies_.rend() ? 0 : code_of(*last);
    switch (code) {
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_ISSUER_ERROR: return never("its certificate is not the one to be trusted (" + detail + ")");
      case CURLE_SSL_CACERT_BADFILE: return never("the CA file " + options_.trust.ca_file.string() + " cannot be used");
      case CURLE_USE_SSL_FAILED: return never("it does not offer STARTTLS");
      case CURLE_LOGIN_DENIED:
        if (reply >= 400 && reply < 500) return later(said);
        return verdict(Verdict::What::denied, "the login of " + safe_for_terminal(options_.username) + " is refused" +
                                                  (reply >= 500 ? ": " + said : ""));
      default: break;
    }
    if (reply >= 500) return never(said);
    if (reply >= 400) return later(said);
    return later(detail);
  }

  MailOptions& options_;
  std::string_view rest_;
  std::vector<std::string> replies_;
  std::set<curl_socket_t> sockets_;
  curl::List to_ = curl::list_of({});
  curl::Handle curl_;  // goes first: closing its connection still calls us
};

class MailCourier final : public Courier {
 public:
  MailCourier(const ChannelOptions& channel, Clock& clock)
      : options_(std::get<MailOptions>(channel.way)), timeout_(channel.timeout), clock_(clock) {}

  Verdict carry(const Notice& notice, const std::stop_token& stop) const override {
    try {
      const Secret password = options_.username.empty() ? Secret{} : read_secret_file(options_.password_file);
      const std::string mail = mail_message(options_, notice, clock_.now());
      MailOptions options = options_;
      return Submission(options, password, mail, timeout_).run(stop);
    } catch (const Error& e) {
      return {.what = Verdict::What::never, .text = e.what(), .after = {}};
    }
  }

  [[nodiscard]] std::string where_to() const override {
    return fmt::format("{} by {}:{}", join(options_.to, ", "), options_.server, options_.port);
  }
  [[nodiscard]] std::string credential_mark() const override { return mark_of_file(options_.password_file); }

 private:
  MailOptions options_;
  std::chrono::milliseconds timeout_;
  Clock& clock_;
};

}  // namespace

std::unique_ptr<Courier> make_mail_courier(const ChannelOptions& options, Clock& clock) {
  return std::make_unique<MailCourier>(options, clock);
}

}  // namespace decom::notices
