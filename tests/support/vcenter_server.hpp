#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/vsphere/vcenter.hpp"

namespace decom {

/// A real server on loopback that speaks vCenter's API: tests/vcenter. It dies with this object, and with the test.
class VcenterServer {
 public:
  /// `arguments` are those of test-vcenter (`--generate 200`); `inventory` is its JSON inventory, or null.
  explicit VcenterServer(const std::vector<std::string>& arguments = {}, const nlohmann::json& inventory = nullptr);
  ~VcenterServer();
  VcenterServer(const VcenterServer&) = delete;
  VcenterServer& operator=(const VcenterServer&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] const std::string& thumbprint() const { return thumbprint_; }
  [[nodiscard]] const std::string& instance_uuid() const { return instance_uuid_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }  ///< temporary, of this server alone
  [[nodiscard]] std::filesystem::path ca_file() const { return folder_ / "ca.pem"; }
  [[nodiscard]] int pid() const { return pid_; }

  /// How to reach it as its administrator, or as somebody else; the password is written to a file in `folder`.
  [[nodiscard]] VcenterOptions options(const std::string& name = "lab",
                                       const std::string& user = "administrator@vsphere.local",
                                       const std::string& password = "VMware1!") const;

  /// The control API: tests/vcenter/README.md. Throws where the answer is not 200.
  nlohmann::json control(const std::string& verb, const nlohmann::json& body = nullptr) const;
  /// Adds a fault rule and answers its id.
  std::string rule(const nlohmann::json& rule) const;
  void clear_rules() const { control("rules/delete", nlohmann::json::object()); }
  /// Waits until a rule has acted so often.
  void wait_for_hits(const std::string& rule, int count = 1) const;
  /// What the server itself knows of a machine, by name or MoRef.
  [[nodiscard]] nlohmann::json machine(const std::string& name) const { return control("find", {{"vm", name}}); }
  [[nodiscard]] std::string moref(const std::string& name) const { return machine(name).at("moref"); }
  /// Calls by method since the start, or since they were cleared.
  [[nodiscard]] int calls(const std::string& method) const;
  /// Records of the ledger in this phase (received, executed, answered) for a method.
  [[nodiscard]] int ledger(const std::string& phase, const std::string& method) const;

  /// Ends it at once, as a power failure would; a second call does nothing.
  void kill();

 private:
  void start(const std::vector<std::string>& arguments);

  std::filesystem::path folder_;
  std::string url_, control_, thumbprint_, instance_uuid_;
  int pid_ = -1;
  int leash_ = -1;
};

}  // namespace decom
