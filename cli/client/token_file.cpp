#include "cli/client/token_file.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>

#include "cli/client/descriptor.hpp"
#include "cli/client/paths.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

namespace fs = std::filesystem;

bool is_own_directory(const fs::path& path) {
  struct stat info {};
  return path.is_absolute() && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid();
}

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string(value);
}

fs::path own_base() {
  // sudo may leave the caller's variables in place: what is not ours is passed over.
  if (const fs::path runtime = from_environment("XDG_RUNTIME_DIR"); is_own_directory(runtime)) return runtime / "decom";
  fs::path home = from_environment("HOME");
  if (!is_own_directory(home)) {
    const passwd* self = ::getpwuid(::geteuid());
    home = self != nullptr ? self->pw_dir : "";
  }
  if (!is_own_directory(home))
    throw Error{ErrorCode::denied,
                "no place for a login: neither XDG_RUNTIME_DIR nor a home directory belongs to uid {}", ::geteuid()};
  return home / ".cache" / "decom";
}

/// FNV-1a: tells sockets apart, proves nothing.
std::string short_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return fmt::format("{:016x}", hash);
}

/// The directory itself, opened, ours, and closed to everybody else.
Descriptor open_directory(const fs::path& path) {
  Descriptor fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!fd) {
    if (errno == ENOENT) return fd;
    throw Error{ErrorCode::denied, "cannot open {}: {}", path.string(), std::strerror(errno)};
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0 || info.st_uid != ::geteuid())
    throw Error{ErrorCode::denied, "refuse to use {}: it belongs to uid {}, not to you", path.string(), info.st_uid};
  if ((info.st_mode & 077U) != 0)
    throw Error{ErrorCode::denied, "refuse to use {}: others may open it; 'chmod 700' it", path.string()};
  return fd;
}

void check_file(int fd, const fs::path& path, bool given) {
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
    throw Error{ErrorCode::denied, "refuse to use {}: it is not a file", path.string()};
  // systemd's credentials belong to root and are readable through an ACL, which shows as group bits.
  const bool credential = given && info.st_uid == 0 && ::geteuid() != 0;
  if (info.st_uid != ::geteuid() && !credential)
    throw Error{ErrorCode::denied, "refuse to use {}: it belongs to uid {}, not to you", path.string(), info.st_uid};
  if ((info.st_mode & (credential ? 027U : 077U)) != 0)
    throw Error{ErrorCode::denied, "refuse to use {}: others may read it; 'chmod 600' it", path.string()};
}

}  // namespace

TokenFile TokenFile::of(const fs::path& socket) {
  if (const std::string given = from_environment("DECOMCTL_TOKEN_FILE"); !given.empty()) return {given, true};
  const std::string name = socket == kDefaultSocket ? "token" : "token-" + short_hash(fs::absolute(socket).string());
  return {own_base() / name, false};
}

std::optional<Secret> TokenFile::load() const {
  Descriptor fd;
  if (given_) {
    fd = Descriptor{::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (!fd)
      throw Error{ErrorCode::denied, "cannot read DECOMCTL_TOKEN_FILE {}: {}", path_.string(), std::strerror(errno)};
  } else {
    const Descriptor directory = open_directory(path_.parent_path());
    if (!directory) return std::nullopt;
    fd =
        Descriptor{::openat(directory.get(), path_.filename().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (!fd && errno == ENOENT) return std::nullopt;
    if (!fd) throw Error{ErrorCode::denied, "cannot read {}: {}", path_.string(), std::strerror(errno)};
  }
  check_file(fd.get(), path_, given_);
  std::array<char, 4096> buffer{};
  const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
  Secret text(std::string(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0));
  ::explicit_bzero(buffer.data(), buffer.size());
  Secret token{std::string(trimmed(text.expose()))};
  if (token.empty() || token.expose().find_first_of(" \t\r\n") != std::string::npos)
    throw Error{ErrorCode::denied, "refuse to use {}: a token is one line", path_.string()};
  return token;
}

void TokenFile::save(const Secret& token) const {
  if (given_)
    throw Error{ErrorCode::usage, "DECOMCTL_TOKEN_FILE names the login already; unset it to keep another one"};
  const fs::path directory = path_.parent_path();
  if (const fs::path cache = directory.parent_path(); !fs::exists(cache)) ::mkdir(cache.c_str(), 0700);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    throw Error{ErrorCode::denied, "cannot make {}: {}", directory.string(), std::strerror(errno)};
  const Descriptor at = open_directory(directory);
  if (!at) throw Error{ErrorCode::denied, "cannot open {}", directory.string()};

  const std::string name = path_.filename().string();
  const std::string fresh = fmt::format("{}.{}", name, ::getpid());
  ::unlinkat(at.get(), fresh.c_str(), 0);
  const Descriptor fd{::openat(at.get(), fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  const Secret line{token.expose() + "\n"};
  const std::string& text = line.expose();
  const bool written = fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::renameat(at.get(), fresh.c_str(), at.get(), name.c_str()) == 0;
  if (!written) {
    const int error = errno;
    ::unlinkat(at.get(), fresh.c_str(), 0);
    throw Error{ErrorCode::denied, "cannot write {}: {}", path_.string(), std::strerror(error)};
  }
}

bool TokenFile::remove() const {
  if (given_) return false;
  const Descriptor at = open_directory(path_.parent_path());
  return at && ::unlinkat(at.get(), path_.filename().c_str(), 0) == 0;
}

}  // namespace decom::cli
