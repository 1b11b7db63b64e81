#include "tests/contract/exec_site.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fmt/core.h>
#include <unistd.h>

namespace decom {

ExecSite::ExecSite() {
  std::string name = ::geteuid() == 0 ? "/run/decom-exec-test.XXXXXX" : "/tmp/decom-exec-test.XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  folder_ = name;
  std::filesystem::permissions(folder_, std::filesystem::perms(0755));
}

ExecSite::~ExecSite() { std::filesystem::remove_all(folder_); }

std::string ExecSite::program(const std::string& name, std::string_view text, int mode) const {
  const auto path = folder_ / name;
  std::ofstream(path) << text;
  std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode));
  return path;
}

void ExecSite::secret(const std::string& name, std::string_view value) const { (void)program(name, value, 0600); }

std::unique_ptr<RecordSystem> ExecSite::read(nlohmann::json& definition, std::vector<Finding>& mistakes) const {
  const RecordKind* exec = nullptr;
  for (const RecordKind& kind : record_kinds())
    if (kind.name == "exec") exec = &kind;
  if (exec == nullptr) throw std::runtime_error("there is no kind exec");
  exec->freeze(definition, mistakes);
  DefinitionReader reader(definition, "", mistakes);
  return exec->make(reader, {.secret_file = [folder = folder_](const std::string& name) { return folder / name; },
                             .clock = &system_clock()});
}

std::unique_ptr<RecordSystem> ExecSite::load(nlohmann::json definition) const {
  std::vector<Finding> mistakes;
  auto system = read(definition, mistakes);
  std::string text;
  for (const Finding& mistake : mistakes) text += fmt::format("{}: {}\n", mistake.where, mistake.what);
  if (!text.empty() || system == nullptr) throw Error{ErrorCode::invalid, text};
  return system;
}

std::vector<std::string> ExecSite::mistakes_of(nlohmann::json definition) const {
  std::vector<Finding> mistakes;
  (void)read(definition, mistakes);
  std::vector<std::string> all;
  for (const Finding& mistake : mistakes) all.push_back(fmt::format("{}: {}", mistake.where, mistake.what));
  return all;
}

nlohmann::json python(std::string_view code) {
  return {{"language", "python"}, {"language_command", {"python3", "-c", "{}"}}, {"code", code}};
}

nlohmann::json shell(std::string_view code) {
  return {{"language", "shell"}, {"language_command", {"sh", "-c", "{}", "sh"}}, {"code", code}};
}

Machine web01() {
  Machine machine;
  machine.identity = {.vcenter_uuid = "vc", .moref = "vm-12", .instance_uuid = "5007c1f0-1111-2222-3333-444455556666"};
  machine.name = "web01";
  machine.vcenter = "lab";
  machine.guest_host_name = "web01.lab.example.test";
  machine.ip_addresses = {"10.0.2.1"};
  machine.power = PowerState::on;
  machine.family = OsFamily::linux_;
  machine.bios_uuid = "42077a70-aaaa-bbbb-cccc-ddddeeeeffff";
  machine.tags = {"env:prod"};
  machine.attributes = {{"owner", "alice"}};
  return machine;
}

RecordCall call_for(std::chrono::milliseconds time, std::stop_token stop) {
  return {.stop = std::move(stop), .deadline = system_clock().steady() + time, .say = {}};
}

std::string error_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& e) {
    return fmt::format("{}: {}", to_string(e.code()), e.what());
  }
  return {};
}

std::string told_by(const ExecSite& site, std::string_view python_code, const nlohmann::json& further) {
  constexpr std::string_view kTell =
      "import json\n"
      "def tell(text):\n"
      "  print(json.dumps({'type': 'result', 'status': 'ok', 'name': 'n', 'version': '1', 'control': str(text)}))\n";
  nlohmann::json definition = python(fmt::format("{}{}\n", kTell, python_code));
  if (further.is_object()) definition.update(further);
  try {
    const std::string text = site.load(definition)->check(call_for(std::chrono::seconds{60}));
    return text.starts_with("n 1; ") ? text.substr(5) : text;
  } catch (const Error& e) {
    return fmt::format("{}: {}", to_string(e.code()), e.what());
  }
}

std::string example_of(const std::string& page, const std::string& name) {
  std::ifstream file(page);
  std::string line;
  std::string text;
  while (std::getline(file, line) && line != ".\\\" example " + name) continue;
  std::getline(file, line);
  if (!line.starts_with(".Bd -literal")) throw std::runtime_error(page + " has no example " + name);
  while (std::getline(file, line) && line != ".Ed") {
    for (const auto& [roff, shown] :
         {std::pair<std::string, std::string>{"\\(aq", "'"}, {"\\(dq", "\""}, {"\\-", "-"}, {"\\&", ""}, {"\\e", "\\"}})
      for (auto at = line.find(roff); at != std::string::npos; at = line.find(roff, at + shown.size()))
        line.replace(at, roff.size(), shown);
    text += line + "\n";
  }
  return text;
}

}  // namespace decom
