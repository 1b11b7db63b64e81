#include "daemon/records/http_tables.hpp"
#include "daemon/records/http_url.hpp"

namespace decom::http {
namespace {

constexpr Words<CredentialType, 8> kCredentials{{{"none", CredentialType::none},
                                                 {"basic", CredentialType::basic},
                                                 {"bearer", CredentialType::bearer},
                                                 {"header", CredentialType::header},
                                                 {"token", CredentialType::token},
                                                 {"certificate", CredentialType::certificate},
                                                 {"login", CredentialType::login},
                                                 {"oauth2", CredentialType::oauth2}}};
void read_oauth2(DefinitionReader& table, Credential& c) {
  c.header = "Authorization";
  c.prefix = "Bearer ";
  table.require("token_url");
  table.string("token_url", c.token_url, [&](const std::string& text) -> std::optional<std::string> {
    const auto url = parse_url(text);
    if (url && url->plain_shape && (url->scheme == "https" || url->loopback)) return std::nullopt;
    return "is '" + text + "'; expected https://HOST/PATH";
  });
  table.require("client_id");
  table.string("client_id", c.username, empty_text);
  table.require("client_secret_file");
  table.string("client_secret_file", c.secret_file, empty_text);
  table.string("scope", c.scope);
  table.boolean("client_in_header", c.client_in_header);
}

}  // namespace

Credential read_credential(DefinitionReader& table, const Parts& parts) {
  Credential c;
  table.require("type");
  const bool known = read_word(table, "type", kCredentials, c.type);
  const auto needs = [&](std::string_view key, std::string& target) {
    table.require(key);
    table.string(key, target, empty_text);
  };
  table.string("certificate_file", c.certificate_file, empty_text);
  table.string("key_file", c.key_file, empty_text);
  if (c.certificate_file.empty() != c.key_file.empty())
    table.mistake("certificate_file", "'certificate_file' and 'key_file' go together");
  if (!known) {
    table.rest([](const std::string&, const nlohmann::json&) {});
    return c;
  }
  switch (c.type) {
    case CredentialType::none: break;
    case CredentialType::certificate: table.require("certificate_file"); break;
    case CredentialType::basic:
      needs("username", c.username);
      needs("password_file", c.secret_file);
      break;
    case CredentialType::bearer:
      c.header = "Authorization";
      c.prefix = "Bearer ";
      needs("token_file", c.secret_file);
      break;
    case CredentialType::header:
      needs("header", c.header);
      table.string("prefix", c.prefix);
      needs("token_file", c.secret_file);
      break;
    case CredentialType::token: needs("token_file", c.secret_file); break;
    case CredentialType::login:
      needs("username", c.username);
      needs("password_file", c.secret_file);
      table.string("header", c.header, not_a_header);
      table.string("prefix", c.prefix);
      parts.selector(table, "token_at", c.token_at);
      table.string("token_header", c.token_header, not_a_header);
      table.string("token_cookie", c.token_cookie, not_a_header);
      if ((c.token_at ? 1 : 0) + (c.token_header.empty() ? 0 : 1) + (c.token_cookie.empty() ? 0 : 1) != 1)
        table.mistake("token_at", "expected one of 'token_at', 'token_header' and 'token_cookie'");
      table.require("request");
      table.table("request", [&](DefinitionReader& inner) {
        c.login = parts.request(inner, {"username", "password", "now"}, false);
      });
      break;
    case CredentialType::oauth2: read_oauth2(table, c); break;
  }
  if (!c.header.empty() && not_a_header(c.header)) table.mistake("header", "'header' " + *not_a_header(c.header));
  if (has_control(c.prefix)) table.mistake("prefix", "'prefix' has control characters");
  return c;
}

}  // namespace decom::http
