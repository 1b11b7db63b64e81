#include "tests/support/record_server.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace decom {
namespace {

constexpr int kPatience = 180'000;  // the first start of Zabbix loads its schema

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error("record server: " + what); }

}  // namespace

RecordServer::RecordServer(const std::string& script) {
  ::signal(SIGPIPE, SIG_IGN);  // a server that ended is told by the answer that does not come
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) fail(std::strerror(errno));
  in_ = in[1];
  out_ = out[0];
  std::string python = "/usr/bin/python3";
  std::string path = std::string{DECOM_SOURCE_DIR} + "/tests/records/" + script;
  char* argv[] = {python.data(), path.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  const int failed = ::posix_spawn(&child_, argv[0], &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  if (failed != 0) fail(std::strerror(failed));
  facts_ = nlohmann::json::parse(line());
}

RecordServer::~RecordServer() {
  ::close(in_);
  ::waitpid(child_, nullptr, 0);
  ::close(out_);
}

std::string RecordServer::line() {
  std::string text;
  for (char c = 0;;) {
    pollfd waiting{.fd = out_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kPatience) == 0) fail("no answer in time");
    const ssize_t got = ::read(out_, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail("it ended");
    if (c == '\n') return text;
    text += c;
  }
}

std::string RecordServer::tell(const std::string& words) {
  const std::string all = words + "\n";
  if (::write(in_, all.data(), all.size()) != static_cast<ssize_t>(all.size())) fail("it ended");
  const std::string answer = line();
  if (!answer.starts_with("ok")) fail(words + ": " + answer);
  return answer.size() > 3 ? answer.substr(3) : std::string{};
}

}  // namespace decom
