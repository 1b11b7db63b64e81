#pragma once

#include <filesystem>
#include <string>

#include "daemon/server/server_options.hpp"

namespace decom {

/// A file descriptor that closes itself.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept;
  ~OwnedFd();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  int release();

 private:
  int fd_ = -1;
};

/// The listening Unix socket: systemd's, or one of our own making.
///
/// Our own is made in a directory that nobody else can enter or write, under umask 0077, and opened to the group only
/// when it is complete. A lock beside it proves that no other daemon lives before anything old is removed; what is not
/// a dead socket of ours is refused, never removed. Systemd's is neither removed nor changed (sd_listen_fds(3)).
class Listener {
 public:
  /// Throws `conflict` when another daemon listens there, `invalid` with what to do about it for all else.
  explicit Listener(const ServerOptions& options);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  /// The caller owns it from now on; the lock stays here.
  int release_socket() { return socket_.release(); }

 private:
  void open_own(const ServerOptions& options);

  OwnedFd socket_;
  OwnedFd lock_;
  std::filesystem::path path_;  ///< empty: not ours to remove
  unsigned long device_ = 0;
  unsigned long inode_ = 0;
};

}  // namespace decom
