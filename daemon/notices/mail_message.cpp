#include "daemon/notices/mail_message.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <vector>

#include <fmt/core.h>
#include <openssl/evp.h>

#include "common/base/text.hpp"
#include "daemon/notices/words.hpp"

namespace decom::notices {
namespace {

constexpr std::size_t kEncodedLine = 57;  // 76 characters of base64 (RFC 2045, section 6.8)
constexpr std::size_t kEncodedWord = 42;  // 75 characters with its frame (RFC 2047, section 2)
constexpr std::size_t kLongestLine = 200;

bool is_printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

/// The largest piece of at most `most` bytes that does not end within a character.
std::string_view piece_of(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 1 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

/// RFC 5322, section 3.3, in UTC.
std::string mail_date(Timestamp time) {
  static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = static_cast<std::time_t>(to_millis(time) / 1000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{}, {} {} {} {:02}:{:02}:{:02} +0000", kDays.at(static_cast<std::size_t>(utc.tm_wday)),
                     utc.tm_mday, kMonths.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900, utc.tm_hour,
                     utc.tm_min, utc.tm_sec);
}

/// What may stand in a message's id; a host may be called anything.
std::string id_part(std::string_view text) {
  std::string part;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    part += plain ? c : '-';
  }
  return part.empty() ? "decomd" : part;
}

}  // namespace

std::string header_text(std::string_view text) {
  std::string safe = safe_for_terminal(text);
  // What looks like an encoded word would be decoded by the reader.
  if (is_printable_ascii(safe) && safe.find("=?") == std::string::npos) return safe;
  std::string encoded;
  for (std::string_view rest = safe; !rest.empty();) {
    const auto piece = piece_of(rest, kEncodedWord);
    encoded += (encoded.empty() ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?") + base64(piece) + "?=";
    rest.remove_prefix(piece.size());
  }
  return encoded;
}

bool is_mail_address(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size() || text.size() > 254) return false;
  return std::ranges::all_of(text, [](char c) {
    return c > ' ' && c <= '~' && std::string_view{"<>()[],;:\\\""}.find(c) == std::string_view::npos;
  });
}

std::string mail_message(const MailOptions& options, const Notice& notice, Timestamp now) {
  const Words words = words_of(notice, Markup::plain);
  const std::string host = id_part(notice.host);
  std::string text;
  for (const std::string& line : words.lines) text += line + "\r\n";
  const bool plain = std::ranges::all_of(
      words.lines, [](const std::string& line) { return line.size() <= kLongestLine && is_printable_ascii(line); });
  std::string mail;
  const auto header = [&](std::string_view name, std::string_view value) {
    mail += fmt::format("{}: {}\r\n", name, value);
  };
  header("Date", mail_date(now));
  header("From", options.from);
  header("To", join(options.to, ",\r\n "));
  header("Subject", header_text(words.title));
  header("Message-ID", fmt::format("<decom.{}@{}>", id_part(notice.id), host));
  if (notice.kind == Notice::Kind::request)  // all mails of one request become one conversation
    header("References", fmt::format("<decom.request-{}@{}>", notice.request(), host));
  header("Auto-Submitted", "auto-generated");  // RFC 3834: no answers of vacation programs
  header("MIME-Version", "1.0");
  header("Content-Type", "text/plain; charset=utf-8");
  header("Content-Transfer-Encoding", plain ? "7bit" : "base64");
  mail += "\r\n";
  if (plain) return mail + text;
  for (std::string_view rest = text; !rest.empty();) {
    const auto line = rest.substr(0, kEncodedLine);
    mail += base64(line) + "\r\n";
    rest.remove_prefix(line.size());
  }
  return mail;
}

}  // namespace decom::notices
