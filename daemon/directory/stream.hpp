#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include <sys/types.h>

struct ssl_st;
struct ssl_ctx_st;

namespace decom::directory {

using Deadline = std::chrono::steady_clock::time_point;

/// A TCP connection, in the clear or under TLS, whose every call ends at a deadline.
///
/// libldap gets it as its transport, instead of a socket and its own TLS, because (seen with OpenLDAP 2.5 on GnuTLS):
/// a server that accepts and stays silent keeps libldap in the handshake for ever; "refused", "bad certificate" and
/// "hung up" come back as one code; a certificate for clients only is accepted for a server; and the environment
/// (LDAPTLS_REQCERT) can turn verification off.
///
/// One thread at a time.
class Stream {
 public:
  /// Throws `unreachable` (not resolved, refused, no route) or `timed_out`.
  static std::unique_ptr<Stream> connect(const std::string& host, std::uint16_t port, Deadline deadline);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Shakes hands; from here on all is encrypted. `name`, a host name or an address, must be in the certificate's
  /// subjectAltName, and its chain must end in `ca_file` (the system's authorities where that is empty).
  /// Throws `untrusted` with the reason, `timed_out`, `unreachable` (hung up), `protocol` (no TLS there).
  void start_tls(const std::string& name, const std::filesystem::path& ca_file, Deadline deadline);

  /// Until when `read` and `write` may take.
  void set_deadline(Deadline deadline) { deadline_ = deadline; }
  /// As read(2) and write(2) on a blocking socket: 0 is the end, -1 leaves the reason in errno, ETIMEDOUT included.
  /// They raise no SIGPIPE.
  ssize_t read(void* into, std::size_t size);
  ssize_t write(const void* from, std::size_t size);
  /// Whether bytes wait here that poll(2) on the descriptor does not know of.
  [[nodiscard]] bool has_pending() const;

  /// Whether the last failure was the deadline's.
  [[nodiscard]] bool timed_out() const { return timed_out_; }
  [[nodiscard]] int fd() const { return fd_; }
  /// "TLSv1.3", or empty.
  [[nodiscard]] std::string tls_version() const;

 private:
  explicit Stream(int fd) : fd_(fd) {}
  bool wait_for(short events);
  /// What OpenSSL's want-read and want-write ask for; false where it is another failure or the deadline came.
  bool may_go_on(int result);
  [[noreturn]] void throw_handshake_failure(const std::string& name) const;

  int fd_;
  Deadline deadline_{};
  bool timed_out_ = false;
  ssl_ctx_st* context_ = nullptr;
  ssl_st* tls_ = nullptr;
};

}  // namespace decom::directory
