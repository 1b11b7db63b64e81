#include "daemon/server/listener.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/base/error.hpp"

namespace decom {
namespace {

constexpr int kBacklog = 512;

std::string reason(int code = errno) { return std::generic_category().message(code); }

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& why) {
  throw Error{ErrorCode::invalid, "cannot listen at {}: {}", path.string(), why};
}

std::string_view kind_of(mode_t mode) {
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISREG(mode)) return "a file";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  return "a device";
}

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (!path.is_absolute()) refuse(path, "the path of a socket is absolute");
  if (text.size() >= sizeof address.sun_path)
    refuse(path, fmt::format("the path of a socket has at most {} bytes", sizeof address.sun_path - 1));
  text.copy(address.sun_path, text.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

gid_t group_id(const std::filesystem::path& path, const std::string& name) {
  std::string buffer(16 * 1024, '\0');
  group entry{};
  group* found = nullptr;
  while (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) == ERANGE)
    buffer.resize(buffer.size() * 2);
  if (found == nullptr)
    refuse(path, fmt::format("there is no group '{}' on this host: groupadd --system {}", name, name));
  return found->gr_gid;
}

/// One that is there already is left as it is.
void make_directory(const std::filesystem::path& path, const std::string& group) {
  const std::filesystem::path folder = path.parent_path();
  if (::mkdir(folder.c_str(), 0750) != 0) {
    if (errno == EEXIST) return;
    refuse(path, fmt::format("cannot make the directory {}: {}", folder.string(), reason()));
  }
  if (!group.empty() && ::lchown(folder.c_str(), static_cast<uid_t>(-1), group_id(path, group)) != 0)
    refuse(path, fmt::format("cannot give {} to the group '{}': {}", folder.string(), group, reason()));
}

/// Nobody but us (and root) may enter or change it, so that nothing in it changes under our hands.
void check_directory(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.parent_path();
  const OwnedFd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status {};
  if (!directory.is_open() || ::fstat(directory.get(), &status) != 0)
    refuse(path, fmt::format("cannot open the directory {}: {}", folder.string(), reason()));
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    refuse(path, fmt::format("the directory {} belongs to uid {}", folder.string(), status.st_uid));
  if ((status.st_mode & 0027U) != 0)
    refuse(path, fmt::format("others may enter or change the directory {} (its mode is {:04o}): chmod 0750 {}",
                             folder.string(), status.st_mode & 07777U, folder.string()));
}

OwnedFd lock_beside(const std::filesystem::path& path) {
  const std::string name = path.string() + ".lock";
  OwnedFd lock(::open(name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  struct stat status {};
  if (!lock.is_open() || ::fstat(lock.get(), &status) != 0)
    refuse(path, fmt::format("cannot open the lock {}: {}", name, reason()));
  if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid())
    refuse(path, fmt::format("the lock {} is no file of ours", name));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    throw Error{ErrorCode::conflict, "another decomd listens at {} already", path.string()};
  return lock;
}

/// Under the lock: a socket of ours that nobody answers at is what a dead daemon left.
void remove_stale(const std::filesystem::path& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return;
    refuse(path, reason());
  }
  if (!S_ISSOCK(status.st_mode))
    refuse(path, fmt::format("there is {} already, which is no socket: remove it", kind_of(status.st_mode)));
  if (status.st_uid != ::geteuid())
    refuse(path, fmt::format("there is a socket of uid {} already: remove it", status.st_uid));
  const OwnedFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe.is_open()) refuse(path, reason());
  const int outcome = ::connect(probe.get(), generic(address), sizeof address) == 0 ? 0 : errno;
  if (outcome == 0 || outcome == EAGAIN)
    throw Error{ErrorCode::conflict, "another program listens at {} already", path.string()};
  if (outcome != ECONNREFUSED) refuse(path, reason(outcome));
  if (::unlink(path.c_str()) != 0) refuse(path, fmt::format("cannot remove the old socket: {}", reason()));
}

}  // namespace

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) ::close(fd_);
}

int OwnedFd::release() { return std::exchange(fd_, -1); }

Listener::Listener(const ServerOptions& options) {
  const int passed = ::sd_listen_fds(/*unset_environment=*/1);
  if (passed < 0) refuse(options.socket, fmt::format("cannot take systemd's sockets: {}", reason(-passed)));
  if (passed == 0) {
    open_own(options);
    return;
  }
  if (passed > 1) refuse(options.socket, fmt::format("systemd passed {} sockets instead of one", passed));
  if (::sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, /*listening=*/1, nullptr, 0) <= 0)
    refuse(options.socket, "what systemd passed is no listening Unix socket");
  socket_ = OwnedFd(SD_LISTEN_FDS_START);
}

void Listener::open_own(const ServerOptions& options) {
  const sockaddr_un address = address_of(options.socket);
  make_directory(options.socket, options.group);
  check_directory(options.socket);
  lock_ = lock_beside(options.socket);
  remove_stale(options.socket, address);

  OwnedFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) refuse(options.socket, reason());
  const mode_t before = ::umask(0077);
  const int bound = ::bind(socket.get(), generic(address), sizeof address);
  const int why = errno;
  ::umask(before);
  if (bound != 0) refuse(options.socket, reason(why));

  struct stat status {};
  if (::lstat(options.socket.c_str(), &status) != 0) refuse(options.socket, reason());
  path_ = options.socket;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  // The group first: between the two calls nobody but us may connect.
  try {
    if (!options.group.empty() && ::lchown(path_.c_str(), static_cast<uid_t>(-1), group_id(path_, options.group)) != 0)
      refuse(path_, fmt::format("cannot give it to the group '{}': {}", options.group, reason()));
    if (::chmod(path_.c_str(), 0660) != 0) refuse(path_, reason());
    if (::listen(socket.get(), kBacklog) != 0) refuse(path_, reason());
  } catch (...) {
    ::unlink(path_.c_str());
    throw;
  }
  socket_ = std::move(socket);
}

Listener::~Listener() {
  if (path_.empty()) return;
  struct stat status {};
  // Only what we bound: somebody may have put another one in its place.
  if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_)
    ::unlink(path_.c_str());
}

}  // namespace decom
