#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/types.h>

namespace decom {

/// A server of tests/records. It ends with this object and, however this process ends, with the process.
class RecordServer {
 public:
  /// `script`: its name in tests/records, or its path from there.
  explicit RecordServer(const std::string& script);
  ~RecordServer();
  RecordServer(const RecordServer&) = delete;
  RecordServer& operator=(const RecordServer&) = delete;

  /// What it said when it was ready; tests/records/README.md has the members.
  [[nodiscard]] std::string text(const std::string& member) const { return facts_.at(member); }
  [[nodiscard]] const nlohmann::json& facts() const { return facts_; }

  /// A verb of tests/records/README.md and its arguments, which have no spaces. Throws with the server's words.
  std::string tell(const std::string& words);

 private:
  std::string line();

  pid_t child_ = -1;
  int in_ = -1;
  int out_ = -1;
  nlohmann::json facts_;
};

}  // namespace decom
