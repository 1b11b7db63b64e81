#include "daemon/records/sandbox.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/error.hpp"
#include "daemon/records/sandbox_memory.hpp"
#include "daemon/records/sandbox_process.hpp"

namespace decom {
namespace {

constexpr std::size_t kTail = 4096;
// Standard error costs nothing but time: a limit only against those that do nothing else.
constexpr std::size_t kErrorsMost = std::size_t{16} * 1024 * 1024;

// RLIMIT_DATA holds each process to its share of private memory, and knows nothing of shared memory, nor of how many
// there are. So somebody looks, this often, at what they hold together.
constexpr std::chrono::milliseconds kLook{50};
constexpr std::int64_t kTogether = 4;

/// A program that does not read its input must not end us: SIGPIPE waits while this lives, and is then forgotten.
class NoSigpipe {
 public:
  NoSigpipe() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    if (::sigismember(&before_, SIGPIPE) != 0) return;
    const timespec now{};
    while (::sigtimedwait(&pipe_, nullptr, &now) < 0 && errno == EINTR) continue;
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

/// One run: moves bytes until the program has ended, or must.
class Run {
 public:
  Run(const SandboxSpec& spec, std::string_view input, const SandboxLimits& limits,
      const std::function<void(std::string_view)>& output)
      : input_(input),
        memory_bytes_(spec.memory_bytes),
        limits_(limits),
        output_(output),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        process_(spec) {
    if (!wake_.is_open())
      throw Error{ErrorCode::internal, "cannot make an event for a sandbox: {}", std::strerror(errno)};
  }

  SandboxResult go() {
    if (!process_.refusal().empty()) return {.end = SandboxEnd::not_started, .why = process_.refusal()};
    const std::stop_callback stopped(limits_.stop, [this] {
      const std::uint64_t one = 1;
      (void)!::write(wake_.get(), &one, sizeof one);
    });
    while (!over_) step();
    const int status = process_.finish();
    dry_ = false;
    drain();
    return judge(status);
  }

 private:
  void step() {
    using namespace std::chrono;
    if (limits_.stop.stop_requested()) return end(SandboxEnd::stopped);
    const auto left = ceil<milliseconds>(limits_.deadline - steady_clock::now());
    if (left <= 0ms) return end(SandboxEnd::timed_out);
    // A negative descriptor is passed over by poll(2).
    std::array<pollfd, 6> watched{pollfd{wake_.get(), POLLIN, 0},
                                  pollfd{process_.ended.get(), POLLIN, 0},
                                  pollfd{process_.status.get(), POLLIN, 0},
                                  pollfd{process_.output.get(), POLLIN, 0},
                                  pollfd{process_.errors.get(), POLLIN, 0},
                                  pollfd{process_.is_released() ? process_.input.get() : -1, POLLOUT, 0}};
    if (::poll(watched.data(), watched.size(), static_cast<int>(std::min(left, kLook).count())) < 0) {
      if (errno == EINTR) return;
      throw Error{ErrorCode::internal, "cannot wait for a sandbox: {}", std::strerror(errno)};
    }
    if (watched[2].revents != 0) read_status();
    if (watched[3].revents != 0) read_output();
    if (watched[4].revents != 0) read_errors();
    if (watched[5].revents != 0) write_input();
    if (watched[1].revents != 0 && !over_) end(SandboxEnd::exited);
    if (!over_ && process_.is_released() && steady_clock::now() >= next_look_) {
      next_look_ = steady_clock::now() + kLook;
      if (resident_bytes(process_.first()) > kTogether * memory_bytes_) end(SandboxEnd::overgrown);
    }
  }

  void end(SandboxEnd how) {
    end_ = how;
    over_ = true;
  }

  /// Up to 64 KiB; empty when there is nothing now, and the descriptor is closed when there never will be.
  std::string_view read_from(Descriptor& fd) {
    const ssize_t got = ::read(fd.get(), buffer_.data(), buffer_.size());
    if (got > 0) return {buffer_.data(), static_cast<std::size_t>(got)};
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) fd.close();
    dry_ = fd.is_open() && errno == EAGAIN;
    return {};
  }

  void read_status() { process_.take_status(read_from(process_.status)); }

  void read_output() {
    const std::string_view piece = read_from(process_.output);
    written_ += piece.size();
    if (written_ > limits_.output_bytes) return end(SandboxEnd::flooded);
    if (!piece.empty()) output_(piece);
  }

  void read_errors() {
    const std::string_view piece = read_from(process_.errors);
    complained_ += piece.size();
    errors_ += piece;
    if (errors_.size() > 2 * kTail) errors_.erase(0, errors_.size() - kTail);
    if (complained_ > kErrorsMost) end(SandboxEnd::flooded);
  }

  void write_input() {
    if (!input_.empty()) {
      const ssize_t wrote = ::write(process_.input.get(), input_.data(), input_.size());
      if (wrote > 0)
        input_.remove_prefix(static_cast<std::size_t>(wrote));
      else if (errno != EAGAIN && errno != EINTR)
        input_ = {};  // it does not want to know
    }
    if (input_.empty()) process_.input.close();
  }

  /// What was written before the end, and is still in the pipes. Nobody can write any more.
  void drain() {
    // Should the kernel not have emptied the namespace yet, there is no end of file: nothing more is enough then.
    while (process_.status.is_open() && !dry_) read_status();
    for (dry_ = false; process_.errors.is_open() && !dry_ && complained_ <= kErrorsMost;) read_errors();
    for (dry_ = false; process_.output.is_open() && !dry_ && end_ == SandboxEnd::exited;) read_output();
  }

  SandboxResult judge(int status) {
    if (errors_.size() > kTail) errors_.erase(0, errors_.size() - kTail);
    SandboxResult result{.end = end_, .started = process_.is_released(), .errors = std::move(errors_)};
    if (!result.started) {
      if (end_ == SandboxEnd::exited || end_ == SandboxEnd::flooded) result.end = SandboxEnd::not_started;
    } else if (end_ == SandboxEnd::exited) {
      if (const auto code = process_.exit_code())
        result.status = *code;
      else  // bwrap itself says when it could not run what it was told to; a signal to it proves nothing
        result.end = WIFEXITED(status) ? SandboxEnd::not_started : SandboxEnd::vanished;
    }
    if (result.end == SandboxEnd::not_started) result.started = false;
    if (!result.started) result.why = "bwrap could not set up the sandbox";
    return result;
  }

  std::string_view input_;
  std::int64_t memory_bytes_;
  std::chrono::steady_clock::time_point next_look_{};
  const SandboxLimits& limits_;
  const std::function<void(std::string_view)>& output_;
  NoSigpipe no_sigpipe_;
  Descriptor wake_;
  SandboxProcess process_;
  std::array<char, 65'536> buffer_{};
  std::size_t written_ = 0;
  std::size_t complained_ = 0;
  std::string errors_;
  SandboxEnd end_ = SandboxEnd::exited;
  bool over_ = false;
  bool dry_ = false;  ///< the last read found nothing
};

}  // namespace

SandboxResult run_in_sandbox(const SandboxSpec& spec, std::string_view input, const SandboxLimits& limits,
                             const std::function<void(std::string_view)>& output) {
  return Run(spec, input, limits, output).go();
}

}  // namespace decom
