#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "daemon/store/store.hpp"
#include "tests/support/manual_clock.hpp"

namespace decom::test {

/// A folder of its own, gone with the test.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

Principal person(const std::string& sam);
Machine machine(int number);
/// off, then destroy (irreversible), then dns which fails softly.
Plan plan();

/// A store in a folder of its own, at a time that stands still.
struct StoreFixture {
  StoreFixture() = default;
  explicit StoreFixture(std::string file_system) : vfs(std::move(file_system)) {}

  TempDir dir;
  std::string vfs;
  AftercareRules rules;  ///< from the next `open` on
  ManualClock clock;
  std::unique_ptr<Store> store = open();
  Principal alice = person("alice");
  Principal bob = person("bob");

  std::unique_ptr<Store> open();
  /// As a restart does.
  void reopen();
  /// Runs statements on the database by hand, as an administrator might, while the store is closed.
  void by_hand(const std::string& statements);
  std::string value_by_hand(const std::string& query);

  PlanOffer offer(const std::vector<int>& machines, RequestOptions options = {});
  std::int64_t submit(const std::vector<int>& machines, RequestOptions options = {});
  Claim claim();
  /// Begins and ends the step of that index without any effect.
  void pass(const Claim& claim, std::size_t index, StepState state = StepState::succeeded);
  std::vector<std::string> events_of(std::int64_t request);
};

/// What was thrown, as "code: message"; empty when nothing was.
template <typename F>
std::string thrown(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return std::string(to_string(e.code())) + ": " + e.what();
  }
  return {};
}

}  // namespace decom::test
