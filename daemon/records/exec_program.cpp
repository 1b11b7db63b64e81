#include "daemon/records/exec_program.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/crypto.hpp"
#include "common/base/text.hpp"
#include "daemon/records/sandbox_process.hpp"

namespace decom {
namespace {

constexpr off_t kLargest = off_t{64} * 1024 * 1024;

template <typename... Args>
[[noreturn]] void refuse(const std::string& path, fmt::format_string<Args...> text, Args&&... args) {
  throw Error{ErrorCode::refused, "cannot run '{}': {}", path, fmt::format(text, std::forward<Args>(args)...)};
}

/// Access lists show here too: with one, the group's bits are the most that any entry grants (acl(5)).
void check_trusted(const std::string& whole, const std::string& part, const struct stat& what) {
  if (what.st_uid != 0)
    refuse(whole, "'{}' belongs to uid {}, who could change it: chown root '{}'", part, what.st_uid, part);
  if ((what.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    refuse(whole, "'{}' may be written to by others than its owner: chmod go-w '{}'", part, part);
}

Descriptor open_in(int folder, const std::string& name, int flags, const std::string& whole, const std::string& part) {
  // O_NONBLOCK: a FIFO must not make us wait.
  Descriptor opened(::openat(folder, name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (opened.is_open()) return opened;
  if (errno == ELOOP) refuse(whole, "'{}' is a symbolic link: write the path that it leads to", part);
  struct stat what {};
  if (errno == ENOTDIR && ::fstatat(folder, name.c_str(), &what, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(what.st_mode))
    refuse(whole, "'{}' is a symbolic link: write the path that it leads to", part);
  refuse(whole, "cannot open '{}': {}", part, std::strerror(errno));
}

std::string contents(const Descriptor& file, off_t size, const std::string& path) {
  std::string bytes;
  bytes.resize(static_cast<std::size_t>(size) + 1);
  std::size_t have = 0;
  for (;;) {
    const ssize_t got = ::read(file.get(), bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse(path, "cannot read it: {}", std::strerror(errno));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
    if (have == bytes.size()) refuse(path, "it grew while it was read");
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

ExecProgram read_exec_program(const std::string& path) {
  Descriptor folder(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat what {};
  std::string so_far = "/";
  if (!folder.is_open() || ::fstat(folder.get(), &what) != 0) refuse(path, "cannot open '/'");
  check_trusted(path, so_far, what);

  std::vector<std::string> parts = split(std::string_view(path).substr(1), '/');
  const std::string name = parts.back();
  parts.pop_back();
  for (const std::string& part : parts) {
    so_far += (so_far.size() > 1 ? "/" : "") + part;
    folder = open_in(folder.get(), part, O_PATH | O_DIRECTORY, path, so_far);
    if (::fstat(folder.get(), &what) != 0) refuse(path, "cannot look at '{}'", so_far);
    check_trusted(path, so_far, what);
  }
  const Descriptor file = open_in(folder.get(), name, O_RDONLY, path, path);
  if (::fstat(file.get(), &what) != 0) refuse(path, "cannot look at it");
  if (!S_ISREG(what.st_mode)) refuse(path, "it is no regular file");
  check_trusted(path, path, what);
  if ((what.st_mode & S_IXUSR) == 0) refuse(path, "it is not executable: chmod 755 '{}'", path);
  if (what.st_size == 0) refuse(path, "it is empty");
  if (what.st_size > kLargest) refuse(path, "it is larger than 64 MiB");

  ExecProgram program;
  program.bytes = contents(file, what.st_size, path);
  program.sha256 = sha256_hex(program.bytes);
  return program;
}

void freeze_exec(nlohmann::json& definition, std::vector<Finding>& mistakes) {
  const auto command = definition.find("command");
  if (command == definition.end() || !command->is_string()) return;  // the reader says what is wrong with it
  const auto& path = command->get_ref<const std::string&>();
  if (!path.starts_with('/') || path.ends_with('/')) return;
  try {
    const std::string found = read_exec_program(path).sha256;
    const auto written = definition.find("sha256");
    if (written != definition.end() && *written != found)
      mistakes.push_back({"/sha256", fmt::format("'sha256' is not that of '{}', which is {}", path, found)});
    definition["sha256"] = found;
  } catch (const Error& e) {
    mistakes.push_back({"/command", e.what()});
  }
}

}  // namespace decom
