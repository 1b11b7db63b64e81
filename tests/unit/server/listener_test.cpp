#include "daemon/server/listener.hpp"

#include <csignal>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/error.hpp"
#include "tests/unit/server/house.hpp"

using namespace decom;
using namespace decom::test;

namespace {

struct Place {
  TemporaryFolder folder;
  ServerOptions options;
  Place() { options.socket = folder.path() / "s.sock"; }
  [[nodiscard]] const char* path() const { return options.socket.c_str(); }
};

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

/// The text of the refusal, which has the expected code.
std::string refusal(const ServerOptions& options, ErrorCode code) {
  try {
    const Listener listener(options);
  } catch (const Error& e) {
    CHECK(e.code() == code);
    return e.what();
  }
  FAIL("it was not refused");
  return "";
}

int bound_socket(const std::filesystem::path& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.native().copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

bool says(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the socket is for owner and group alone, and goes with the listener") {
  Place place;
  {
    const Listener listener(place.options);
    CHECK(mode_of(place.options.socket) == 0660);
    CHECK(mode_of(place.options.socket.string() + ".lock") == 0600);
  }
  CHECK(!std::filesystem::exists(place.options.socket));
}

TEST_CASE("a missing directory is made, closed to others") {
  Place place;
  place.options.socket = place.folder.path() / "run" / "s.sock";
  const Listener listener(place.options);
  CHECK((mode_of(place.folder.path() / "run") & 0027U) == 0);
}

TEST_CASE("a directory that others may enter or change is refused") {
  Place place;
  for (const mode_t mode : {0755U, 0770U, 01777U, 0751U}) {
    REQUIRE(::chmod(place.folder.path().c_str(), mode) == 0);
    CHECK(says(refusal(place.options, ErrorCode::invalid), "chmod 0750"));
  }
  REQUIRE(::chmod(place.folder.path().c_str(), 0750) == 0);
  CHECK_NOTHROW(Listener{place.options});
}

TEST_CASE("what is there already and is no dead socket of ours is refused and stays") {
  Place place;
  SUBCASE("a file") {
    ::close(::open(place.path(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    CHECK(says(refusal(place.options, ErrorCode::invalid), "a file"));
  }
  SUBCASE("a symbolic link, even to a dead socket of ours") {
    ::close(bound_socket(place.folder.path() / "other"));
    std::filesystem::create_symlink(place.folder.path() / "other", place.options.socket);
    CHECK(says(refusal(place.options, ErrorCode::invalid), "a symbolic link"));
    CHECK(std::filesystem::exists(place.folder.path() / "other"));
  }
  SUBCASE("a dangling symbolic link") {
    std::filesystem::create_symlink("/nowhere/else", place.options.socket);
    CHECK(says(refusal(place.options, ErrorCode::invalid), "a symbolic link"));
  }
  SUBCASE("a FIFO") {
    REQUIRE(::mkfifo(place.path(), 0600) == 0);
    CHECK(says(refusal(place.options, ErrorCode::invalid), "a FIFO"));
  }
  SUBCASE("a directory") {
    std::filesystem::create_directory(place.options.socket);
    CHECK(says(refusal(place.options, ErrorCode::invalid), "a directory"));
  }
  SUBCASE("a socket of somebody else") {
    if (::geteuid() != 0) return;
    ::close(bound_socket(place.options.socket));
    REQUIRE(::lchown(place.path(), 12345, 12345) == 0);
    CHECK(says(refusal(place.options, ErrorCode::invalid), "uid 12345"));
  }
  CHECK(std::filesystem::symlink_status(place.options.socket).type() != std::filesystem::file_type::not_found);
}

TEST_CASE("a socket that somebody answers at is refused and stays") {
  Place place;
  const OwnedFd foreign(bound_socket(place.options.socket));
  REQUIRE(::listen(foreign.get(), 1) == 0);
  CHECK(says(refusal(place.options, ErrorCode::conflict), "another program"));
  CHECK(std::filesystem::exists(place.options.socket));
}

TEST_CASE("a second daemon is refused, and the first goes on") {
  Place place;
  const Listener first(place.options);
  CHECK(says(refusal(place.options, ErrorCode::conflict), "another decomd"));
  CHECK(std::filesystem::exists(place.options.socket));
}

TEST_CASE("what a dead daemon left is taken over") {
  Place place;
  ::close(bound_socket(place.options.socket));
  CHECK_NOTHROW(Listener{place.options});
}

TEST_CASE("a lock that is no file of ours is refused") {
  Place place;
  const std::string lock = place.options.socket.string() + ".lock";
  SUBCASE("a link") { std::filesystem::create_symlink("/etc/passwd", lock); }
  SUBCASE("a FIFO") { REQUIRE(::mkfifo(lock.c_str(), 0600) == 0); }
  CHECK(says(refusal(place.options, ErrorCode::invalid), "lock"));
}

TEST_CASE("the group is the configured one, and an unknown one is refused") {
  Place place;
  if (::geteuid() == 0) {
    place.options.group = "daemon";
    const Listener listener(place.options);
    struct stat status {};
    REQUIRE(::lstat(place.path(), &status) == 0);
    CHECK(status.st_gid != 0);
  }
  place.options.group = "no-such-group";
  CHECK(says(refusal(place.options, ErrorCode::invalid), "no-such-group"));
  CHECK(!std::filesystem::exists(place.options.socket));
}

TEST_CASE("paths that no socket can have are refused") {
  Place place;
  place.options.socket = place.folder.path() / std::string(120, 'x');
  CHECK(says(refusal(place.options, ErrorCode::invalid), "at most 107 bytes"));
  place.options.socket = "relative.sock";
  CHECK(says(refusal(place.options, ErrorCode::invalid), "absolute"));
}

TEST_CASE("another socket in the place of ours is not removed at the end") {
  Place place;
  {
    const Listener listener(place.options);
    std::filesystem::remove(place.options.socket);
    ::close(bound_socket(place.options.socket));
  }
  CHECK(std::filesystem::exists(place.options.socket));
}

TEST_CASE("systemd's socket is served, and neither removed nor changed") {
  const Place place;
  const int passed = bound_socket(place.options.socket);
  REQUIRE(::chmod(place.path(), 0604) == 0);
  REQUIRE(::listen(passed, 8) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // As systemd does it: descriptor 3, and the environment says whose it is.
    ::dup2(passed, 3);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "1", 1);
    int code = 1;
    try {
      Echo handler;
      MemoryJournal journal;
      ServerOptions options;
      options.socket = "/nowhere/at/all";
      Server server(options, handler, journal.reader());
      server.on_signal([&](int) { server.stop(); });
      server.run();
      code = 0;
    } catch (const std::exception&) {
      code = 2;
    }
    ::_exit(code);
  }
  ::close(passed);
  {
    Client client(place.options.socket);
    CHECK(client.ask(get("/1"))->status == 200);
  }
  REQUIRE(::kill(child, SIGTERM) == 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(mode_of(place.options.socket) == 0604);
}
