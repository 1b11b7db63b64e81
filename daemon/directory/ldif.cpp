#include "daemon/directory/ldif.hpp"

#include <algorithm>
#include <array>

#include <openssl/evp.h>

#include "common/base/text.hpp"

namespace decom::directory {

namespace {

constexpr std::size_t kLineWidth = 76;

// Passwords of accounts and trusts ([MS-ADTS] 3.1.1.4.4), of LAPS old and new, of managed accounts; BitLocker and TPM.
constexpr std::array<std::string_view, 24> kSecrets{"unicodepwd",
                                                    "dbcspwd",
                                                    "userpassword",
                                                    "ntpwdhistory",
                                                    "lmpwdhistory",
                                                    "supplementalcredentials",
                                                    "currentvalue",
                                                    "priorvalue",
                                                    "initialauthincoming",
                                                    "initialauthoutgoing",
                                                    "trustauthincoming",
                                                    "trustauthoutgoing",
                                                    "ms-mcs-admpwd",
                                                    "mslaps-password",
                                                    "mslaps-encryptedpassword",
                                                    "mslaps-encryptedpasswordhistory",
                                                    "mslaps-encrypteddsrmpassword",
                                                    "mslaps-encrypteddsrmpasswordhistory",
                                                    "msds-managedpassword",
                                                    "msfve-recoverypassword",
                                                    "msfve-keypackage",
                                                    "mstpm-ownerinformation",
                                                    "mstpm-ownerinformationtemp",
                                                    "msds-executescriptpassword"};

std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

/// SAFE-STRING of RFC 2849, and no space at its end, which nobody would see.
bool is_safe(std::string_view value) {
  if (value.empty()) return true;
  if (value.front() == ' ' || value.front() == ':' || value.front() == '<' || value.back() == ' ') return false;
  return std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7f; });
}

void append_line(std::string& text, std::string line) {
  // Folded lines go on behind one space.
  for (std::size_t width = kLineWidth; line.size() > width; width = kLineWidth - 1) {
    text += line.substr(0, width) + "\n ";
    line.erase(0, width);
  }
  text += line + "\n";
}

void append_value(std::string& text, const std::string& name, std::string_view value) {
  if (is_safe(value))
    append_line(text, name + ": " + std::string{value});
  else
    append_line(text, name + ":: " + base64(value));
}

}  // namespace

bool is_known_secret(std::string_view attribute) {
  // "name;range=0-99" and other options belong to the attribute in front of them.
  return std::ranges::find(kSecrets, folded(attribute.substr(0, attribute.find(';')))) != kSecrets.end();
}

std::string to_ldif(const std::vector<Entry>& entries, const std::function<bool(std::string_view)>& is_secret) {
  std::string text = "version: 1\n";
  for (const Entry& entry : entries) {
    text += "\n";
    append_value(text, "dn", entry.dn);
    for (const Attribute& attribute : entry.attributes) {
      if (is_secret(attribute.name)) {
        text += "# " + attribute.name + ": not kept, it is secret\n";
        continue;
      }
      for (const std::string& value : attribute.values) append_value(text, attribute.name, value);
    }
  }
  return text;
}

}  // namespace decom::directory
