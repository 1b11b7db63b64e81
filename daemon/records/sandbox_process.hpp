#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "daemon/records/sandbox.hpp"

namespace decom {

/// An open descriptor, closed with it.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { close(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int release();
  void close();

 private:
  int fd_ = -1;
};

/// The bwrap that holds a foreign program, from its start to the proof that nothing of it is left.
///
/// bwrap builds the sandbox and then waits for `release`, so that there is a handle on the namespace before anything
/// foreign runs. Whatever happens, the destructor kills and reaps.
class SandboxProcess {
 public:
  explicit SandboxProcess(const SandboxSpec& spec);
  SandboxProcess(const SandboxProcess&) = delete;
  SandboxProcess& operator=(const SandboxProcess&) = delete;
  ~SandboxProcess();

  /// Why it was not started; empty when it was.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }

  Descriptor input;   ///< to its standard input; all four never block
  Descriptor output;  ///< from its standard output
  Descriptor errors;  ///< from its standard error
  Descriptor status;  ///< what bwrap tells
  Descriptor ended;   ///< readable when bwrap has ended

  /// Takes what bwrap wrote to `status`. The first report names the namespace's first process; then it is let go.
  void take_status(std::string_view bytes);
  [[nodiscard]] bool is_released() const { return released_; }
  /// The namespace's first process, from the release on.
  [[nodiscard]] pid_t first() const { return first_pid_; }
  /// As bwrap reports it once the program has ended: nullopt where it never began, or was killed with its sandbox.
  [[nodiscard]] std::optional<int> exit_code() const { return exit_code_; }

  /// Kills the whole namespace, reaps bwrap, and waits until the kernel says that the namespace is empty. Afterwards
  /// nobody holds the other ends of the pipes. Returns bwrap's own status, as waitpid(2) tells it.
  int finish();

 private:
  void spawn(const SandboxSpec& spec);
  void release();

  std::string refusal_;
  pid_t pid_ = -1;
  int wait_status_ = 0;
  Descriptor block_;
  pid_t first_pid_ = -1;
  Descriptor first_;  ///< pidfd of the namespace's first process: when it has died, the kernel has reaped all others
  std::string status_text_;
  bool released_ = false;
  std::optional<int> exit_code_;
};

/// What bwrap is told, by a descriptor and not by its command line; `files` has a descriptor number for each file.
std::vector<std::string> sandbox_options(const SandboxSpec& spec, const std::vector<int>& files, int status_fd,
                                         int block_fd);
/// The command under its limits.
std::vector<std::string> limited_command(const SandboxSpec& spec);

}  // namespace decom
