#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include <fmt/core.h>

/// Lines for whoever runs the daemon. Under systemd they go to the journal with their fields, else to stderr.
/// Text from outside is escaped here, at the sink; secrets cannot get here, as `Secret` has no formatter.
namespace decom::log {

enum class Level { debug, info, warning, error };

struct Field {
  std::string_view key;  ///< upper case, as the journal wants it: "REQUEST", "VM"
  std::string value;
};

/// Once, at the start of main. `to_journal` is true where JOURNAL_STREAM names our stderr.
void start(Level least, bool to_journal);
Level level_from(std::string_view name);  ///< throws `invalid`

/// Any thread.
void write(Level level, std::string_view module, std::string_view text, std::initializer_list<Field> fields = {});

template <typename... Args>
void debug(std::string_view module, fmt::format_string<Args...> text, Args&&... args) {
  write(Level::debug, module, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void info(std::string_view module, fmt::format_string<Args...> text, Args&&... args) {
  write(Level::info, module, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(std::string_view module, fmt::format_string<Args...> text, Args&&... args) {
  write(Level::warning, module, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void error(std::string_view module, fmt::format_string<Args...> text, Args&&... args) {
  write(Level::error, module, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace decom::log
