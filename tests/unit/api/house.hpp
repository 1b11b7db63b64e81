#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/base/json.hpp"
#include "daemon/api/api.hpp"
#include "tests/support/fake_directory.hpp"
#include "tests/support/fake_records.hpp"
#include "tests/support/fake_vms.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_vcenter.hpp"

namespace decom::test {

struct Folder {
  Folder();
  ~Folder();
  std::filesystem::path path;
};

/// Everything behind the API, with the outside world in memory. The engine stands still: what is submitted stays
/// queued.
class House {
 public:
  explicit House(ApiOptions options = {});
  ~House();

  using Headers = std::map<std::string, std::string>;
  /// Waits for the answer. Responses are held against the contract here, every one of them.
  HttpAnswer ask_for(const std::string& method, const std::string& target, const std::string& body = {},
                     const std::string& token = {}, Headers headers = {});
  HttpResponse ask(const std::string& method, const std::string& target, const std::string& body = {},
                   const std::string& token = {}, Headers headers = {});
  /// Json of a success; fails the test otherwise.
  Json get(const std::string& target, const std::string& token);

  /// alice: operator; bob: operator; carol: viewer; root: admin. "stranger" is in no group.
  std::string login(const std::string& sam, const std::string& password = "Passw0rd!");
  Principal principal(const std::string& sam);
  void put_machine(int number, const std::string& name);
  /// A plan of one machine a number, as if it had been offered to `sam`.
  PlanOffer offer(const std::string& sam, const std::vector<int>& numbers);
  std::int64_t submit(const std::string& sam, const std::vector<int>& numbers);

  Folder folder;
  ManualClock clock;
  FakeDirectory directory;
  FakeVms vms{clock};
  MemoryVcenter vcenter{"lab"};
  Store store{{.state_dir = folder.path / "state", .vfs = ""}, clock};
  Auth auth;
  VcenterPool vcenters{{}, clock};
  std::unique_ptr<Inventory> inventory;
  FakeSystems fakes;
  StepRegistry registry = built_in_steps(fakes.systems());
  /// Empty, until a test replaces it.
  RecordBook book{fakes.systems(), clock, {}};
  Admission admission;
  Engine engine;
  std::uint32_t uid = 1000;  ///< of the caller
  Api api;
};

/// The code of a problem; empty for anything else.
std::string code_of(const HttpResponse& response);

Machine some_machine(int number, const std::string& name);

}  // namespace decom::test
