#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/client/connection.hpp"
#include "cli/client/event_stream.hpp"
#include "cli/client/http.hpp"
#include "cli/client/token_file.hpp"
#include "cli/client/unreachable.hpp"

using namespace decom;
using namespace decom::cli;
namespace fs = std::filesystem;

namespace {

struct TemporaryFolder {
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "decomctl-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
    ::unsetenv("DECOMCTL_TOKEN_FILE");
    ::setenv("XDG_RUNTIME_DIR", path.c_str(), 1);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { fs::remove_all(path); }
  fs::path path;
};

ErrorCode code_of(const auto& body) {
  try {
    body();
  } catch (const Error& e) {
    return e.code();
  }
  return ErrorCode::internal;
}

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777U;
}

constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n";

}  // namespace

TEST_CASE("an answer is understood however it is cut into pieces") {
  for (std::size_t piece = 1; piece <= kChunked.size(); ++piece) {
    ReplyParser parser;
    std::string body;
    for (std::size_t at = 0; at < kChunked.size(); at += piece) {
      parser.feed(kChunked.substr(at, piece));
      body += parser.take_body();
    }
    CHECK(parser.is_done());
    CHECK(parser.status() == 200);
    CHECK(parser.header("content-type") == "text/event-stream");
    CHECK(body == "hello, world");
  }
}

TEST_CASE("an answer that was cut off is not taken for a whole one") {
  for (const std::size_t cut : {std::size_t{0}, std::size_t{10}, kChunked.size() - 3}) {
    ReplyParser parser;
    parser.feed(kChunked.substr(0, cut));
    CHECK_FALSE(parser.feed_end());
  }
  ReplyParser with_length;
  with_length.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
  CHECK_FALSE(with_length.feed_end());
}

TEST_CASE("what is no HTTP is refused") {
  ReplyParser parser;
  CHECK(code_of([&] { parser.feed("SSH-2.0-OpenSSH_9.2\r\n"); }) == ErrorCode::protocol);
}

TEST_CASE("no header and no path can smuggle a second line in") {
  const auto bytes = [](HttpCall call) { return code_of([&] { to_bytes(call); }); };
  CHECK(bytes({.method = "GET", .target = "/v1/x", .headers = {{"Idempotency-Key", "a\r\nX: y"}}, .body = {}}) ==
        ErrorCode::usage);
  CHECK(bytes({.method = "GET", .target = "/v1/x y", .headers = {}, .body = {}}) == ErrorCode::usage);
  CHECK(bytes({.method = "GET / HTTP/1.1", .target = "/", .headers = {}, .body = {}}) == ErrorCode::usage);
  CHECK(percent_encoded("a b&c=\xc3\xa9/") == "a%20b%26c%3D%C3%A9%2F");
  CHECK(query_string({{"q", "web prod"}, {"sort", ""}, {"limit", "5"}}) == "?q=web%20prod&limit=5");
}

TEST_CASE("server-sent events come whole, with comments and partial lines between them") {
  SseParser parser;
  parser.feed(": still here\n\nid: 7\nevent: step.started\ndata: {\"a\":");
  CHECK_FALSE(parser.next());
  parser.feed("1}\n");
  CHECK_FALSE(parser.next());
  parser.feed("\ndata: one\r\ndata: two\r\n\r\n");
  CHECK(parser.next() == "{\"a\":1}");
  CHECK(parser.next() == "one\ntwo");
  CHECK_FALSE(parser.next());
  parser.feed("data: half");
  parser.reset();
  parser.feed("data: whole\n\n");
  CHECK(parser.next() == "whole");
}

TEST_CASE_FIXTURE(TemporaryFolder, "a login is kept for its owner alone, one for each socket") {
  const TokenFile file = TokenFile::of("/run/decomd/decomd.sock");
  CHECK_FALSE(file.load());
  file.save(Secret{"first"});
  file.save(Secret{"second"});
  CHECK(file.load()->expose() == "second");
  CHECK(mode_of(file.path()) == 0600);
  CHECK(mode_of(file.path().parent_path()) == 0700);
  CHECK_FALSE(TokenFile::of("/tmp/other.sock").load());
  CHECK(file.remove());
  CHECK_FALSE(file.remove());
  CHECK(std::distance(fs::directory_iterator(file.path().parent_path()), {}) == 0);
}

TEST_CASE_FIXTURE(TemporaryFolder, "a login that others could have read or planted is refused") {
  const TokenFile file = TokenFile::of("/run/decomd/decomd.sock");
  file.save(Secret{"token"});
  ::chmod(file.path().c_str(), 0640);
  CHECK(code_of([&] { static_cast<void>(file.load()); }) == ErrorCode::denied);

  fs::rename(file.path(), path / "elsewhere");
  ::chmod((path / "elsewhere").c_str(), 0600);
  fs::create_symlink(path / "elsewhere", file.path());
  CHECK(code_of([&] { static_cast<void>(file.load()); }) == ErrorCode::denied);

  fs::remove(file.path());
  file.save(Secret{"token"});
  ::chmod(file.path().parent_path().c_str(), 0755);
  CHECK(code_of([&] { static_cast<void>(file.load()); }) == ErrorCode::denied);
}

TEST_CASE_FIXTURE(TemporaryFolder, "root under sudo passes over the login of the person who called it") {
  if (::geteuid() != 0) return;  // giving files away takes root
  const TokenFile own = TokenFile::of("/run/decomd/decomd.sock");
  own.save(Secret{"of alice"});
  const fs::path token = own.path();
  for (const fs::path& one : {path, token.parent_path(), token}) REQUIRE(::chown(one.c_str(), 4711, 4711) == 0);
  ::setenv("HOME", path.c_str(), 1);  // as `sudo -E` leaves it
  const TokenFile seen = TokenFile::of("/run/decomd/decomd.sock");
  CHECK(seen.path().string().find(path.string()) == std::string::npos);
}

TEST_CASE_FIXTURE(TemporaryFolder, "a token for cron is a file of its own, and may not be everybody's") {
  const fs::path given = path / "token";
  std::ofstream(given) << "decom_abc\n";
  ::chmod(given.c_str(), 0600);
  ::setenv("DECOMCTL_TOKEN_FILE", given.c_str(), 1);
  CHECK(TokenFile::of("/x").load()->expose() == "decom_abc");
  ::chmod(given.c_str(), 0644);
  CHECK(code_of([&] { static_cast<void>(TokenFile::of("/x").load()); }) == ErrorCode::denied);
  ::chmod(given.c_str(), 0600);
  std::ofstream(given) << "two\nlines\n";
  CHECK(code_of([&] { static_cast<void>(TokenFile::of("/x").load()); }) == ErrorCode::denied);
  ::unsetenv("DECOMCTL_TOKEN_FILE");
}

TEST_CASE_FIXTURE(TemporaryFolder, "where nobody listens it says so, and that is not the end of the world behind it") {
  const fs::path socket = path / "decomd.sock";
  CHECK_THROWS_AS(static_cast<void>(Connection::open(socket, Deadline::in(std::chrono::seconds{1}))),
                  DaemonUnreachable);
  const Descriptor fd{::socket(AF_UNIX, SOCK_STREAM, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.string().copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK_THROWS_AS(static_cast<void>(Connection::open(socket, Deadline::in(std::chrono::seconds{1}))),
                  DaemonUnreachable);
}

TEST_CASE("a server is believed when it is root, the daemon or oneself") {
  CHECK(is_trusted_server(0, 1000));
  CHECK(is_trusted_server(1000, 1000));
  CHECK_FALSE(is_trusted_server(1001, 1000));
  CHECK_FALSE(is_trusted_server(1001, 0));
}

TEST_CASE_FIXTURE(TemporaryFolder, "whoever may not open the socket is told the group that may") {
  const std::string text = why_denied(path / "closed" / "decomd.sock");
  CHECK(text.find("group '") != std::string::npos);
  CHECK(text.find("usermod -aG") != std::string::npos);
}
