#include "common/base/log.hpp"

#include <atomic>
#include <mutex>
#include <vector>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::log {
namespace {

std::atomic<bool> to_journal_{false};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

int to_syslog(Level level) {
  switch (level) {
    case Level::debug: return LOG_DEBUG;
    case Level::info: return LOG_INFO;
    case Level::warning: return LOG_WARNING;
    case Level::error: return LOG_ERR;
  }
  return LOG_ERR;
}

/// The logger that is set. The library makes its registry at the first use and guards that by a lock that
/// ThreadSanitizer cannot see; our own guard in front of it is seen.
spdlog::logger& logger() {
  static std::once_flag made;
  std::call_once(made, [] { (void)spdlog::default_logger_raw(); });
  return *spdlog::default_logger_raw();
}

}  // namespace

void start(Level least, bool to_journal) {
  to_journal_ = to_journal;
  auto ours = std::make_shared<spdlog::logger>("decomd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  ours->set_level(to_spdlog(least));
  ours->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  ours->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(ours));
}

Level level_from(std::string_view name) {
  if (name == "debug") return Level::debug;
  if (name == "info") return Level::info;
  if (name == "warning") return Level::warning;
  if (name == "error") return Level::error;
  throw Error{ErrorCode::invalid, "'{}' is not a log level: debug, info, warning or error", name};
}

void write(Level level, std::string_view module, std::string_view text, std::initializer_list<Field> fields) {
  if (!logger().should_log(to_spdlog(level))) return;
  const std::string safe = safe_for_terminal(text);
  if (to_journal_) {
    // spdlog's own journal sink sends no fields.
    std::vector<std::string> lines{"MESSAGE=" + std::string(module) + ": " + safe,
                                   "PRIORITY=" + std::to_string(to_syslog(level)),
                                   "DECOM_MODULE=" + std::string(module)};
    for (const Field& field : fields) lines.push_back("DECOM_" + std::string(field.key) + "=" + field.value);
    std::vector<iovec> parts;
    parts.reserve(lines.size());
    for (std::string& line : lines) parts.push_back({line.data(), line.size()});
    if (sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) == 0) return;
  }
  std::string line = std::string(module) + ": " + safe;
  for (const Field& field : fields) line += " " + folded(field.key) + "=" + safe_for_terminal(field.value);
  logger().log(to_spdlog(level), "{}", line);
}

}  // namespace decom::log
