#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include "common/base/secret.hpp"
#include "daemon/directory/directory.hpp"

namespace decom {

/// A real domain controller (tests/domain), with an address of its own. It ends with this object and, however this
/// process ends, with the process.
class DomainServer {
 public:
  explicit DomainServer(const std::vector<std::string>& arguments = {});
  ~DomainServer();
  DomainServer(const DomainServer&) = delete;
  DomainServer& operator=(const DomainServer&) = delete;

  /// One for the whole program; started at the first call.
  static DomainServer& shared();

  /// What the server said when it was ready; tests/domain/README.md has the members.
  [[nodiscard]] const nlohmann::json& facts() const { return facts_; }
  [[nodiscard]] std::string text(std::string_view member) const { return facts_.at(std::string{member}); }
  [[nodiscard]] std::string sid(const std::string& user) const { return facts_.at("users").at(user).at("sid"); }
  [[nodiscard]] Secret password(const std::string& user) const;

  /// A verb of tests/domain/README.md. Throws std::runtime_error with the server's words.
  nlohmann::json call(const std::string& verb, const nlohmann::json& arguments = nlohmann::json::array());

  /// LDAPS by address as svc-decom, computers in OU=Servers; the timeout is short.
  [[nodiscard]] DirectoryOptions options() const;

 private:
  pid_t child_ = -1;
  int leash_ = -1;
  int control_ = -1;
  nlohmann::json facts_;
};

}  // namespace decom
