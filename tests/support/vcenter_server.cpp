#include "tests/support/vcenter_server.hpp"

#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace decom {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error("test vCenter: " + what); }

std::filesystem::path make_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "decom-vcenter-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) fail("cannot make a temporary folder");
  return name;
}

std::string read_line(int fd) {
  std::string line;
  for (char c = 0; ::read(fd, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

/// One HTTP/1.0 exchange with a server on loopback: the answer's end is the connection's.
std::pair<int, std::string> exchange(const std::string& url, const std::string& body) {
  const auto host = url.find("//") + 2;
  const auto colon = url.find(':', host);
  const auto slash = url.find('/', host);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(colon + 1, slash - colon - 1))));
  ::inet_pton(AF_INET, url.substr(host, colon - host).c_str(), &address.sin_addr);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    fail("its control listener cannot be reached");
  }
  const std::string request =
      "POST " + url.substr(slash) +
      " HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
      body;
  for (std::size_t sent = 0; sent < request.size();) {
    const auto n = ::send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  std::string answer;
  std::array<char, 65536> piece{};
  for (ssize_t n = 0; (n = ::read(fd, piece.data(), piece.size())) > 0;)
    answer.append(piece.data(), static_cast<std::size_t>(n));
  ::close(fd);
  const auto end = answer.find("\r\n\r\n");
  if (answer.size() < 12 || end == std::string::npos) fail("its control listener answers nothing");
  return {std::stoi(answer.substr(9, 3)), answer.substr(end + 4)};
}

}  // namespace

VcenterServer::VcenterServer(const std::vector<std::string>& arguments, const nlohmann::json& inventory)
    : folder_(make_folder()) {
  std::vector<std::string> all{"--stdin-leash", "--cert-out", ca_file().string(), "--ledger",
                               (folder_ / "ledger.jsonl").string()};
  if (!inventory.is_null()) {
    std::ofstream(folder_ / "inventory.json") << inventory.dump();
    all.insert(all.end(), {"--inventory", (folder_ / "inventory.json").string()});
  }
  all.insert(all.end(), arguments.begin(), arguments.end());
  try {
    start(all);
  } catch (...) {
    kill();
    std::filesystem::remove_all(folder_);
    throw;
  }
}

VcenterServer::~VcenterServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void VcenterServer::start(const std::vector<std::string>& arguments) {
  std::array<int, 2> leash{};
  std::array<int, 2> out{};
  if (::pipe2(leash.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) fail("no pipe");
  const std::string program = std::string(DECOM_BIN_DIR) + "/test-vcenter";
  const std::string scratch = "TMPDIR=" + folder_.string();
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::array<char*, 2> environment{const_cast<char*>(scratch.c_str()), nullptr};
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(leash[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::execve(program.c_str(), argv.data(), environment.data());
    ::_exit(127);
  }
  ::close(leash[0]);
  ::close(out[1]);
  leash_ = leash[1];
  const std::string line = read_line(out[0]);
  ::close(out[0]);
  if (pid_ < 0 || line.empty()) fail("cannot start " + program);
  const auto ready = nlohmann::json::parse(line);
  url_ = ready.at("url");
  control_ = ready.at("control");
  thumbprint_ = ready.at("thumbprint");
  instance_uuid_ = ready.at("instance_uuid");
}

VcenterOptions VcenterServer::options(const std::string& name, const std::string& user,
                                      const std::string& password) const {
  VcenterOptions options;
  options.name = name;
  options.url = url_;
  options.username = user;
  options.password_file = folder_ / (name + ".password");
  std::ofstream(options.password_file) << password << '\n';
  options.ca_file = ca_file();
  return options;
}

nlohmann::json VcenterServer::control(const std::string& verb, const nlohmann::json& body) const {
  const auto [status, text] = exchange(control_ + "/" + verb, body.is_null() ? std::string{} : body.dump());
  if (status != 200) fail(verb + " answers " + std::to_string(status) + ": " + text);
  return nlohmann::json::parse(text);
}

std::string VcenterServer::rule(const nlohmann::json& rule) const { return control("rules", rule).at("ids").at(0); }

void VcenterServer::wait_for_hits(const std::string& rule, int count) const {
  control("wait", {{"rule", rule}, {"count", count}, {"timeout_ms", 10'000}});
}

int VcenterServer::calls(const std::string& method) const { return control("calls").value(method, 0); }

int VcenterServer::ledger(const std::string& phase, const std::string& method) const {
  int count = 0;
  for (const auto& record : control("ledger"))
    if (record.value("phase", "") == phase && record.value("method", "") == method) ++count;
  return count;
}

void VcenterServer::kill() {
  if (leash_ >= 0) ::close(std::exchange(leash_, -1));
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

}  // namespace decom
