#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/records/dns_tsig.hpp"

namespace decom::dns {
namespace {

[[noreturn]] void refuse(std::string_view why) {
  throw Error{ErrorCode::unauthenticated, "the key's file is not usable: {}", std::string{why}};
}

/// Words, quoted strings and the signs { } ; of BIND's configuration; comments of all three kinds are left out.
std::vector<std::string_view> tokens_of(std::string_view text) {
  std::vector<std::string_view> tokens;
  constexpr std::string_view kSigns = "{};", kSpace = " \t\r\n";
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    std::size_t size = 1;
    if (rest.starts_with("//") || rest.starts_with('#')) {
      size = std::min(rest.find('\n'), rest.size());
    } else if (rest.starts_with("/*")) {
      const std::size_t end = rest.find("*/");
      size = end == std::string_view::npos ? rest.size() : end + 2;
    } else if (rest[0] == '"') {
      const std::size_t end = rest.find('"', 1);
      if (end == std::string_view::npos) refuse("a quotation mark has no end");
      tokens.push_back(rest.substr(1, end - 1));
      size = end + 1;
    } else if (kSigns.find(rest[0]) != std::string_view::npos) {
      tokens.push_back(rest.substr(0, 1));
    } else if (kSpace.find(rest[0]) == std::string_view::npos) {
      size = std::min(rest.find_first_of(" \t\r\n{};\"#"), rest.size());
      tokens.push_back(rest.substr(0, size));
    }
    at += size;
  }
  return tokens;
}

Secret from_base64(std::string_view text) {
  std::string packed;
  for (const char c : text)
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') packed += c;
  const Secret wiped{packed};
  std::string bytes(packed.size() / 4 * 3 + 3, '\0');
  const int size =
      packed.empty() || packed.size() % 4 != 0
          ? -1
          : EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                            reinterpret_cast<const unsigned char*>(packed.data()), static_cast<int>(packed.size()));
  OPENSSL_cleanse(packed.data(), packed.size());
  if (size <= 0) refuse("expected base64, or BIND's key \"…\" { algorithm …; secret \"…\"; };");
  // EVP_DecodeBlock counts the padding as bytes.
  const std::string_view coded = wiped.expose();
  const auto padding = static_cast<std::size_t>(std::ranges::count(coded.substr(coded.size() - 2), '='));
  if (coded.find('=') < coded.size() - padding) refuse("its base64 is padded in the middle");
  Secret made{bytes.substr(0, static_cast<std::size_t>(size) - padding)};
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return made;
}

}  // namespace

Secret key_bytes(const Secret& file, const Name& name, const std::string& algorithm) {
  if (file.expose().find('{') == std::string::npos) return from_base64(file.expose());
  const auto tokens = tokens_of(file.expose());
  for (std::size_t i = 0; i + 2 < tokens.size(); ++i) {
    if (tokens[i] != "key" || tokens[i + 2] != "{" || Name::parse(tokens[i + 1]) != name) continue;
    std::string_view said, secret;
    for (std::size_t k = i + 3; k + 1 < tokens.size() && tokens[k] != "}"; ++k) {
      if (tokens[k] == "algorithm") said = tokens[k + 1];
      if (tokens[k] == "secret") secret = tokens[k + 1];
    }
    if (!equals_folded(said, algorithm)) refuse(fmt::format("its key {} is not for {}", name.bare(), algorithm));
    return from_base64(secret);
  }
  refuse(fmt::format("it has no key named {}", name.bare()));
}

}  // namespace decom::dns
