#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace decom {

/// A password, key or token. It has no formatter, no stream operator and no JSON; its memory is wiped when it dies.
/// Whoever needs the characters asks for them by name, so that `expose()` can be searched for.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { wipe(); }

  [[nodiscard]] const std::string& expose() const noexcept { return value_; }
  [[nodiscard]] bool empty() const noexcept { return value_.empty(); }

 private:
  void wipe() noexcept;
  std::string value_;
};

/// Reads a secret from a file; one trailing line end is not part of it. Refuses files above 64 KiB, empty ones, and
/// NUL bytes. Throws `invalid` and names the file, never its content.
Secret read_secret_file(const std::filesystem::path& file);

/// Takes the same time for every content of equal length.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace decom
