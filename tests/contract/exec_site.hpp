#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/domain/machine.hpp"
#include "daemon/records/definition.hpp"

namespace decom {

/// A site with programs and secrets of its own, in a folder that goes away with it. As root the folder belongs to root
/// up to the top, as the daemon wants it; other users cannot have such a one.
class ExecSite {
 public:
  ExecSite();
  ExecSite(const ExecSite&) = delete;
  ExecSite& operator=(const ExecSite&) = delete;
  ~ExecSite();

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  /// Writes a file, executable unless told otherwise, and returns its path.
  std::string program(const std::string& name, std::string_view text, int mode = 0755) const;
  void secret(const std::string& name, std::string_view value) const;

  /// Loads a definition as the daemon does: frozen, then read. Throws where there is a mistake.
  [[nodiscard]] std::unique_ptr<RecordSystem> load(nlohmann::json definition) const;
  /// The mistakes of a definition, "where: what".
  [[nodiscard]] std::vector<std::string> mistakes_of(nlohmann::json definition) const;

 private:
  std::unique_ptr<RecordSystem> read(nlohmann::json& definition, std::vector<Finding>& mistakes) const;
  std::filesystem::path folder_;
};

/// Code as a definition; these languages are defined as decomd.toml(5) shows it.
nlohmann::json python(std::string_view code);
nlohmann::json shell(std::string_view code);

/// web01, switched on.
Machine web01();
RecordCall call_for(std::chrono::milliseconds time, std::stop_token stop = {});
/// "code: message" of what is thrown; empty when nothing is.
std::string error_of(const std::function<void()>& run);
/// What the code wrote by tell("…"), or its error.
std::string told_by(const ExecSite& site, std::string_view python_code, const nlohmann::json& further = {});

/// The text between `.Bd` and `.Ed` behind the comment `.\" example NAME` of a manual page, as it is shown.
std::string example_of(const std::string& page, const std::string& name);

}  // namespace decom
