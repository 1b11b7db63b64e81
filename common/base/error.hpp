#pragma once

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

namespace decom {

/// What went wrong, in one word that is the same in C++, JSON, logs and the manual page.
///
/// Adapters translate the codes of curl, LDAP, SOAP, SQL and the kernel to these, once.
enum class ErrorCode {
  usage,            ///< the command line or a query is malformed
  invalid,          ///< a value is well formed and not acceptable
  unauthenticated,  ///< nobody is logged in, or the session ended
  denied,           ///< somebody is, and may not
  not_found,
  ambiguous,     ///< a name has several bearers
  conflict,      ///< the present state does not allow it
  precondition,  ///< what was shown is not what is there any more
  gone,          ///< it was there; it expired, or was pruned
  too_large,     ///< over a limit of size, depth or count
  rate_limited,  ///< this caller has too much under way
  overloaded,    ///< the daemon has too much under way
  frozen,        ///< an administrator stopped every irreversible call
  cancelled,     ///< somebody asked for it to stop
  unreachable,   ///< the other side was provably not reached: nothing was sent
  timed_out,     ///< a read got no answer in time; nothing can have changed
  busy,          ///< refused without effect; the same call may work later
  refused,       ///< refused without effect; the same call will be refused again
  lost,          ///< a change was sent and its answer was not seen: it may have happened
  untrusted,     ///< the certificate does not prove who is there
  protocol,      ///< an answer that makes no sense
  storage_full,
  storage,  ///< the database failed
  internal  ///< a fault of ours
};

struct ErrorTraits {
  ErrorCode code;
  std::string_view name;  ///< as on the wire
  int http_status;
  int exit_code;  ///< of decomctl
  /// True where a later try of the very same call may succeed and the first one provably had no effect.
  bool transient;
};

/// The one table. docs, HTTP statuses and exit codes are read from it.
extern const std::array<ErrorTraits, 24> kErrorTable;

const ErrorTraits& traits(ErrorCode code);
std::string_view to_string(ErrorCode code);
/// `internal` for a name that is not known.
ErrorCode error_code_from(std::string_view name);

/// One of several mistakes that are reported together.
struct Finding {
  std::string where;  ///< "decomd.toml:12:3", "vms[4]", or empty
  std::string what;

  bool operator==(const Finding&) const = default;
};

/// The only exception type of the project. The message reads "cannot …" or says what is wrong, and what to do about it.
/// It never carries a secret, raw bytes or a stack.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::vector<Finding> findings = {})
      : std::runtime_error(message), code_(code), findings_(std::move(findings)) {}

  template <typename... Args>
  requires(sizeof...(Args) > 0) Error(ErrorCode code, fmt::format_string<Args...> text, Args&&... args)
      : std::runtime_error(fmt::format(text, std::forward<Args>(args)...)), code_(code) {}

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }
  [[nodiscard]] const std::vector<Finding>& findings() const noexcept { return findings_; }

 private:
  ErrorCode code_;
  std::vector<Finding> findings_;
};

}  // namespace decom
