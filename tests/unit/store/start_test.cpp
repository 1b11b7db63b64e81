#include <fstream>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/schema.hpp"
#include "tests/unit/store/fixture.hpp"

using namespace decom;
using namespace decom::test;

namespace {

namespace fs = std::filesystem;

unsigned mode_of(const fs::path& path) {
  struct stat is {};
  REQUIRE(::lstat(path.c_str(), &is) == 0);
  return is.st_mode & 07777U;
}

void overwrite(const fs::path& file, std::streamoff at, std::size_t size) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(at);
  stream << std::string(size, '\x5a');
}

struct Closed : StoreFixture {
  fs::path state = dir.path() / "state";
  std::string refusal() {
    return thrown([&] { store = open(); });
  }
};

}  // namespace

TEST_CASE_FIXTURE(Closed, "what it makes is for its own user alone") {
  submit({1});
  CHECK(mode_of(state) == 0700);
  for (const char* name : {"decomd.db", "decomd.db-wal", "decomd.db-shm", "decomd.lock", "plan.key"})
    CHECK_MESSAGE(mode_of(state / name) == 0600, name);
}

TEST_CASE_FIXTURE(Closed, "a second daemon is told who has the directory") {
  std::unique_ptr<Store> second;
  CHECK(thrown([&] { second = open(); }) ==
        "conflict: another decomd (pid " + std::to_string(::getpid()) + ") uses the state directory " + state.native());
  submit({1});  // and the first one goes on
  store.reset();
  second = open();
  CHECK(second->load_request(1).id == 1);
}

TEST_CASE_FIXTURE(Closed, "a state directory that others can write is refused") {
  store.reset();
  fs::permissions(state, fs::perms::group_write, fs::perm_options::add);
  CHECK(refusal().find("others can write the state directory") != std::string::npos);
  fs::permissions(state, fs::perms::owner_all);
  store = open();
  store.reset();
  if (::geteuid() == 0) {
    REQUIRE(::chown(state.c_str(), 65534, 65534) == 0);
    CHECK(refusal().find("belongs to uid 65534") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(Closed, "a state directory that is none, or a link, is refused") {
  store.reset();
  fs::rename(state, dir.path() / "elsewhere");
  fs::create_directory_symlink(dir.path() / "elsewhere", state);
  CHECK(refusal().find("is not a directory") != std::string::npos);
}

TEST_CASE_FIXTURE(Closed, "a database that is a link, or that others can write, is refused") {
  store.reset();
  fs::permissions(state / "decomd.db", fs::perms::others_write, fs::perm_options::add);
  CHECK(refusal().find("others can write the database") != std::string::npos);
  fs::rename(state / "decomd.db", state / "real.db");
  fs::create_symlink(state / "real.db", state / "decomd.db");
  CHECK(refusal().find("is not a plain file") != std::string::npos);
}

TEST_CASE_FIXTURE(Closed, "a newer schema is refused and left as it is") {
  by_hand("UPDATE meta SET value = '99' WHERE name = 'schema'");
  CHECK(refusal().find("written by a newer decomd (schema 99, this one knows up to " +
                       std::to_string(schema::latest())) != std::string::npos);
  CHECK(value_by_hand("SELECT value FROM meta WHERE name = 'schema'") == "99");
}

TEST_CASE_FIXTURE(Closed, "a damaged database is refused in words") {
  for (int number = 1; number <= 20; ++number) submit({number});
  store.reset();
  SUBCASE("its head is gone") { overwrite(state / "decomd.db", 0, 100); }
  SUBCASE("its middle is garbage") { overwrite(state / "decomd.db", 3 * 4096, 20 * 4096); }
  SUBCASE("it was cut") { fs::resize_file(state / "decomd.db", fs::file_size(state / "decomd.db") / 2 / 4096 * 4096); }
  const std::string why = refusal();
  CHECK_MESSAGE(why.starts_with("storage: the database"), why);
  CHECK_MESSAGE(why.find("damaged") != std::string::npos, why);
  CHECK_MESSAGE(why.find("restore a backup") != std::string::npos, why);
}

TEST_CASE_FIXTURE(Closed, "the key belongs to the database") {
  submit({1});
  store.reset();
  SUBCASE("lost") {
    fs::remove(state / "plan.key");
    CHECK(refusal().find("is missing") != std::string::npos);
    CHECK_FALSE(fs::exists(state / "plan.key"));
  }
  SUBCASE("another one") {
    std::ofstream(state / "plan.key") << std::string(64, 'a');
    CHECK(refusal().find("is not the key of the database") != std::string::npos);
  }
  SUBCASE("readable by others") {
    fs::permissions(state / "plan.key", fs::perms::group_read, fs::perm_options::add);
    CHECK(refusal().find("others can reach") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(Closed, "doctor is told of schema, size and room") {
  submit({1});
  const Store::Health health = store->health();
  CHECK(health.schema == schema::latest());
  CHECK(health.bytes > 4096);
  CHECK(health.free_bytes > 0);
  CHECK(health.events == 2);
  CHECK(health.trouble.empty());
}
