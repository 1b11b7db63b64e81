#include "cli/commands/signals.hpp"

#include <sys/signalfd.h>

#include "common/base/error.hpp"

namespace decom::cli {

Signals::Signals() {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  for (const int signal : {SIGINT, SIGTERM, SIGWINCH}) ::sigaddset(&wanted, signal);
  ::sigprocmask(SIG_BLOCK, &wanted, &before_);
  fd_ = Descriptor{::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK)};
  if (!fd_) throw Error{ErrorCode::internal, "cannot wait for signals"};
}

Signals::~Signals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

Signals::What Signals::take() {
  signalfd_siginfo info{};
  What what = What::nothing;
  while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo != SIGWINCH) return What::interrupted;
    what = What::resized;
  }
  return what;
}

}  // namespace decom::cli
