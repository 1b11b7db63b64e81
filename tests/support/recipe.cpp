#include "tests/support/recipe.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <toml++/toml.h>

#include "daemon/records/http_system.hpp"

namespace decom {

nlohmann::json from_toml(std::string_view text) {
  std::ostringstream out;
  out << toml::json_formatter{toml::parse(text)};
  return nlohmann::json::parse(out.str());
}

nlohmann::json shipped_recipe(const std::string& name) {
  std::ifstream file(std::string{DECOM_SOURCE_DIR} + "/packaging/records.d/" + name);
  std::stringstream text;
  text << file.rdbuf();
  nlohmann::json recipe = from_toml(text.str());
  for (const char* shared : {"kind", "name", "summary", "unverified", "after"}) recipe.erase(shared);
  return recipe;
}

namespace {

std::unique_ptr<RecordSystem> make(const nlohmann::json& recipe, const std::filesystem::path& secrets,
                                   std::vector<Finding>& mistakes) {
  const RecordWorld world{.secret_file = [secrets](const std::string& name) { return secrets / name; },
                          .clock = &system_clock()};
  DefinitionReader reader(recipe, "", mistakes);
  return http_kind().make(reader, world);
}

}  // namespace

std::unique_ptr<RecordSystem> http_system(const nlohmann::json& recipe, const std::filesystem::path& secrets) {
  std::vector<Finding> mistakes;
  auto system = make(recipe, secrets, mistakes);
  if (mistakes.empty()) return system;
  std::string all;
  for (const Finding& mistake : mistakes) all += mistake.where + ": " + mistake.what + "; ";
  throw Error{ErrorCode::invalid, all, mistakes};
}

std::vector<std::string> http_mistakes(const nlohmann::json& recipe) {
  std::vector<Finding> mistakes;
  make(recipe, "/nonexistent", mistakes);
  std::vector<std::string> all;
  all.reserve(mistakes.size());
  for (const Finding& mistake : mistakes) all.push_back(mistake.where + ": " + mistake.what);
  return all;
}

RecordCall within(std::chrono::milliseconds time, std::stop_token stop) {
  return {.stop = std::move(stop), .deadline = system_clock().steady() + time, .say = {}};
}

SecretFolder::SecretFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "decom-secrets-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = name;
}

SecretFolder::~SecretFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void SecretFolder::write(const std::string& name, std::string_view content) const {
  std::ofstream(path_ / name, std::ios::binary | std::ios::trunc) << content;
}

}  // namespace decom
