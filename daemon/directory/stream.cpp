#include "daemon/directory/stream.hpp"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/error.hpp"
#include "common/base/resolve.hpp"

namespace decom::directory {

namespace {

// OpenSSL's own socket BIO uses write(2), which raises SIGPIPE when the server has gone.
int bio_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const int fd = *static_cast<const int*>(BIO_get_data(bio));
  const ssize_t sent = ::send(fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const int fd = *static_cast<const int*>(BIO_get_data(bio));
  const ssize_t got = ::recv(fd, data, static_cast<std::size_t>(size), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "decom socket");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

bool is_address(const std::string& name) {
  in6_addr unused{};
  return ::inet_pton(AF_INET, name.c_str(), &unused) == 1 || ::inet_pton(AF_INET6, name.c_str(), &unused) == 1;
}

std::string openssl_words() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown failure" : reason;
}

ssl_ctx_st* make_context(const std::filesystem::path& ca_file) {
  ERR_clear_error();
  ssl_ctx_st* context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) throw Error{ErrorCode::internal, "cannot set TLS up: {}", openssl_words()};
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const int trusted =
      ca_file.empty() ? SSL_CTX_set_default_verify_paths(context) : SSL_CTX_load_verify_file(context, ca_file.c_str());
  if (trusted == 1) return context;
  SSL_CTX_free(context);
  throw Error{ErrorCode::untrusted, "cannot read the authority's certificate {}: {}", ca_file.string(),
              openssl_words()};
}

/// -1 for the deadline, else an errno; 0 when it is connected.
int finish_connect(int fd, Deadline deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return -1;
    pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return errno;
    if (ready <= 0) continue;
    int failure = 0;
    socklen_t size = sizeof failure;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0 ? errno : failure;
  }
}

}  // namespace

std::unique_ptr<Stream> Stream::connect(const std::string& host, std::uint16_t port, Deadline deadline) {
  const Addresses addresses = resolve(host, port, deadline);
  int failure = 0;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    const int fd = ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      failure = errno;
      continue;
    }
    auto stream = std::unique_ptr<Stream>(new Stream(fd));
    // Small questions, small answers: waiting to fill a segment costs 40 ms each.
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    failure = ::connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (failure == EINPROGRESS) failure = finish_connect(fd, deadline);
    if (failure == 0) return stream;
    if (failure == -1) break;
  }
  if (failure == -1) throw Error{ErrorCode::timed_out, "cannot connect to {} port {}: no answer in time", host, port};
  throw Error{ErrorCode::unreachable, "cannot connect to {} port {}: {}", host, port, std::strerror(failure)};
}

Stream::~Stream() {
  SSL_free(tls_);
  SSL_CTX_free(context_);
  ::close(fd_);
}

void Stream::start_tls(const std::string& name, const std::filesystem::path& ca_file, Deadline deadline) {
  deadline_ = deadline;
  context_ = make_context(ca_file);
  tls_ = SSL_new(context_);
  BIO* bio = BIO_new(socket_method());
  if (tls_ == nullptr || bio == nullptr) throw Error{ErrorCode::internal, "cannot set TLS up: {}", openssl_words()};
  BIO_set_data(bio, &fd_);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls_, bio, bio);

  X509_VERIFY_PARAM* wanted = SSL_get0_param(tls_);
  // The subject's CN proves nothing (RFC 6125 6.4.4), and "dc*.example" is nobody's name.
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool named = is_address(name) ? X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) == 1
                                      : X509_VERIFY_PARAM_set1_host(wanted, name.c_str(), name.size()) == 1 &&
                                            SSL_set_tlsext_host_name(tls_, name.c_str()) == 1;
  if (!named) throw Error{ErrorCode::invalid, "cannot check a certificate for the name {}", name};

  for (;;) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_connect(tls_);
    if (result == 1) return;
    if (!may_go_on(result)) throw_handshake_failure(name);
  }
}

void Stream::throw_handshake_failure(const std::string& name) const {
  if (const long verdict = SSL_get_verify_result(tls_); verdict != X509_V_OK)
    throw Error{ErrorCode::untrusted, "the certificate does not prove that this is {}: {}", name,
                X509_verify_cert_error_string(verdict)};
  if (timed_out_) throw Error{ErrorCode::timed_out, "cannot start TLS with {}: no answer in time", name};
  const unsigned long code = ERR_peek_error();
  if (code == 0 || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    throw Error{ErrorCode::unreachable, "cannot start TLS with {}: it hung up", name};
  throw Error{ErrorCode::protocol, "cannot start TLS with {}: {}", name, openssl_words()};
}

bool Stream::wait_for(short events) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      timed_out_ = true;
      errno = ETIMEDOUT;
      return false;
    }
    pollfd waiting{.fd = fd_, .events = events, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

bool Stream::may_go_on(int result) {
  switch (SSL_get_error(tls_, result)) {
    case SSL_ERROR_WANT_READ: return wait_for(POLLIN);
    case SSL_ERROR_WANT_WRITE: return wait_for(POLLOUT);
    default: return false;
  }
}

ssize_t Stream::read(void* into, std::size_t size) {
  for (;;) {
    errno = 0;
    if (tls_ != nullptr) {
      ERR_clear_error();
      std::size_t got = 0;
      const int result = SSL_read_ex(tls_, into, size, &got);
      if (result == 1) return static_cast<ssize_t>(got);
      if (SSL_get_error(tls_, result) == SSL_ERROR_ZERO_RETURN) return 0;
      if (may_go_on(result)) continue;
    } else {
      const ssize_t got = ::recv(fd_, into, size, 0);
      if (got >= 0) return got;
      if ((errno == EAGAIN || errno == EINTR) && wait_for(POLLIN)) continue;
    }
    if (errno == 0 || errno == EAGAIN) errno = ECONNRESET;
    return -1;
  }
}

ssize_t Stream::write(const void* from, std::size_t size) {
  for (;;) {
    errno = 0;
    if (tls_ != nullptr) {
      ERR_clear_error();
      std::size_t sent = 0;
      const int result = SSL_write_ex(tls_, from, size, &sent);
      if (result == 1) return static_cast<ssize_t>(sent);
      if (may_go_on(result)) continue;
    } else {
      const ssize_t sent = ::send(fd_, from, size, MSG_NOSIGNAL);
      if (sent >= 0) return sent;
      if ((errno == EAGAIN || errno == EINTR) && wait_for(POLLOUT)) continue;
    }
    if (errno == 0 || errno == EAGAIN) errno = ECONNRESET;
    return -1;
  }
}

bool Stream::has_pending() const { return tls_ != nullptr && SSL_has_pending(tls_) == 1; }

std::string Stream::tls_version() const { return tls_ == nullptr ? "" : SSL_get_version(tls_); }

}  // namespace decom::directory
