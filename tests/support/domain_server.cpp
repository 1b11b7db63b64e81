#include "tests/support/domain_server.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace decom {

namespace {

constexpr std::chrono::seconds kPatience{180};  // the first start provisions, and machines that test are busy

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error("domain server: " + what); }

/// One line, without its end; the rest stays unread.
std::string read_line(int fd, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string line;
  for (char c = 0;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) == 0) fail("no answer in time");
    const ssize_t got = ::read(fd, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail("it ended");
    if (c == '\n') return line;
    line += c;
  }
}

int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) fail("its control path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail(std::string{"cannot connect: "} + std::strerror(errno));
  return fd;
}

}  // namespace

DomainServer::DomainServer(const std::vector<std::string>& arguments) {
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) fail(std::strerror(errno));
  leash_ = in[1];
  std::vector<std::string> words{"/usr/bin/python3", std::string{DECOM_SOURCE_DIR} + "/tests/domain/domain_server.py",
                                 "--stdin-leash"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  const int failed = ::posix_spawn(&child_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  if (failed != 0) fail(std::strerror(failed));
  facts_ = nlohmann::json::parse(read_line(out[0], kPatience));
  ::close(out[0]);
  control_ = connect_to(text("control"));
}

DomainServer::~DomainServer() {
  ::close(control_);
  ::close(leash_);
  ::waitpid(child_, nullptr, 0);
}

DomainServer& DomainServer::shared() {
  static DomainServer server;
  return server;
}

Secret DomainServer::password(const std::string& user) const {
  return Secret{facts_.at("users").at(user).at("password").get<std::string>()};
}

nlohmann::json DomainServer::call(const std::string& verb, const nlohmann::json& arguments) {
  const std::string line = nlohmann::json{{"verb", verb}, {"args", arguments}}.dump() + "\n";
  if (::send(control_, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) fail("it ended");
  const auto answer = nlohmann::json::parse(read_line(control_, kPatience));
  if (!answer.at("ok").get<bool>()) fail(verb + ": " + answer.at("error").get<std::string>());
  return answer.at("result");
}

DirectoryOptions DomainServer::options() const {
  return {.urls = {text("ldaps")},
          .starttls = false,
          .base_dn = text("base_dn"),
          .bind_dn = text("bind_dn"),
          .password_file = text("bind_password_file"),
          .ca_file = text("ca"),
          .address = {},
          .computer_ous = {"OU=Servers," + text("base_dn")},
          .timeout = std::chrono::seconds{3}};
}

}  // namespace decom
