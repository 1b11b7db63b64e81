#include "daemon/directory/bind_diagnosis.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace decom::directory {

namespace {

struct Row {
  unsigned data;
  ErrorCode code;
  std::string_view words;
};

using enum ErrorCode;

// [MS-ERREF] 2.2 by number; which of them a bind gives was seen on Samba 4.17.
constexpr std::string_view kWrong = "the name or the password is wrong";
constexpr std::array kRows{
    Row{0x525, unauthenticated, kWrong},  // ERROR_NO_SUCH_USER: not told apart from a wrong password
    Row{0x52e, unauthenticated, kWrong},  // ERROR_LOGON_FAILURE
    Row{0x52f, denied, "a restriction of the account does not allow it"},
    Row{0x530, denied, "the account may not log on at this hour"},
    Row{0x531, denied, "the account may not log on from this computer"},
    Row{0x532, denied, "the account's password has expired; change it first"},
    Row{0x533, denied, "the account is disabled"},
    Row{0x534, denied, "the account may not log on in this way"},
    Row{0x568, denied, "the account is in too many groups to log on"},
    Row{0x701, denied, "the account has expired"},
    Row{0x773, denied, "the account's password must be changed before it can be used"},
    Row{0x775, denied, "the account is locked"},
};

}  // namespace

std::optional<unsigned> data_code(std::string_view diagnostic) {
  constexpr std::string_view kMark = ", data ";
  const std::size_t at = diagnostic.find(kMark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = diagnostic.substr(at + kMark.size());
  unsigned value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value, 16);
  const bool ends_there = end == rest.data() + rest.size() || *end == ',' || *end == '\0';
  if (error != std::errc{} || !ends_there) return std::nullopt;
  return value;
}

BindDiagnosis diagnose_bind(std::string_view diagnostic) {
  const auto data = data_code(diagnostic);
  if (!data) return {unauthenticated, std::string{kWrong}};
  const auto row = std::ranges::find(kRows, *data, &Row::data);
  if (row != kRows.end()) return {row->code, std::string{row->words}};
  return {unauthenticated, fmt::format("the directory refused it (code {:x})", *data)};
}

}  // namespace decom::directory
