#include "cli/commands/terminal.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/client/descriptor.hpp"

namespace decom::cli {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view(value);
}

bool speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = environment(name);
    if (value.empty()) continue;
    return value.find("UTF-8") != std::string_view::npos || value.find("utf8") != std::string_view::npos;
  }
  return false;
}

/// The terminal as it was, kept where a signal handler finds it.
termios saved_terminal;
volatile std::sig_atomic_t terminal_fd = -1;

extern "C" void restore_terminal(int signal) {
  if (terminal_fd >= 0) ::tcsetattr(terminal_fd, TCSAFLUSH, &saved_terminal);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

/// No echo while it lives.
class Hush {
 public:
  explicit Hush(int fd) {
    if (::tcgetattr(fd, &saved_terminal) != 0) return;
    terminal_fd = fd;
    struct sigaction restore {};
    restore.sa_handler = restore_terminal;
    for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &restore, &before_[i]);
    termios quiet = saved_terminal;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(fd, TCSAFLUSH, &quiet);
  }
  Hush(const Hush&) = delete;
  Hush& operator=(const Hush&) = delete;
  ~Hush() {
    if (terminal_fd < 0) return;
    ::tcsetattr(terminal_fd, TCSAFLUSH, &saved_terminal);
    terminal_fd = -1;
    for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  }

 private:
  static constexpr std::array<int, 4> kSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  std::array<struct sigaction, 4> before_{};
};

Descriptor open_terminal() { return Descriptor{::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)}; }

void say(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::optional<std::string> read_line(int fd) {
  std::array<char, 4096> line{};
  const ssize_t got = ::read(fd, line.data(), line.size());
  if (got <= 0) return std::nullopt;
  std::string text(line.data(), static_cast<std::size_t>(got));
  ::explicit_bzero(line.data(), line.size());
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

bool can_redraw(int fd) {
  const std::string_view term = environment("TERM");
  return ::isatty(fd) == 1 && !term.empty() && term != "dumb";
}

Style style_of(int fd, bool no_color) {
  Style style;
  style.unicode = speaks_utf8();
  if (::isatty(fd) != 1) return style;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0) {
    style.width = size.ws_col;
    style.height = size.ws_row;
  }
  if (style.width == 0) style.width = 80;
  if (style.height == 0) style.height = 24;
  style.color = !no_color && environment("NO_COLOR").empty() && can_redraw(fd);
  return style;
}

std::optional<std::string> ask(const std::string& prompt) {
  const Descriptor tty = open_terminal();
  if (!tty) return std::nullopt;
  ::tcflush(tty.get(), TCIFLUSH);
  say(tty.get(), prompt);
  if (auto line = read_line(tty.get())) return line;
  say(tty.get(), "\n");
  return std::string{};
}

std::optional<Secret> ask_secret(const std::string& prompt) {
  const Descriptor tty = open_terminal();
  if (!tty) return std::nullopt;
  const Hush hush(tty.get());
  say(tty.get(), prompt);
  auto line = read_line(tty.get());
  say(tty.get(), "\n");
  return Secret{std::move(line).value_or("")};
}

}  // namespace decom::cli
