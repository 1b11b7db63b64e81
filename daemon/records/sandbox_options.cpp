#include <algorithm>

#include <fmt/core.h>
#include <sys/resource.h>

#include "daemon/records/sandbox_process.hpp"

namespace decom {
namespace {

constexpr std::string_view kPath = "/usr/local/bin:/usr/bin:/usr/sbin";
constexpr std::int64_t kOpenFiles = 256;

/// Never above what we ourselves may have, since raising it takes a privilege.
std::int64_t within_ours(int resource, std::int64_t wanted) {
  rlimit ours{};
  // NOLINTNEXTLINE(bugprone-narrowing-conversions): glibc's enum in C++
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &ours) != 0 || ours.rlim_max == RLIM_INFINITY)
    return wanted;
  return static_cast<std::int64_t>(std::min<rlim_t>(static_cast<rlim_t>(wanted), ours.rlim_max));
}

}  // namespace

std::vector<std::string> sandbox_options(const SandboxSpec& spec, const std::vector<int>& files, int status_fd,
                                         int block_fd) {
  std::vector<std::string> options;
  const auto add = [&](std::initializer_list<std::string> more) { options.insert(options.end(), more); };
  // --disable-userns: a program with a user namespace of its own would have all capabilities in it, and with them much
  // more of the kernel to attack.
  add({"--unshare-all", "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000"});
  add({"--cap-drop", "ALL", "--new-session", "--die-with-parent"});
  add({"--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"});
  add({"--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin"});
  // Half of /usr/bin leads through Debian's alternatives; the cache names libraries in folders of the site.
  add({"--ro-bind-try", "/etc/alternatives", "/etc/alternatives"});
  add({"--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"});
  if (spec.network) {
    add({"--share-net"});
    for (const char* file : {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl"})
      add({"--ro-bind-try", file, file});
  }
  add({"--proc", "/proc", "--dev", "/dev"});
  add({"--perms", "1777", "--size", std::to_string(spec.tmp_bytes), "--tmpfs", "/tmp"});
  for (std::size_t i = 0; i < spec.files.size(); ++i)
    add({"--perms", fmt::format("{:04o}", spec.files[i].mode), "--ro-bind-data", std::to_string(files.at(i)),
         spec.files[i].path});
  // Both are file systems in memory without a limit: what is not /tmp is not for writing.
  add({"--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--clearenv"});
  std::map<std::string, std::string> env{
      {"PATH", std::string(kPath)}, {"HOME", "/tmp"}, {"TMPDIR", "/tmp"}, {"LANG", "C.UTF-8"}};
  for (const auto& [name, value] : spec.env) env[name] = value;
  for (const auto& [name, value] : env) add({"--setenv", name, value});
  add({"--json-status-fd", std::to_string(status_fd), "--block-fd", std::to_string(block_fd)});
  return options;
}

std::vector<std::string> limited_command(const SandboxSpec& spec) {
  // RLIMIT_DATA and not RLIMIT_AS: Go reserves address space by the gigabyte and uses little of it.
  // RLIMIT_NPROC is set inside: there it counts the namespace's processes alone (Linux 5.14), and not all of our
  // user's.
  std::vector<std::string> command{
      "/usr/bin/prlimit",
      "--core=0",
      fmt::format("--data={}", within_ours(RLIMIT_DATA, spec.memory_bytes)),
      fmt::format("--nproc={}", within_ours(RLIMIT_NPROC, spec.processes)),
      fmt::format("--nofile={}", within_ours(RLIMIT_NOFILE, kOpenFiles)),
      fmt::format("--fsize={}", within_ours(RLIMIT_FSIZE, 2 * spec.tmp_bytes)),
      "--",
  };
  command.insert(command.end(), spec.command.begin(), spec.command.end());
  return command;
}

}  // namespace decom
