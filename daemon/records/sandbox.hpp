#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace decom {

/// A file that exists in the sandbox alone; its bytes outlive the run.
struct SandboxFile {
  std::string path;
  std::string_view bytes;
  int mode = 0444;
};

/// One foreign program, and what it may use of this host.
struct SandboxSpec {
  /// What is run: an absolute path in the sandbox, or a name in its PATH; and its arguments. Other users of the host
  /// can read them in the list of processes.
  std::vector<std::string> command;
  std::map<std::string, std::string> env;  ///< all of it but PATH, HOME, TMPDIR, LANG and PWD
  std::vector<SandboxFile> files;
  bool network = false;
  std::int64_t memory_bytes = 0;  ///< of private data, for each of its processes
  std::int64_t tmp_bytes = 0;     ///< of /tmp
  int processes = 0;              ///< and threads, at once
};

struct SandboxLimits {
  std::stop_token stop;
  std::chrono::steady_clock::time_point deadline;
  std::size_t output_bytes = 0;  ///< on standard output; more is a flood
};

enum class SandboxEnd {
  not_started,  ///< `why` says what is missing
  exited,       ///< by itself, with `status`; above 128 a signal
  vanished,     ///< the sandbox died under it
  stopped,      ///< killed, for the stop was requested
  timed_out,    ///< killed at the deadline
  flooded,      ///< killed, for it wrote too much
  overgrown     ///< killed, for its processes together held more than four times `memory_bytes`
};

struct SandboxResult {
  SandboxEnd end = SandboxEnd::not_started;
  bool started = false;  ///< false: it provably never ran
  int status = 0;
  std::string why = {};
  std::string errors = {};  ///< the last 4 KiB of standard error
};

/// Runs a program by bubblewrap: /usr read-only, a private /tmp, no other file, no other process to see, no network
/// unless granted, no environment but the given one, no descriptor but 0, 1 and 2, no capability, limits of its own.
///
/// `input` goes to its standard input; `output` gets what it writes, in pieces, on the calling thread. When this
/// returns or throws, nothing of it runs any more: the PID namespace was killed as a whole, and seen dead.
///
/// Any thread, several at once; the calling thread waits. Throws Error{internal} where the kernel refuses descriptors,
/// and whatever `output` throws.
SandboxResult run_in_sandbox(const SandboxSpec& spec, std::string_view input, const SandboxLimits& limits,
                             const std::function<void(std::string_view)>& output);

}  // namespace decom
