#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "daemon/records/definition.hpp"

namespace decom {

/// TOML as the JSON that the configuration makes of it.
nlohmann::json from_toml(std::string_view text);
/// A recipe of packaging/records.d, without what every kind of system has: kind, name and the like.
nlohmann::json shipped_recipe(const std::string& name);

/// A system of kind http; throws `invalid` with all mistakes where the recipe has any. Secrets are files of `secrets`.
std::unique_ptr<RecordSystem> http_system(const nlohmann::json& recipe, const std::filesystem::path& secrets);
/// "pointer: what", one a mistake.
std::vector<std::string> http_mistakes(const nlohmann::json& recipe);

/// Time for a call; nothing stops it.
RecordCall within(std::chrono::milliseconds time, std::stop_token stop = {});

/// What a call was told.
struct Outcome {
  ErrorCode code = ErrorCode::internal;
  std::string text = "it did not throw";
};

template <typename Call>
Outcome outcome_of(const Call& call) {
  try {
    call();
  } catch (const Error& e) {
    return {e.code(), e.what()};
  }
  return {};
}

/// A folder of its own, with files, that goes with it.
class SecretFolder {
 public:
  SecretFolder();
  ~SecretFolder();
  SecretFolder(const SecretFolder&) = delete;
  SecretFolder& operator=(const SecretFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void write(const std::string& name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

}  // namespace decom
