#include "daemon/config/notice_file.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "common/base/certificate.hpp"
#include "common/base/secret.hpp"
#include "common/base/text.hpp"
#include "daemon/config/json_of_toml.hpp"
#include "daemon/config/record_file.hpp"
#include "daemon/config/rule_reader.hpp"
#include "daemon/notices/mail_message.hpp"
#include "daemon/notices/shape.hpp"
#include "daemon/records/http_url.hpp"

namespace decom {

using namespace notices;

namespace {

using namespace std::chrono_literals;
using Wrong = std::optional<std::string>;

constexpr std::size_t kMostChannels = 32;

bool is_this_host(const std::string& server) {
  return server == "localhost" || server == "::1" || server.starts_with("127.");
}

template <typename Value, std::size_t N>
std::vector<std::string> names_of(const std::array<Value, N>& all) {
  std::vector<std::string> names;
  names.reserve(N);
  for (const Value one : all) names.emplace_back(to_string(one));
  return names;
}

/// One of an enumeration's names.
template <typename Value, std::size_t N>
bool read_choice(TableReader& reader, std::string_view key, Value& target, const std::array<Value, N>& all) {
  std::string text;
  const auto check = [&](const std::string& value) -> Wrong {
    const std::vector<std::string> names = names_of(all);
    if (std::ranges::find(names, value) != names.end()) return std::nullopt;
    return fmt::format("is '{}'; expected {}", value, join(names, ", "));
  };
  if (!reader.string(key, text, check)) return false;
  target = *std::ranges::find_if(all, [&](Value one) { return to_string(one) == text; });
  return true;
}

class NoticeFileReader {
 public:
  NoticeFileReader(const std::filesystem::path& file, const NoticeFiles& files, Mistakes& mistakes)
      : file_(file), files_(files), mistakes_(mistakes) {}

  std::optional<ChannelOptions> read() {
    const auto table = parse_toml_file(file_, mistakes_);
    if (!table) return std::nullopt;
    const std::size_t before = mistakes_.size();
    ChannelOptions channel;
    channel.source = file_.string();
    {
      TableReader reader(*table, "", file_.string(), mistakes_);
      read_shared(reader, channel);
      std::string kind;
      reader.require("kind");
      const bool known = reader.string("kind", kind, [](const std::string& value) -> Wrong {
        if (value == "webhook" || value == "mail") return std::nullopt;
        return fmt::format("is '{}'; expected webhook or mail", value);
      });
      if (known && kind == "webhook") channel.way = read_webhook(reader);
      if (known && kind == "mail") channel.way = read_mail(reader);
      if (!known) reader.rest_as_nodes([](const std::string&, const toml::node&) {});  // of which kind is not known
    }
    if (mistakes_.size() != before) return std::nullopt;
    return channel;
  }

 private:
  void read_shared(TableReader& reader, ChannelOptions& channel) {
    channel.name = file_.stem().string();
    const auto check_name = [](const std::string& name) { return check_step_name(name); };
    if (!reader.string("name", channel.name, check_name) && !reader.has("name"))
      if (const auto wrong = check_name(channel.name))
        reader.mistake("name", fmt::format("'name' is missing, and the file's own {}", *wrong));
    std::vector<std::string> on;
    const auto check_occasion = [](const std::string& name) -> Wrong {
      const std::vector<std::string> names = names_of(kOccasions);
      if (std::ranges::find(names, name) != names.end()) return std::nullopt;
      return fmt::format("has '{}'; expected {}", name, join(names, ", "));
    };
    if (reader.strings("on", on, check_occasion)) {
      channel.on.clear();
      for (const Occasion occasion : kOccasions)
        if (std::ranges::find(on, to_string(occasion)) != on.end()) channel.on.insert(occasion);
      if (on.empty()) reader.mistake("on", "'on' is empty, so that nobody would be told of anything");
    }
    reader.strings("users", channel.users);
    reader.strings("vcenters", channel.vcenters, [&](const std::string& name) -> Wrong {
      if (std::ranges::find(files_.vcenters, name) != files_.vcenters.end()) return std::nullopt;
      const auto near = nearest(name, files_.vcenters, 1);
      return fmt::format("has '{}', which is no [[vcenter]]{}", name,
                         near.empty() ? "" : fmt::format(": did you mean '{}'?", near.front()));
    });
    reader.duration("timeout", channel.timeout, 100ms, 2min);
    reader.duration("give_up", channel.give_up, 0ms, 24h);
  }

  void read_trust(TableReader& reader, ServerTrust& trust) {
    const bool ca = reader.file("ca_file", trust.ca_file, files_.secret_file, false);
    std::string thumbprint;
    const bool pinned = reader.string("thumbprint", thumbprint, [](const std::string& text) -> Wrong {
      if (!normal_thumbprint(text).empty()) return std::nullopt;
      return "is not 'SHA256:' and 64 hexadecimal digits";
    });
    trust.thumbprint = normal_thumbprint(thumbprint);
    if (ca && pinned) reader.mistake("thumbprint", "ca_file and thumbprint exclude each other");
  }

  WebhookOptions read_webhook(TableReader& reader) {
    WebhookOptions webhook;
    reader.require("url_file");
    // What is wrong with the address is said without any of it.
    if (reader.file("url_file", webhook.url_file, files_.secret_file, true)) {
      const auto url = http::parse_url(read_secret_file(webhook.url_file).expose());
      if (!url || (url->scheme != "https" && !url->loopback))
        reader.mistake("url_file", fmt::format("'url_file': {} holds no https:// address", webhook.url_file.string()));
    }
    reader.file("header_file", webhook.header_file, files_.secret_file, true);
    reader.file("sign_file", webhook.sign_file, files_.secret_file, true);
    read_trust(reader, webhook.trust);
    const bool has_shape = reader.string("shape", webhook.shape, [](const std::string& name) -> Wrong {
      std::vector<std::string> names;
      for (const Shape& shape : shipped_shapes()) names.emplace_back(shape.name);
      if (std::ranges::find(names, name) != names.end()) return std::nullopt;
      return fmt::format("is '{}'; expected {}, or a [body] of your own", name, join(names, ", "));
    });
    if (const auto shape = std::ranges::find(shipped_shapes(), webhook.shape, &Shape::name);
        shape != shipped_shapes().end()) {
      webhook.markup = shape->markup;
      webhook.body = shape->body;
    }
    constexpr std::array kMarkups{Markup::plain, Markup::slack, Markup::discord, Markup::markdown};
    const bool has_markup = read_choice(reader, "markup", webhook.markup, kMarkups);
    const bool has_body = reader.table("body", [&](TableReader& body) { webhook.body = read_body(body); });
    if (has_body && has_shape) reader.mistake("shape", "'shape' and [body] exclude each other");
    if (has_markup && !has_body) reader.mistake("markup", "'markup' is of a [body]; a shape has its own");
    if (has_body) webhook.shape = "own";
    return webhook;
  }

  nlohmann::json read_body(TableReader& body) {
    JsonOfToml json(file_.string(), body.place_of(""), mistakes_);
    body.rest_as_nodes([&](const std::string& key, const toml::node& node) { json.add(key, node); });
    for (Finding& finding : mistakes_in_body(json.document()))
      mistakes_.add(file_.string(), json.place_of(finding.where), std::move(finding.what));
    return std::move(json.document());
  }

  MailOptions read_mail(TableReader& reader) {
    MailOptions mail;
    for (const char* key : {"server", "from", "to"}) reader.require(key);
    reader.string("server", mail.server, [](const std::string& server) -> Wrong {
      const bool plain = !server.empty() && server.size() <= 253 && std::ranges::all_of(server, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == ':';
      });
      if (plain && (std::ranges::count(server, ':') != 1)) return std::nullopt;
      return fmt::format("is '{}'; expected a host's name or an address; the port is a key of its own", server);
    });
    constexpr std::array kSecurities{MailSecurity::starttls, MailSecurity::tls, MailSecurity::none};
    read_choice(reader, "security", mail.security, kSecurities);
    mail.port = mail.security == MailSecurity::tls ? 465 : mail.security == MailSecurity::none ? 25 : 587;
    reader.integer("port", 1, 65'535, [&](std::int64_t port) { mail.port = static_cast<std::uint16_t>(port); });
    const bool login = reader.string("username", mail.username);
    const bool password = reader.file("password_file", mail.password_file, files_.secret_file, true);
    if (login != password && login != reader.has("password_file"))
      reader.mistake(login ? "username" : "password_file", "'username' and 'password_file' belong together");
    if (mail.security == MailSecurity::none && (!is_this_host(mail.server) || login))
      reader.mistake("security",
                     "'security' is none, which is for a mail server on this host and without a password alone: what "
                     "is sent would be readable on the wire");
    const auto check_address = [](const std::string& address) -> Wrong {
      if (is_mail_address(address)) return std::nullopt;
      return fmt::format("has '{}'; expected user@host and nothing else", address);
    };
    reader.string("from", mail.from, check_address);
    if (reader.strings("to", mail.to, check_address) && mail.to.empty()) reader.mistake("to", "'to' is empty");
    read_trust(reader, mail.trust);
    return mail;
  }

  std::filesystem::path file_;
  const NoticeFiles& files_;
  Mistakes& mistakes_;
};

}  // namespace

std::vector<ChannelOptions> read_notice_files(const std::filesystem::path& folder, const NoticeFiles& files,
                                              Mistakes& mistakes) {
  std::vector<ChannelOptions> channels;
  for (const auto& file : toml_files_of(folder, mistakes)) {
    auto channel = NoticeFileReader(file, files, mistakes).read();
    if (!channel) continue;
    const auto twin = std::ranges::find(channels, channel->name, &ChannelOptions::name);
    if (twin != channels.end()) {
      mistakes.add(file.string(), fmt::format("the channel '{}' is also in {}", channel->name, twin->source));
      continue;
    }
    if (channels.size() == kMostChannels) {
      mistakes.add(file.string(), fmt::format("there are more than {} channels", kMostChannels));
      break;
    }
    channels.push_back(*std::move(channel));
  }
  return channels;
}

}  // namespace decom
