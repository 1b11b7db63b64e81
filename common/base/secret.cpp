#include "common/base/secret.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.hpp"

namespace decom {

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe();
    value_ = other.value_;
  }
  return *this;
}

Secret::Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    value_ = std::move(other.value_);
    other.wipe();
  }
  return *this;
}

void Secret::wipe() noexcept {
  if (value_.capacity() > 0) explicit_bzero(value_.data(), value_.size());
  value_.clear();
}

Secret read_secret_file(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw Error{ErrorCode::invalid, "cannot read the secret {}: {}", file.string(), std::strerror(errno)};
  struct stat info {};
  if (::fstat(fd, &info) != 0 || S_ISDIR(info.st_mode)) {
    ::close(fd);
    throw Error{ErrorCode::invalid, "cannot read the secret {}: it is not a file", file.string()};
  }
  constexpr std::size_t kMost = 64 * 1024;
  std::array<char, 4096> piece{};
  std::string text;
  ssize_t got = 0;
  while (text.size() <= kMost && (got = ::read(fd, piece.data(), piece.size())) > 0)
    text.append(piece.data(), static_cast<std::size_t>(got));
  explicit_bzero(piece.data(), piece.size());
  ::close(fd);
  Secret secret(std::move(text));
  if (got < 0) throw Error{ErrorCode::invalid, "cannot read the secret {}", file.string()};
  if (secret.expose().size() > kMost)
    throw Error{ErrorCode::invalid, "the secret {} is larger than 64 KiB", file.string()};
  std::string value = secret.expose();
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  if (value.empty()) throw Error{ErrorCode::invalid, "the secret {} is empty", file.string()};
  if (value.find('\0') != std::string::npos)
    throw Error{ErrorCode::invalid, "the secret {} has a NUL byte", file.string()};
  return Secret(std::move(value));
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference =
        static_cast<unsigned char>(difference | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
  return difference == 0;
}

}  // namespace decom
