#include "daemon/records/http_session.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/core.h>
#include <openssl/evp.h>

#include "common/base/crypto.hpp"
#include "common/base/error.hpp"

namespace decom::http {
namespace {

using enum ErrorCode;

std::string base64(const std::string& text) {
  std::string encoded(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  encoded.resize(static_cast<std::size_t>(size));
  return encoded;
}

Secret header_line(const std::string& name, const std::string& value, const std::string& file) {
  if (std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
    throw Error{invalid, "the credential in {} has control characters, which a header cannot hold", file};
  return Secret{name + ": " + value};
}

/// Equal while the file is: rewriting it with the same content counts as new.
std::string fingerprint(const std::filesystem::path& file, const Secret& secret) {
  std::error_code unread;
  const auto time = std::filesystem::last_write_time(file, unread).time_since_epoch().count();
  return sha256_hex(fmt::format("{}\n{}", time, secret.expose()));
}

bool buys_a_token(CredentialType type) { return type == CredentialType::login || type == CredentialType::oauth2; }

std::string cookie_of(const Reply& reply, const std::string& name) {
  for (const auto& [header, value] : reply.headers)
    if (header == "set-cookie" && value.starts_with(name + "="))
      return value.substr(name.size() + 1, value.find(';') - name.size() - 1);
  return {};
}

/// Ends "somebody is logging in" however it ends.
class Turn {
 public:
  Turn(std::mutex& mutex, std::condition_variable_any& changed, bool& flag)
      : mutex_(mutex), changed_(changed), flag_(flag) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    {
      const std::lock_guard lock(mutex_);
      flag_ = false;
    }
    changed_.notify_all();
  }

 private:
  std::mutex& mutex_;
  std::condition_variable_any& changed_;
  bool& flag_;
};

}  // namespace

Session::Ticket Session::ticket(Wire& wire) {
  const Credential& credential = wire.recipe().credential;
  Ticket ticket;
  if (credential.secret_file.empty()) return ticket;
  const auto file = wire.world().secret_file(credential.secret_file);
  const Secret secret = read_secret_file(file);
  ticket.secret = fingerprint(file, secret);
  ticket.proof.hidden.push_back(secret);
  ticket.renewable = buys_a_token(credential.type);
  {
    std::unique_lock lock(mutex_);
    const auto check = [&] {
      if (refused_ == ticket.secret)
        throw Error{unauthenticated, "{} was refused before and is not sent again; write it anew", credential.words()};
    };
    check();
    if (ticket.renewable) {
      const auto usable = [&] {
        return token_ && token_->secret == ticket.secret &&
               (!token_->until || wire.world().clock->steady() < *token_->until);
      };
      while (logging_in_ && !usable()) {
        if (wire.call().stop.stop_requested()) throw Error{cancelled, "stopped"};
        if (wire.world().clock->steady() >= wire.call().deadline)
          throw Error{timed_out, "cannot log in: another login is still under way"};
        wire.world().clock->wait_until(changed_, lock, wire.call().stop, wire.call().deadline);
      }
      check();
      if (!usable()) {
        logging_in_ = true;
        lock.unlock();
        const Turn turn(mutex_, changed_, logging_in_);
        Token token;
        try {
          token = log_in(wire, secret);
        } catch (const Error& e) {
          if (e.code() != unauthenticated) throw;
          refused(ticket);
          throw Error{unauthenticated, "{}: {} is refused", e.what(), credential.words()};
        }
        token.secret = ticket.secret;
        lock.lock();
        token_ = std::move(token);
        ticket.proof.token = token_->value;
        lock.unlock();  // before `turn` ends, which locks
      } else {
        ticket.proof.token = token_->value;
      }
    }
  }
  if (!ticket.renewable) ticket.proof.token = secret;
  ticket.proof.hidden.push_back(ticket.proof.token);
  auto& headers = ticket.proof.headers;
  if (credential.type == CredentialType::basic)
    headers.push_back(header_line("Authorization", "Basic " + base64(credential.username + ":" + secret.expose()),
                                  credential.secret_file));
  if (!credential.header.empty())
    headers.push_back(
        header_line(credential.header, credential.prefix + ticket.proof.token.expose(), credential.secret_file));
  if (!credential.token_cookie.empty())
    headers.push_back(
        header_line("Cookie", credential.token_cookie + "=" + ticket.proof.token.expose(), credential.secret_file));
  return ticket;
}

Session::Token Session::log_in(Wire& wire, const Secret& secret) {
  return wire.recipe().credential.type == CredentialType::oauth2 ? by_oauth2(wire, secret) : by_request(wire, secret);
}

Session::Token Session::by_request(Wire& wire, const Secret& secret) {
  const Recipe& recipe = wire.recipe();
  const Credential& credential = recipe.credential;
  const std::string what = fmt::format("log in to {} as {}", recipe.host, credential.username);
  Values values = wire.values();
  values["username"] = credential.username;
  values["password"] = secret.expose();
  Proof proof;
  proof.hidden.push_back(secret);
  if (credential.basic_login)
    proof.headers.push_back(header_line("Authorization", "Basic " + base64(credential.username + ":" + secret.expose()),
                                        credential.secret_file));
  Answer answer;
  try {
    answer = wire.send(credential.login, Purpose::login, values, proof, what, wire.url_of(credential.login, values));
  } catch (const Error& e) {
    if (e.code() == denied) throw Error{unauthenticated, e.what()};
    throw;
  }
  if (answer.meaning != Meaning::ok) throw Error{unauthenticated, "cannot {}: {}", what, answer.words};
  if (const auto wrong = unmet(credential.login, answer, values))
    throw Error{unauthenticated, "cannot {}: {}", what, *wrong};
  std::string token;
  if (credential.token_at) {
    if (!answer.document) throw Error{protocol, "cannot {}: the answer cannot be read ({})", what, answer.words};
    const auto texts = answer.document->texts(*credential.token_at);
    if (texts.size() == 1 && texts.front() != "null") token = texts.front();
  } else {
    token = credential.token_cookie.empty() ? answer.reply.header(credential.token_header)
                                            : cookie_of(answer.reply, credential.token_cookie);
  }
  if (token.empty()) throw Error{protocol, "cannot {}: the answer has no token ({})", what, answer.words};
  return {.value = Secret{token}, .secret = {}, .until = {}};
}

Session::Token Session::by_oauth2(Wire& wire, const Secret& secret) {
  // RFC 6749, sections 2.3.1 and 4.4
  const Credential& credential = wire.recipe().credential;
  const std::string what = fmt::format("get a token for {}", credential.username);
  std::vector<std::pair<std::string, std::string>> form{{"grant_type", "client_credentials"}};
  if (!credential.scope.empty()) form.emplace_back("scope", credential.scope);
  std::vector<std::string> headers;
  if (credential.client_in_header) {
    headers.push_back("Authorization: Basic " +
                      base64(percent_encoded(credential.username) + ":" + percent_encoded(secret.expose())));
  } else {
    form.emplace_back("client_id", credential.username);
    form.emplace_back("client_secret", secret.expose());
  }
  const Reply reply = wire.post_form(credential.token_url, form, headers, what);
  if (reply.status == 400 || reply.status == 401 || reply.status == 403)
    throw Error{unauthenticated, "cannot {}: the client is refused (HTTP {})", what, reply.status};
  // RFC 6749 says 200; CrowdStrike says 201
  if (reply.status != 200 && reply.status != 201)
    throw Error{ErrorCode::refused, "cannot {}: HTTP {}", what, reply.status};
  const Document document(Format::json, reply.body);
  const auto first = [&](const std::string& at) {
    const auto texts = document.texts(Selector{Format::json, at});
    return texts.empty() ? std::string{} : texts.front();
  };
  Token token{.value = Secret{first("/access_token")}, .secret = {}, .until = {}};
  if (token.value.empty()) throw Error{protocol, "cannot {}: the answer has no token", what};
  const std::string life = first("/expires_in");
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(life.data(), life.data() + life.size(), seconds);
  if (!life.empty() && error == std::errc{} && end == life.data() + life.size() && seconds < 10'000'000)
    token.until = wire.world().clock->steady() + std::chrono::seconds{std::max<std::int64_t>(1, seconds - 30)};
  return token;
}

void Session::expired(const Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  if (token_ && token_->value.expose() == ticket.proof.token.expose()) token_.reset();
}

void Session::refused(const Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  refused_ = ticket.secret;
}

void Session::forgive() {
  const std::lock_guard lock(mutex_);
  refused_.clear();
}

}  // namespace decom::http
