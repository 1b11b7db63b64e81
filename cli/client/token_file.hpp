#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/base/secret.hpp"

namespace decom::cli {

/// Where the login of the effective user is kept, between two runs: one line, mode 0600, in a directory of mode 0700.
///
/// What does not belong to the effective uid is never read and never written: under sudo, root does not act with the
/// login of the person who called it.
class TokenFile {
 public:
  /// $DECOMCTL_TOKEN_FILE; else below $XDG_RUNTIME_DIR or the home directory. Each socket has a login of its own.
  static TokenFile of(const std::filesystem::path& socket);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// nullopt: there is none. Throws `denied` for one that belongs to, or can be read by, somebody else.
  [[nodiscard]] std::optional<Secret> load() const;
  void save(const Secret& token) const;
  /// False when there was none.
  bool remove() const;
  /// Named by DECOMCTL_TOKEN_FILE: read only, and its directory is the administrator's business.
  [[nodiscard]] bool is_given() const { return given_; }

 private:
  TokenFile(std::filesystem::path path, bool given) : path_(std::move(path)), given_(given) {}
  std::filesystem::path path_;
  bool given_ = false;
};

}  // namespace decom::cli
