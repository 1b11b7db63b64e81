#include <cstdlib>
#include <fstream>
#include <random>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/directory/connection.hpp"
#include "tests/contract/directory_worlds.hpp"
#include "tests/support/tcp_listener.hpp"

extern char** environ;

using namespace decom;

namespace {

constexpr const char* kAdmin = "cn=admin,dc=here,dc=test";
constexpr const char* kPassword = "Slapd-canary-1";

/// One of sixteen million, so that nobody else listens there and the port can be a fixed one.
std::string own_address() {
  std::random_device random;
  std::uniform_int_distribution<int> byte{2, 250};
  return fmt::format("127.{}.{}.{}", byte(random), byte(random), byte(random));
}
constexpr std::uint16_t kPort = 3636;

/// OpenLDAP's server, which does two things that Samba does not: it takes an empty password for an anonymous bind that
/// succeeds, as Windows does, and it refers everything outside of dc=here,dc=test to somebody else.
class Slapd {
 public:
  explicit Slapd(const std::string& refers_to) : address_(own_address()) {
    const DomainServer& domain = DomainServer::shared();
    char pattern[] = "/tmp/decom-slapd-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    const std::filesystem::path tls = std::filesystem::path{domain.text("ca")}.parent_path();
    std::filesystem::create_directory(folder_ / "data");
    std::ofstream{folder_ / "slapd.conf"} << fmt::format(
        "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n"
        "allow bind_anon_dn\nreferral {}\n"
        "TLSCACertificateFile {}/ca.pem\nTLSCertificateFile {}/dc1.pem\nTLSCertificateKeyFile {}/dc1.key\n"
        "pidfile {}/pid\n"
        "database mdb\nsuffix dc=here,dc=test\nrootdn {}\nrootpw {}\ndirectory {}/data\n",
        refers_to, tls.string(), tls.string(), tls.string(), folder_.string(), kAdmin, kPassword, folder_.string());
    // setpriv: it must not outlive this process.
    std::vector<std::string> words{"/usr/bin/setpriv",     "--pdeathsig", "KILL", "/usr/sbin/slapd", "-d", "0", "-f",
                                   folder_ / "slapd.conf", "-h",          url()};
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    REQUIRE(::posix_spawn(&child_, argv[0], nullptr, nullptr, argv.data(), environ) == 0);
    wait_until_it_listens();
  }
  ~Slapd() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }
  Slapd(const Slapd&) = delete;
  Slapd& operator=(const Slapd&) = delete;

  [[nodiscard]] std::string url() const { return fmt::format("ldaps://{}:{}", address_, kPort); }

  /// Its certificate is the domain controller's.
  [[nodiscard]] directory::Endpoint endpoint() const {
    directory::Endpoint endpoint =
        directory::Endpoint::parse(fmt::format("ldaps://{}:{}", DomainServer::shared().text("host"), kPort), false);
    endpoint.address = address_;
    endpoint.ca_file = DomainServer::shared().text("ca");
    return endpoint;
  }

  /// An OpenLDAP tool as the counter-check: what a client does that is not on its guard. Its exit status.
  [[nodiscard]] int tool(const std::string& command) const {
    const std::string line =
        fmt::format("env -u LDAPNOINIT LDAPTLS_REQCERT=never {} -H {} >/dev/null 2>&1", command, url());
    return std::system(line.c_str());  // our own words only
  }

 private:
  void wait_until_it_listens() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    for (;;) {
      try {
        (void)directory::Stream::connect(address_, kPort, deadline);
        return;
      } catch (const Error&) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        REQUIRE(::waitpid(child_, nullptr, WNOHANG) == 0);
        ::poll(nullptr, 0, 10);
      }
    }
  }

  std::string address_;
  std::filesystem::path folder_;
  pid_t child_ = -1;
};

}  // namespace

TEST_CASE("threat 14: a referral is not followed, and takes no password along") {
  const TcpListener rogue([](int fd) { ::shutdown(fd, SHUT_RDWR); });
  const Slapd slapd(rogue.url("ldap"));
  const auto elsewhere = directory::Dn::parse("DC=corp,DC=example,DC=test");

  const auto connection = directory::Connection::open(slapd.endpoint(), std::chrono::seconds{3});
  REQUIRE_FALSE(connection->bind(kAdmin, Secret{kPassword}));
  const Thrown search = thrown_by([&] {
    (void)connection->search(directory::Base::of(*elsewhere), directory::Scope::subtree,
                             directory::Filter::present("objectClass"), {"cn"});
  });
  CHECK(search.code == ErrorCode::protocol);
  CHECK(search.text.find("not followed") != std::string::npos);
  CHECK(thrown_by([&] { (void)connection->read(directory::Base::of(*elsewhere), {"cn"}); }).code ==
        ErrorCode::protocol);
  CHECK(thrown_by([&] { connection->remove(directory::Base::of(*elsewhere), "it"); }).code == ErrorCode::protocol);
  CHECK(rogue.connections() == 0);

  // The trap is armed: a client that follows falls into it.
  (void)slapd.tool(fmt::format("ldapsearch -x -C -D {} -w {} -b {} -s base", kAdmin, kPassword, elsewhere->text()));
  CHECK(rogue.connections() > 0);
}

TEST_CASE("threat 13: an empty password is refused where the server would take it for success") {
  const Slapd slapd("ldap://127.0.0.1:1");
  REQUIRE(slapd.tool(fmt::format("ldapwhoami -x -D {} -w ''", kAdmin)) == 0);
  REQUIRE(slapd.tool(fmt::format("ldapwhoami -x -D {} -w wrong", kAdmin)) != 0);

  const auto connection = directory::Connection::open(slapd.endpoint(), std::chrono::seconds{3});
  for (const auto& password : {std::string{}, std::string(1, '\0'), std::string("\0x", 2)}) {
    const auto refusal = connection->bind(kAdmin, Secret{password});
    REQUIRE(refusal);
    CHECK(refusal->code == ErrorCode::unauthenticated);
  }
  CHECK(connection->bind("", Secret{kPassword})->code == ErrorCode::unauthenticated);
  CHECK(connection->bind(kAdmin, Secret{"wrong"})->code == ErrorCode::unauthenticated);
  CHECK_FALSE(connection->bind(kAdmin, Secret{kPassword}));
}

TEST_CASE("a server that is no Active Directory is told so") {
  const Slapd slapd("ldap://127.0.0.1:1");
  DirectoryOptions options = DomainServer::shared().options();
  options.urls = {slapd.endpoint().url};
  options.address = slapd.endpoint().address;
  options.bind_dn = kAdmin;
  const std::filesystem::path file =
      std::filesystem::path{DomainServer::shared().text("bind_password_file")}.parent_path() / "slapd.test";
  std::ofstream{file} << kPassword;
  options.password_file = file;
  const Thrown thrown = thrown_by([&] { (void)connect_active_directory(options)->check(); });
  CHECK(thrown.code == ErrorCode::protocol);
  CHECK(thrown.text.find("not an Active Directory") != std::string::npos);
}
