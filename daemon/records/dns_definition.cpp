#include "daemon/records/dns_definition.hpp"

#include <algorithm>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "common/base/text.hpp"
#include "daemon/records/dns_system.hpp"
#include "daemon/records/dns_tsig.hpp"

namespace decom::dns {
namespace {

using Wrong = std::optional<std::string>;

Wrong must_be_server(const std::string& text) {
  try {
    (void)Server::parse(text);
    return std::nullopt;
  } catch (const Error& e) {
    return fmt::format("is '{}'; {}", text, e.what());
  }
}

Wrong must_be_name(const std::string& text) {
  if (Name::parse(text)) return std::nullopt;
  return fmt::format("is '{}'; expected a domain name such as lab.example.test", text);
}

Wrong must_be_pattern(const std::string& text) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/*?";
  if (!text.empty() && text.find_first_not_of(kAllowed) == std::string::npos) return std::nullopt;
  return fmt::format("is '{}'; expected a host name, in which * and ? may stand for others", text);
}

Wrong must_be_hmac(const std::string& text) {
  if (is_hmac(text)) return std::nullopt;
  return fmt::format("is '{}'; expected hmac-sha256, hmac-sha384 or hmac-sha512", text);
}

bool is_address(const std::string& host) {
  in6_addr unused{};
  return ::inet_pton(AF_INET, host.c_str(), &unused) == 1 || ::inet_pton(AF_INET6, host.c_str(), &unused) == 1;
}

/// "DNS/host", perhaps with a realm.
Wrong must_be_service(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string::npos && slash > 0 && slash + 1 < text.size()) return std::nullopt;
  return fmt::format("is '{}'; expected the server's principal, such as DNS/dc1.corp.example.test", text);
}

Wrong must_have_realm(const std::string& text) {
  const std::size_t at = text.find('@');
  if (at != std::string::npos && at > 0 && at + 1 < text.size()) return std::nullopt;
  return fmt::format("is '{}'; expected a principal with its realm, such as svc-decom@CORP.EXAMPLE.TEST", text);
}

}  // namespace

std::optional<Options> read_options(DefinitionReader& reader) {
  Options options;
  bool good = true;
  const auto required = [&good](DefinitionReader& in, std::string_view key, bool read) {
    if (!in.has(key)) in.require(key);
    good = good && read;
  };
  const auto optional = [&good](DefinitionReader& in, std::string_view key, bool read) {
    good = good && (read || !in.has(key));
  };
  std::vector<std::string> servers, zones;
  required(reader, "server", reader.strings("server", servers, must_be_server));
  required(reader, "zones", reader.strings("zones", zones, must_be_name));
  for (const std::string& text : servers) options.servers.push_back(Server::parse(text));
  for (const std::string& text : zones) options.zones.push_back(*Name::parse(text));
  for (const auto& [key, empty] : {std::pair{"server", servers.empty()}, std::pair{"zones", zones.empty()}}) {
    if (!good || !empty) continue;
    reader.mistake(key, fmt::format("'{}' is an empty list", key));
    good = false;
  }
  optional(reader, "never", reader.strings("never", options.never, must_be_pattern));
  optional(reader, "transfer", reader.boolean("transfer", options.transfer));
  optional(reader, "timeout",
           reader.duration("timeout", options.timeout, std::chrono::milliseconds{100}, std::chrono::minutes{1}));

  const bool has_tsig = reader.table("tsig", [&](DefinitionReader& in) {
    TsigOptions& tsig = options.tsig.emplace();
    required(in, "name", in.string("name", tsig.name, must_be_name));
    optional(in, "algorithm", in.string("algorithm", tsig.algorithm, must_be_hmac));
    required(in, "secret_file", in.file("secret_file", tsig.secret_file, FileUse::secret));
  });
  const bool has_gss = reader.table("gss", [&](DefinitionReader& in) {
    GssOptions& gss = options.gss.emplace();
    required(in, "keytab_file", in.file("keytab_file", gss.keytab_file, FileUse::private_key));
    required(in, "principal", in.string("principal", gss.principal, must_have_realm));
    optional(in, "service", in.string("service", gss.service, must_be_service));
    const bool by_address =
        std::ranges::any_of(options.servers, [](const Server& one) { return is_address(one.host); });
    if (by_address && !in.has("service")) {
      in.mistake("service", "'service' is missing: a 'server' by address does not say its principal");
      good = false;
    }
  });
  if (has_tsig == has_gss) {
    reader.mistake(has_tsig ? "gss" : "tsig", has_tsig ? "there is a [tsig] already: a server wants one of the two"
                                                       : "expected a [tsig] or a [gss]: how updates are signed");
    good = false;
  }
  return good ? std::optional{std::move(options)} : std::nullopt;
}

RecordKind kind() {
  return {.name = "dns",
          .summary = "A, AAAA, CNAME, PTR, TXT, SSHFP and DHCID in DNS zones, by signed updates (RFC 2136)",
          .make = [](DefinitionReader& reader, const RecordWorld& world) -> std::unique_ptr<RecordSystem> {
            auto options = read_options(reader);
            return options ? make_system(std::move(*options), world) : nullptr;
          }};
}

}  // namespace decom::dns
