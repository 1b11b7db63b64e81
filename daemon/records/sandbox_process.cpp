#include "daemon/records/sandbox_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/error.hpp"
#include "common/base/log.hpp"

namespace decom {
namespace {

constexpr const char* kBwrap = "/usr/bin/bwrap";
constexpr const char* kSetpriv = "/usr/bin/setpriv";
// The kernel limits the processes of root by nothing, and root in a namespace is root for every file outside. As root
// we become a user that no file belongs to: systemd leaves 60578 to 61183 unused (systemd.io/UIDS-GIDS).
constexpr const char* kForeignUser = "60983";
// How long the kernel may take to empty a namespace that was killed.
constexpr int kGraveMilliseconds = 10'000;
constexpr std::size_t kStatusMost = 16 * 1024;

[[noreturn]] void cannot(const char* what) {
  throw Error{ErrorCode::internal, "cannot {} for a sandbox: {}", what, std::strerror(errno)};
}

/// To where the numbers that the child uses cannot collide with it.
Descriptor lifted(int fd) {
  constexpr int kAbove = 128;
  Descriptor low(fd);
  if (fd >= kAbove) return low;
  Descriptor high(::fcntl(fd, F_DUPFD_CLOEXEC, kAbove));
  if (!high.is_open()) cannot("move a descriptor");
  return high;
}

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) cannot("make a pipe");
  Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
  pipe.read = lifted(pipe.read.release());
  pipe.write = lifted(pipe.write.release());
  return pipe;
}

void never_block(const Descriptor& fd) {
  if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) cannot("set up a pipe");
}

/// A file that exists in memory alone, ready to be read from its beginning.
Descriptor file_of(std::string_view bytes) {
  Descriptor file = lifted(::memfd_create("decomd", MFD_CLOEXEC));
  if (!file.is_open()) cannot("make a file in memory");
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t wrote = ::write(file.get(), rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) cannot("write a file in memory");
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) cannot("rewind a file in memory");
  return file;
}

/// What posix_spawn is told, freed with it.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  all.reserve(words.size() + 1);
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

int pidfd_of(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

int Descriptor::release() { return std::exchange(fd_, -1); }

void Descriptor::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

SandboxProcess::SandboxProcess(const SandboxSpec& spec) {
  for (const char* program : {kBwrap, kSetpriv})
    if (::access(program, X_OK) != 0) {
      refusal_ = fmt::format("{} is not there: install the package {}", program,
                             program == kBwrap ? "bubblewrap" : "util-linux");
      return;
    }
  spawn(spec);
}

SandboxProcess::~SandboxProcess() { finish(); }

void SandboxProcess::spawn(const SandboxSpec& spec) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  Pipe told = make_pipe();
  Pipe block = make_pipe();
  std::vector<Descriptor> files;
  files.reserve(spec.files.size());
  for (const SandboxFile& file : spec.files) files.push_back(file_of(file.bytes));

  // In the child: 0, 1, 2, what bwrap reads and writes from 3 on, and nothing else.
  SpawnPlan plan;
  int next = 0;
  int failure = 0;
  const auto give = [&](const Descriptor& fd) {
    failure = failure != 0 ? failure : ::posix_spawn_file_actions_adddup2(&plan.actions, fd.get(), next);
    return next++;
  };
  give(in.read);
  give(out.write);
  give(err.write);
  const int status_fd = give(told.write);
  const int block_fd = give(block.read);
  std::vector<int> numbers;
  numbers.reserve(files.size());
  for (const Descriptor& file : files) numbers.push_back(give(file));
  std::string options;
  for (const std::string& option : sandbox_options(spec, numbers, status_fd, block_fd)) {
    options += option;
    options += '\0';
  }
  const Descriptor option_file = file_of(options);
  const int options_fd = give(option_file);
  failure = failure != 0 ? failure : ::posix_spawn_file_actions_addclosefrom_np(&plan.actions, next);

  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&plan.attributes, &none);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
  ::posix_spawnattr_setpgroup(&plan.attributes, 0);
  ::posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  std::vector<std::string> words;
  if (::geteuid() == 0) words = {kSetpriv, "--reuid", kForeignUser, "--regid", kForeignUser, "--clear-groups", "--"};
  words.insert(words.end(), {kBwrap, "--args", std::to_string(options_fd), "--"});
  for (std::string& word : limited_command(spec)) words.push_back(std::move(word));
  const std::vector<char*> argv = pointers(words);
  std::array<char*, 1> empty{nullptr};
  if (failure == 0) failure = ::posix_spawn(&pid_, argv[0], &plan.actions, &plan.attributes, argv.data(), empty.data());
  if (failure != 0) {
    pid_ = -1;
    refusal_ = fmt::format("{} did not start: {}", argv[0], std::strerror(failure));
    return;
  }
  ended = Descriptor(pidfd_of(pid_));
  if (!ended.is_open()) {
    const int why = errno;
    finish();
    errno = why;
    cannot("watch a process");
  }
  input = std::move(in.write);
  output = std::move(out.read);
  errors = std::move(err.read);
  status = std::move(told.read);
  block_ = std::move(block.write);
  for (const Descriptor* fd : {&input, &output, &errors, &status}) never_block(*fd);
}

void SandboxProcess::take_status(std::string_view bytes) {
  status_text_.append(bytes.substr(0, kStatusMost - std::min(kStatusMost, status_text_.size())));
  for (auto end = status_text_.find('\n'); end != std::string::npos; end = status_text_.find('\n')) {
    const auto report = nlohmann::json::parse(status_text_.substr(0, end), nullptr, false);
    status_text_.erase(0, end + 1);
    if (!report.is_object()) continue;
    if (const auto child = report.find("child-pid");
        child != report.end() && child->is_number_integer() && !released_) {
      // It waits for us, so the number is still its own.
      first_pid_ = child->get<pid_t>();
      first_ = Descriptor(pidfd_of(first_pid_));
      if (first_.is_open()) release();
    }
    if (const auto code = report.find("exit-code"); code != report.end() && code->is_number_integer())
      exit_code_ = code->get<int>();
  }
}

void SandboxProcess::release() {
  released_ = true;
  if (::write(block_.get(), "!", 1) != 1 && errno != EPIPE) cannot("let go a process");
  block_.close();
}

int SandboxProcess::finish() {
  if (pid_ < 0) return wait_status_;
  if (first_.is_open()) ::syscall(SYS_pidfd_send_signal, first_.get(), SIGKILL, nullptr, 0);
  ::kill(-pid_, SIGKILL);  // those that build the sandbox are still in bwrap's process group
  while (::waitpid(pid_, &wait_status_, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  if (first_.is_open()) {
    pollfd gone{first_.get(), POLLIN, 0};
    int ready = 0;
    do ready = ::poll(&gone, 1, kGraveMilliseconds);
    while (ready < 0 && errno == EINTR);
    if (ready == 0) log::error("sandbox", "a killed namespace is not empty after {} ms", kGraveMilliseconds);
    first_.close();
  }
  return wait_status_;
}

}  // namespace decom
