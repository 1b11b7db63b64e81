#include "cli/commands/context.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <unistd.h>

#include "cli/client/paths.hpp"
#include "cli/commands/terminal.hpp"

namespace decom::cli {

Client Context::client() const {
  std::string socket = settings.socket;
  if (socket.empty())
    if (const char* given = std::getenv("DECOMCTL_SOCKET")) socket = given;
  if (socket.empty()) socket = kDefaultSocket;
  return Client{{.socket = socket, .timeout = parse_duration(settings.timeout)}};
}

std::int64_t Context::time_for_the_daemon() const {
  constexpr std::int64_t kOnTheWay = 1'000;
  constexpr std::int64_t kMost = 600'000;
  const std::int64_t whole = parse_duration(settings.timeout).count();
  return std::clamp<std::int64_t>(std::max(whole - kOnTheWay, whole / 2), 1, kMost);
}

Style Context::out() const { return style_of(STDOUT_FILENO, settings.no_color); }
Style Context::err() const { return style_of(STDERR_FILENO, settings.no_color); }

void Context::print(std::string_view text) const {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw Error{ErrorCode::storage, "cannot write the output: {}", std::generic_category().message(errno)};
}

void Context::note(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace decom::cli
