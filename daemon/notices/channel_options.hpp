#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace decom::notices {

/// What somebody may want to be told of.
enum class Occasion {
  start,     ///< the first machine of a request is begun
  finish,    ///< all of its machines have settled
  failure,   ///< machines that failed
  attention  ///< machines, or the daemon as a whole, that wait for a person
};
inline constexpr std::array kOccasions{Occasion::start, Occasion::finish, Occasion::failure, Occasion::attention};
std::string_view to_string(Occasion occasion);

/// How names from outside are written where a message is shown, so that none of them becomes syntax.
enum class Markup { plain, slack, discord, markdown };
std::string_view to_string(Markup markup);

/// The certificate of the other side.
struct ServerTrust {
  std::filesystem::path ca_file;  ///< empty: what this host trusts
  std::string thumbprint;         ///< lower-case hex; instead of a CA
};

struct WebhookOptions {
  std::string shape = "generic";  ///< for people: of a body of the site's own "own"
  nlohmann::json body;            ///< with variables; null: the whole notice, as the generic shape has it
  Markup markup = Markup::plain;
  std::filesystem::path url_file;     ///< such an address is a secret by itself
  std::filesystem::path header_file;  ///< one more header line, as "Authorization: Bearer …"; may be empty
  std::filesystem::path sign_file;    ///< key of an HMAC over the body; may be empty
  ServerTrust trust;
};

enum class MailSecurity { starttls, tls, none };
std::string_view to_string(MailSecurity security);

struct MailOptions {
  std::string server;
  std::uint16_t port = 587;
  MailSecurity security = MailSecurity::starttls;
  std::string username;  ///< empty: no login
  std::filesystem::path password_file;
  std::string from;
  std::vector<std::string> to;
  ServerTrust trust;
};

/// One way to tell people, as configured: a file of notices.d.
struct ChannelOptions {
  std::string name;
  std::string source;  ///< its file
  std::set<Occasion> on{kOccasions.begin(), kOccasions.end()};
  std::vector<std::string> users;     ///< of requests by these alone; empty: all
  std::vector<std::string> vcenters;  ///< of requests with a machine of one of these; empty: all
  std::chrono::milliseconds timeout = std::chrono::seconds{10};
  std::chrono::milliseconds give_up = std::chrono::minutes{10};
  std::variant<WebhookOptions, MailOptions> way;
};

}  // namespace decom::notices
