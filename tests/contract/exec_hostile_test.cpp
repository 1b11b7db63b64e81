#include <atomic>
#include <thread>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/exec_site.hpp"

using namespace decom;
using namespace std::chrono_literals;

namespace {

/// What find() says of a program that misbehaves; what remove() says is checked to be `lost`.
std::string both(const ExecSite& site, const nlohmann::json& definition) {
  const auto system = site.load(definition);
  const std::string of_apply =
      error_of([&] { (void)system->remove(web01(), {.id = "1", .what = "host web01", .before = "x"}, call_for(60s)); });
  CHECK_MESSAGE(of_apply.starts_with("lost: "), of_apply);
  return error_of([&] { (void)system->find(web01(), call_for(60s)); });
}

bool says(const std::string& text, std::string_view part) {
  const bool does = text.find(part) != std::string::npos;
  CHECK_MESSAGE(does, text);
  return does;
}

/// Processes of this host whose command line has the word.
int processes_with(const std::string& word) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const int fd = ::open((entry.path() / "cmdline").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    std::string line(65536, '\0');
    const ssize_t got = ::read(fd, line.data(), line.size());
    ::close(fd);
    if (got > 0 && std::string_view(line.data(), static_cast<std::size_t>(got)).find(word) != std::string_view::npos)
      ++count;
  }
  return count;
}

nlohmann::json with(nlohmann::json definition, const nlohmann::json& further) {
  definition.update(further);
  return definition;
}

}  // namespace

TEST_CASE("ten hostile programs, and more: each is its own step's failure") {
  const ExecSite site;
  SUBCASE("it crashes") {
    says(both(site, shell("kill -SEGV $$")), "protocol: cannot read with the shell code: it was ended by signal 11");
  }
  SUBCASE("it ends with an exit code") {
    says(both(site, shell("echo 'first'>&2; printf 'no \\033[31mroute\\n' >&2; exit 3")),
         "it ended with exit code 3; its last words: no \\x1b[31mroute");
  }
  SUBCASE("it says nothing") { says(both(site, shell("true")), "it wrote nothing"); }
  SUBCASE("it writes no result") {
    says(both(site, shell("echo '{\"type\":\"log\",\"message\":\"x\"}'")), "it wrote no result");
  }
  SUBCASE("it writes no JSON") { says(both(site, shell("echo hello")), "line 1 of its output: cannot parse the JSON"); }
  SUBCASE("it floods") { says(both(site, shell("yes")), "it was killed, for it wrote more than 1 MiB"); }
  SUBCASE("it floods its standard error") { says(both(site, shell("yes >&2")), "killed"); }
  SUBCASE("its line has no end") {
    says(both(site, shell("head -c 200000 /dev/zero | tr '\\0' a")), "line 1 of its output: it is longer than 64 KiB");
  }
  SUBCASE("it hangs") {
    says(both(site, with(shell("cat /dev/zero >/dev/null"), {{"timeout", "300ms"}})),
         "timed_out: cannot read with the shell code: it was killed, for it was not done in 300ms");
  }
  SUBCASE("it never reads, and closes everything") {
    says(both(site, shell("exec 0<&- 1>&- 2>&-; true")), "it wrote nothing");
  }
}

TEST_CASE("a fork bomb ends with its step, and the host has all its processes") {
  const ExecSite site;
  const auto system = site.load(with(python("import os\n"
                                            "word = 'bomb-canary'\n"
                                            "while True:\n"
                                            "  try: os.fork()\n"
                                            "  except OSError: pass\n"),
                                     {{"timeout", "2s"}, {"processes", 20}}));
  std::string error;
  std::atomic<bool> over = false;
  std::thread runner([&] {
    error = error_of([&] { (void)system->find(web01(), call_for(60s)); });
    over = true;
  });
  int most = 0;
  while (most < 10 && !over) most = std::max(most, processes_with("bomb-canary"));  // it does grow
  for (int i = 0; i < 50; ++i) most = std::max(most, processes_with("bomb-canary"));
  runner.join();
  CHECK(most <= 20 + 5);  // and bwrap, prlimit
  says(error, "timed_out: ");
  CHECK(processes_with("bomb-canary") == 0);
}

TEST_CASE("a child that escapes by setsid and a double fork dies with the program") {
  const ExecSite site;
  const std::string code =
      "import os, sys, signal, json\n"
      "word = 'escape-canary'\n"
      "if os.fork() == 0:\n"
      "  os.setsid()\n"
      "  if os.fork() == 0:\n"
      "    for s in (signal.SIGTERM, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)\n"
      "    while True: signal.pause()\n"
      "  os._exit(0)\n"
      "os.wait()\n"
      "print(json.dumps({'type': 'result', 'status': 'ok', 'control': 'c'}))\n";
  const auto system = site.load(python(code));
  CHECK(system->find(web01(), call_for(60s)).empty());  // it holds our pipe open, and does not hold us up
  CHECK(processes_with("escape-canary") == 0);
}

TEST_CASE("cancel kills a program and its grandchildren within a second") {
  const ExecSite site;
  const auto system = site.load(with(python("import os, signal, json, sys\n"
                                            "word = 'cancel-canary'\n"
                                            "if os.fork() == 0: os.setsid(); os.fork()\n"
                                            "else: print(json.dumps({'type': 'log', 'message': 'up'}), flush=True)\n"
                                            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                                            "while True: signal.pause()\n"),
                                     {{"timeout", "5m"}}));
  std::stop_source stop;
  std::atomic<bool> up = false;
  RecordCall call = call_for(5min, stop.get_token());
  call.say = [&](bool, const std::string&) {
    up = true;
    up.notify_all();
  };
  std::string error;
  std::thread runner([&] {
    error = error_of([&] { (void)system->remove(web01(), {.id = "1", .what = "host web01", .before = "x"}, call); });
    up = true;
    up.notify_all();
  });
  up.wait(false);
  const auto asked = std::chrono::steady_clock::now();
  stop.request_stop();
  runner.join();
  CHECK(std::chrono::steady_clock::now() - asked < 1s);
  says(error,
       "lost: cannot tell whether the python code removed 'host web01': it was killed, for somebody asked to stop");
  CHECK(processes_with("cancel-canary") == 0);
}

TEST_CASE("memory: a hog fails, and what is modest works") {
  const ExecSite site;
  says(told_by(site, "tell(len('x' * 20_000_000))"), "20000000");
  says(told_by(site, "x = ['y' * 1_000_000 + str(i) for i in range(100)]; tell('enough')"), "MemoryError");
  CHECK(told_by(site, "x = ['y' * 1_000_000 + str(i) for i in range(100)]; tell('enough')", {{"memory", "300MiB"}}) ==
        "enough");
}

TEST_CASE("memory: what no limit of one process holds is seen, and the program killed") {
  const ExecSite site;
  // Shared memory is nobody's private data.
  says(told_by(site,
               "import mmap; m = mmap.mmap(-1, 1 << 30)\nfor i in range(0, 1 << 30, 4096): m[i] = 1\ntell('enough')"),
       "four times its 'memory'");
  says(told_by(site,
               "import os, signal\nfor _ in range(30):\n  if os.fork() == 0:\n    x = 'y' * 25_000_000\n    "
               "signal.pause()\nsignal.pause()\n"),
       "four times its 'memory'");
}

TEST_CASE("nothing but /tmp can be written to, and that has an end") {
  const ExecSite site;
  CHECK(
      told_by(site, R"(
import os
def attempt(path):
  try:
    open(path, 'w').close()
    return 'written'
  except OSError as e: return e.strerror
paths = ['/x', '/usr/x', '/dev/x', '/dev/shm/x', '/run/x', '/step/x', '/etc/x', '/tmp/x']
tell([attempt(p) for p in paths if os.path.isdir(os.path.dirname(p))])
)") ==
      "['Read-only file system', 'Read-only file system', 'Read-only file system', 'Read-only file system', 'Read-only "
      "file system', 'written']");
  CHECK(told_by(site, R"(
import errno, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
wrote, why = 0, ''
try:
  with open('/tmp/big', 'wb', buffering=0) as f:
    for _ in range(1024): wrote += f.write(b'x' * 1048576)
except OSError as e: why = errno.errorcode[e.errno]
tell((wrote <= 16 * 1048576, why))
)") == "(True, 'ENOSPC')");
  CHECK(told_by(site, "import os; tell(os.listdir('/tmp'))") == "[]");
  CHECK(told_by(site, "import os; tell(sorted(os.listdir('/')))") ==
        "['bin', 'dev', 'etc', 'lib', 'lib64', 'proc', 'sbin', 'tmp', 'usr']");
}

TEST_CASE("there is no network unless it is granted") {
  const ExecSite site;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener, 4) == 0);
  REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  const std::string code = "import socket\ns = socket.socket()\nr = s.connect_ex(('127.0.0.1', " +
                           std::to_string(ntohs(address.sin_port)) +
                           "))\ntell((r, [n for _, n in socket.if_nameindex()] == ['lo']))\n";
  CHECK(told_by(site, code) == "(111, True)");
  CHECK(told_by(site, code, {{"network", true}}).starts_with("(0, "));
  CHECK(told_by(site, "raise OSError('[Errno 111] Connection refused')").find("'network = true'") != std::string::npos);
  ::close(listener);
}

TEST_CASE("threat 19: a program inherits nothing of ours, and sees none of our processes") {
  const ExecSite site;
  // Without close-on-exec, as a careless library would leave it.
  const int leaked = ::open("/dev/null", O_RDONLY);
  ::setenv("DECOM_TEST_CANARY", "environment-canary", 1);
  CHECK(told_by(site,
                "import os; tell([f for f in os.listdir('/proc/self/fd') if int(f) < 3 or "
                "os.path.exists('/proc/self/fd/' + f)])") == "['0', '1', '2']");
  CHECK(told_by(site, "import os; tell(len([p for p in os.listdir('/proc') if p.isdigit()]) <= 3)") == "True");
  CHECK(told_by(site, R"(
import glob
def attempt(f):
  try: return open(f, 'rb').read(1 << 20)
  except OSError: return b''
tell(any(b'environment-canary' in attempt(f) for f in glob.glob('/proc/*/environ')))
)") == "False");
  // The host's number of our own process is nobody's in there.
  CHECK(told_by(site, "import os; tell(os.path.exists('/proc/" + std::to_string(::getpid()) + "/mem'))") == "False");
  CHECK(told_by(site,
                "import re; s = open('/proc/self/status').read(); tell(re.findall(r'^Cap\\w+:\\s*(\\w+)', s, re.M) "
                "+ re.findall(r'NoNewPrivs:\\s*(\\d)', s))") ==
        "['0000000000000000', '0000000000000000', '0000000000000000', '0000000000000000', '0000000000000000', '1']");
  CHECK(told_by(site,
                "import signal, subprocess; tell((signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, "
                "signal.pthread_sigmask(signal.SIG_BLOCK, [])))") == "(True, set())");
  // New user namespaces would give it capabilities again.
  says(told_by(site,
               "import subprocess; tell(subprocess.run(['unshare', '-U', 'true'], capture_output=True).returncode)"),
       "1");
  CHECK(told_by(site,
                "import resource as r; tell([r.getrlimit(x)[0] for x in (r.RLIMIT_DATA, r.RLIMIT_NPROC, "
                "r.RLIMIT_NOFILE, r.RLIMIT_CORE)])") == "[52428800, 64, 256, 0]");
  ::unsetenv("DECOM_TEST_CANARY");
  ::close(leaked);
}

TEST_CASE("several programs run at once, each in a sandbox of its own") {
  const ExecSite site;
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      if (told_by(site, "open('/tmp/mine', 'x'); tell('ok')") == "ok") ++good;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 6);
}
