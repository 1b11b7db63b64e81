#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.hpp"
#include "daemon/notices/notice.hpp"

namespace decom::notices {

/// A mail as it goes over the wire (RFC 5322): plain text alone, lines ended by CR LF. No name from outside can add a
/// header or a line that it should not.
std::string mail_message(const MailOptions& options, const Notice& notice, Timestamp now);

/// A header's text: ASCII as it is, anything else as encoded words (RFC 2047).
std::string header_text(std::string_view text);

/// "user@example.com": what may stand in a header and in SMTP as it is.
bool is_mail_address(std::string_view text);

}  // namespace decom::notices
