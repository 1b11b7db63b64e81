#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/types.h>

namespace decom {

/// A program that was run to its end: its exit status, and its output with what it said of errors.
struct ProgramEnd {
  int status = -1;
  std::string output;
};
/// `environment` is added to ours, "NAME=value".
ProgramEnd run_program(const std::vector<std::string>& words, const std::string& input = {},
                       const std::vector<std::string>& environment = {});

/// BIND 9 (tests/dns), on a port of its own. It ends with this object and, however this process ends, with the process.
class DnsServer {
 public:
  explicit DnsServer(const std::vector<std::string>& arguments = {});
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  /// What it said when it was ready; tests/dns/README.md has the members.
  [[nodiscard]] const nlohmann::json& facts() const { return facts_; }
  [[nodiscard]] std::string text(const std::string& member) const { return facts_.at(member); }
  [[nodiscard]] std::string key(const std::string& name) const { return facts_.at("keys").at(name); }

  /// "down", "up", "freeze", "thaw"
  void tell(const std::string& word);
  /// Adds and deletes records by nsupdate, with the key that may do everything: "add web01.lab.example.test 300 A …".
  void change(const std::vector<std::string>& lines);
  /// What dig sees: the sorted data of a name's records of a type.
  [[nodiscard]] std::vector<std::string> dig(const std::string& name, const std::string& type) const;

 private:
  pid_t child_ = -1;
  int to_ = -1;
  int from_ = -1;
  nlohmann::json facts_;
};

/// The same of any server, by its own client.
std::vector<std::string> dig_at(const std::string& address, int port, const std::string& name, const std::string& type);

}  // namespace decom
