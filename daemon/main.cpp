#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "daemon/app/app.hpp"
#include "daemon/config/config.hpp"

namespace {

constexpr std::string_view kUsage =
    "usage: decomd [--config FILE] [--check]\n"
    "\n"
    "  --config FILE  configuration (default /etc/decom/decomd.toml)\n"
    "  --check        say every mistake of the configuration, and end\n"
    "  --version      print the version, and end\n"
    "  --help         this text\n";

/// The process holds credentials: no core dump, no ptrace by others of its user, no file that others may read.
void harden() {
#ifndef __SANITIZE_ADDRESS__  // LeakSanitizer looks at its own process through ptrace
  ::prctl(PR_SET_DUMPABLE, 0);
#endif
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::umask(0077);
  // libldap reads ~/.ldaprc and LDAP* variables unless told not to: ldap.conf(5).
  ::setenv("LDAPNOINIT", "1", 1);
  std::signal(SIGPIPE, SIG_IGN);
}

void print(const decom::Error& e) {
  fmt::print(stderr, "decomd: {}\n", decom::safe_for_terminal(e.what()));
  for (const decom::Finding& finding : e.findings())
    fmt::print(stderr, "  {}: {}\n", decom::safe_for_terminal(finding.where), decom::safe_for_terminal(finding.what));
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view config = "/etc/decom/decomd.toml";
  bool check = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--config" && i + 1 < argc) {
      config = argv[++i];
    } else if (arg.starts_with("--config=")) {
      config = arg.substr(9);
    } else if (arg == "--check") {
      check = true;
    } else if (arg == "--version") {
      fmt::print("decomd {}\n", DECOM_VERSION);
      return 0;
    } else if (arg == "--help") {
      fmt::print("{}", kUsage);
      return 0;
    } else {
      fmt::print(stderr, "decomd: '{}' is not an argument\n{}", decom::safe_for_terminal(arg), kUsage);
      return 2;
    }
  }
  harden();
  try {
    decom::log::start(decom::log::Level::info, std::getenv("JOURNAL_STREAM") != nullptr);
    if (check) {
      (void)decom::load_config(config, decom::built_in_steps());
      fmt::print("{}: no mistakes\n", config);
      return 0;
    }
    return decom::App(config).run();
  } catch (const decom::Error& e) {
    print(e);
    return e.code() == decom::ErrorCode::invalid ? 2 : 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "decomd: a fault of its own: {}\n", decom::safe_for_terminal(e.what()));
    return 1;
  }
}
