#include "tests/support/dns_server.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/text.hpp"

extern char** environ;

namespace decom {

namespace {

constexpr std::chrono::seconds kPatience{60};

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error("dns server: " + what); }

struct Child {
  pid_t pid = -1;
  int to = -1;
  int from = -1;
};

Child spawn(std::vector<std::string> words, const std::vector<std::string>& environment, bool with_errors) {
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) fail(std::strerror(errno));
  std::vector<char*> argv, envp;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  for (const std::string& one : environment) envp.push_back(const_cast<char*>(one.c_str()));
  for (char** one = environ; *one != nullptr; ++one) envp.push_back(*one);
  envp.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  if (with_errors) posix_spawn_file_actions_adddup2(&actions, out[1], 2);
  Child child{.to = in[1], .from = out[0]};
  const int failed = ::posix_spawnp(&child.pid, argv[0], &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  if (failed != 0) fail(words[0] + ": " + std::strerror(failed));
  return child;
}

std::string read_line(int fd) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
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

}  // namespace

ProgramEnd run_program(const std::vector<std::string>& words, const std::string& input,
                       const std::vector<std::string>& environment) {
  const Child child = spawn(words, environment, true);
  if (::write(child.to, input.data(), input.size()) != static_cast<ssize_t>(input.size()))
    fail(words[0] + ": no input");
  ::close(child.to);
  ProgramEnd end;
  char bytes[4096];
  for (ssize_t got = 0; (got = ::read(child.from, bytes, sizeof bytes)) > 0;)
    end.output.append(bytes, static_cast<std::size_t>(got));
  ::close(child.from);
  ::waitpid(child.pid, &end.status, 0);
  return end;
}

DnsServer::DnsServer(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"/usr/bin/python3", std::string{DECOM_SOURCE_DIR} + "/tests/dns/dns_server.py"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const Child child = spawn(words, {}, false);
  child_ = child.pid;
  to_ = child.to;
  from_ = child.from;
  facts_ = nlohmann::json::parse(read_line(from_));
}

DnsServer::~DnsServer() {
  ::close(to_);
  ::waitpid(child_, nullptr, 0);
  ::close(from_);
}

void DnsServer::tell(const std::string& word) {
  const std::string line = word + "\n";
  if (::write(to_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) fail("it ended");
  const auto answer = nlohmann::json::parse(read_line(from_));
  if (!answer.at("ok").get<bool>()) fail(answer.dump());
}

void DnsServer::change(const std::vector<std::string>& lines) {
  std::string script;
  for (const std::string& line : lines) {
    // One update each: the lines may belong to several zones.
    script += "server " + text("address") + " " + std::to_string(facts_.at("port").get<int>()) + "\n";
    script += "update " + line + "\nsend\n";
  }
  const ProgramEnd end = run_program({"nsupdate", "-v", "-k", key("admin-key")}, script);
  if (end.status != 0) fail("nsupdate: " + end.output);
}

std::vector<std::string> DnsServer::dig(const std::string& name, const std::string& type) const {
  return dig_at(text("address"), facts_.at("port"), name, type);
}

std::vector<std::string> dig_at(const std::string& address, int port, const std::string& name,
                                const std::string& type) {
  const ProgramEnd end = run_program({"dig", "+tcp", "+short", "+norecurse", "+time=5", "+tries=1", "@" + address, "-p",
                                      std::to_string(port), name, type});
  if (end.status != 0) fail("dig: " + end.output);
  std::vector<std::string> lines;
  for (const std::string& line : split(end.output, '\n'))
    if (!line.empty()) lines.push_back(line);
  std::ranges::sort(lines);
  return lines;
}

}  // namespace decom
