#include "daemon/store/state_dir.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/crypto.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom {
namespace {

class File {
 public:
  File(const std::filesystem::path& path, int flags, mode_t mode = 0)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

[[noreturn]] void cannot(std::string_view what, const std::filesystem::path& path) {
  const int error = errno;
  throw Error{error == ENOSPC ? ErrorCode::storage_full : ErrorCode::storage, "cannot {} {}: {}", what, path.native(),
              std::strerror(error)};
}

void sync_directory(const std::filesystem::path& path) {
  const File directory(path, O_RDONLY | O_DIRECTORY);
  if (directory.fd() < 0 || ::fsync(directory.fd()) != 0) cannot("sync", path);
}

void check_directory(const std::filesystem::path& path) {
  struct stat is {};
  if (::lstat(path.c_str(), &is) != 0) cannot("look at", path);
  if (!S_ISDIR(is.st_mode)) throw Error{ErrorCode::storage, "{} is not a directory", path.native()};
  if (is.st_uid != ::geteuid())
    throw Error{ErrorCode::storage, "the state directory {} belongs to uid {}, and this is uid {}", path.native(),
                is.st_uid, ::geteuid()};
  if ((is.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    throw Error{ErrorCode::storage, "others can write the state directory {}: chmod 0700 it", path.native()};
}

void make_directory(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno != EEXIST) cannot("create the state directory", path);
    return;
  }
  sync_directory(path.has_parent_path() ? path.parent_path() : ".");
}

}  // namespace

StateDir::StateDir(std::filesystem::path path) : path_(std::move(path)) {
  if (path_.empty()) throw Error{ErrorCode::invalid, "no state directory is configured"};
  if (!path_.has_filename()) path_ = path_.parent_path();  // a trailing slash
  make_directory(path_);
  check_directory(path_);

  const std::filesystem::path file = path_ / "decomd.lock";
  File lock(file, O_RDWR | O_CREAT, 0600);
  if (lock.fd() < 0) cannot("open the lock file", file);
  if (::flock(lock.fd(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) cannot("lock", file);
    std::array<char, 32> holder{};
    const ssize_t size = ::pread(lock.fd(), holder.data(), holder.size() - 1, 0);
    const std::string pid(trimmed({holder.data(), size > 0 ? static_cast<std::size_t>(size) : 0}));
    throw Error{ErrorCode::conflict, "another decomd (pid {}) uses the state directory {}",
                pid.empty() ? "unknown" : pid, path_.native()};
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  // Only for the words above: a pid that cannot be written is no reason not to start.
  if (::ftruncate(lock.fd(), 0) != 0 || ::pwrite(lock.fd(), pid.data(), pid.size(), 0) < 0) errno = 0;
  lock_ = lock.release();
}

StateDir::~StateDir() { ::close(lock_); }

void StateDir::prepare_database() const {
  {
    const File file(database(), O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (file.fd() >= 0) {
      sync_directory(path_);
      return;
    }
    if (errno != EEXIST) cannot("create", database());
  }
  struct stat is {};
  if (::lstat(database().c_str(), &is) != 0) cannot("look at", database());
  if (!S_ISREG(is.st_mode)) throw Error{ErrorCode::storage, "{} is not a plain file", database().native()};
  if (is.st_uid != ::geteuid() || (is.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    throw Error{ErrorCode::storage, "others can write the database {}: it must belong to uid {}, mode 0600",
                database().native(), ::geteuid()};
}

bool StateDir::has_key() const {
  struct stat is {};
  return ::lstat(key().c_str(), &is) == 0;
}

void StateDir::make_key() const {
  const std::string text = to_hex(random_bytes(32));
  const std::filesystem::path draft = path_ / "plan.key.new";
  ::unlink(draft.c_str());
  {
    const File file(draft, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (file.fd() < 0) cannot("create", draft);
    if (::write(file.fd(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) cannot("write", draft);
    if (::fsync(file.fd()) != 0) cannot("sync", draft);
  }
  if (::rename(draft.c_str(), key().c_str()) != 0) cannot("create", key());
  sync_directory(path_);
}

Secret StateDir::read_key() const {
  struct stat is {};
  if (::lstat(key().c_str(), &is) != 0) cannot("read", key());
  if (!S_ISREG(is.st_mode) || is.st_uid != ::geteuid() || (is.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw Error{ErrorCode::storage, "others can reach {}: it must be a plain file of uid {}, mode 0600", key().native(),
                ::geteuid()};
  return read_secret_file(key());
}

std::int64_t StateDir::bytes_used() const {
  std::int64_t bytes = 0;
  for (const char* suffix : {"", "-wal"}) {
    struct stat is {};
    if (::stat((database().native() + suffix).c_str(), &is) == 0) bytes += is.st_size;
  }
  return bytes;
}

std::int64_t StateDir::bytes_free() const {
  struct statvfs is {};
  if (::statvfs(path_.c_str(), &is) != 0) return 0;
  return static_cast<std::int64_t>(is.f_bavail) * static_cast<std::int64_t>(is.f_frsize);
}

}  // namespace decom
