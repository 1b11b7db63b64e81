#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <unistd.h>

#include "daemon/config/config.hpp"
#include "tests/support/fake_records.hpp"

namespace decom::test {

/// A folder with the files that a good configuration names.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("decom-config-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_ / "plans.d");
    std::filesystem::create_directories(path_ / "records.d");
    write("vc.password", "s3cret\n");
    write("ad.password", "s3cret\n");
    write("ca.pem", "certificate\n");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
  /// What systems name as secrets is looked at.
  void secret(const std::string& name, const std::string& content, unsigned mode = 0600) const {
    write(name, content);
    std::filesystem::permissions(path_ / name, std::filesystem::perms{mode});
  }
  [[nodiscard]] Config load(const std::string& content) const {
    write("decomd.toml", content);
    return load_config(path_ / "decomd.toml", built_in_steps(systems_.systems()), systems_.systems()->kinds());
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// "line:column what", without the folder, of every mistake.
  [[nodiscard]] std::vector<std::string> mistakes(const std::string& content) const {
    try {
      (void)load(content);
      return {};
    } catch (const Error& e) {
      CHECK(e.code() == ErrorCode::invalid);
      std::vector<std::string> lines;
      for (const Finding& finding : e.findings()) {
        std::string where = finding.where;
        if (where.starts_with(path_.string())) where.erase(0, path_.string().size() + 1);
        lines.push_back(where + " " + finding.what);
      }
      return lines;
    }
  }

 private:
  std::filesystem::path path_;
  FakeSystems systems_;
};

inline const std::string kGood = R"(
[daemon]
socket = "/tmp/decomd.sock"
state_dir = "/tmp/decomd"
workers = 8
[store]
url = "sqlite"
[[vcenter]]
name = "lab"
url = "https://vcenter.example.com/sdk"
username = "svc-decom@vsphere.local"
password_file = "vc.password"
ca_file = "ca.pem"
[directory]
url = "ldaps://dc1.corp.example.test"
base_dn = "DC=corp,DC=example,DC=test"
bind_dn = "svc-decom@corp.example.test"
password_file = "ad.password"
ca_file = "ca.pem"
vcenter_user = "CORP\\{sam}"
[roles]
viewer = ["Domain Users"]
operator = ["Decom Operators", "S-1-5-21-1-2-3-1105"]
)";

}  // namespace decom::test
