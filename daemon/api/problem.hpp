#pragma once

#include <string>

#include "common/base/error.hpp"
#include "daemon/api/http.hpp"

namespace decom {

/// application/problem+json by the table of common/base/error.hpp, with Retry-After where a later try may do and
/// WWW-Authenticate with 401. The text of an `internal` or `storage` error goes to the log, not to the caller.
HttpResponse problem(const Error& error);
/// The same where HTTP has a status of its own for it (405, 408, 431 …).
HttpResponse problem(const Error& error, int status);

/// For a wall: logs what it was and says nothing of it.
HttpResponse problem_of_unknown(std::string_view where, std::string_view what);

}  // namespace decom
