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
  table.file("client_secret_file", c.secret_file, FileUse::secret);
  table.string("scope", c.scope);
  table.boolean("client_in_header", c.client_in_header);
}

}  // namespace

std::string Credential::words() const {
  const std::string& file = secret_file.empty() ? certificate_file : secret_file;
  return file.empty() ? "a request without a credential" : "the credential in " + file;
}

Credential read_credential(DefinitionReader& table, const Parts& parts) {
  Credential c;
  table.require("type");
  const bool known = read_word(table, "type", kCredentials, c.type);
  const auto needs = [&](std::string_view key, std::string& target) {
    table.require(key);
    table.string(key, target, empty_text);
  };
  const auto needs_secret = [&](std::string_view key) {
    table.require(key);
    table.file(key, c.secret_file, FileUse::secret);
  };
  table.file("certificate_file", c.certificate_file, FileUse::certificate);
  table.file("key_file", c.key_file, FileUse::private_key);
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
      needs_secret("password_file");
      break;
    case CredentialType::bearer:
      c.header = "Authorization";
      c.prefix = "Bearer ";
      needs_secret("token_file");
      break;
    case CredentialType::header:
      needs("header", c.header);
      table.string("prefix", c.prefix);
      needs_secret("token_file");
      break;
    case CredentialType::token: needs_secret("token_file"); break;
    case CredentialType::login:
      needs("username", c.username);
      needs_secret("password_file");
      table.string("header", c.header, not_a_header);
      table.string("prefix", c.prefix);
      parts.selector(table, "token_at", c.token_at);
      table.string("token_header", c.token_header, not_a_header);
      table.string("token_cookie", c.token_cookie, not_a_header);
      if ((c.token_at ? 1 : 0) + (c.token_header.empty() ? 0 : 1) + (c.token_cookie.empty() ? 0 : 1) != 1)
        table.mistake("token_at", "expected one of 'token_at', 'token_header' and 'token_cookie'");
      table.boolean("basic", c.basic_login);
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
