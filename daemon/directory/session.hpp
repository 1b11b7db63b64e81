#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/secret.hpp"
#include "daemon/directory/connection.hpp"
#include "daemon/directory/directory.hpp"

namespace decom::directory {

/// What a domain controller says of itself and of its domain.
struct DomainFacts {
  std::string controller;  ///< its host name
  std::string domain_dn;
  std::string netbios_name;
  std::string dns_name;
  std::string schema_dn;
};

/// A connection on which the service account is logged on.
class Session {
 public:
  Session(std::unique_ptr<Connection> connection, Endpoint endpoint, DomainFacts facts)
      : connection_(std::move(connection)), endpoint_(std::move(endpoint)), facts_(std::move(facts)) {}

  [[nodiscard]] Connection& connection() { return *connection_; }
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] const DomainFacts& domain() const { return facts_; }
  [[nodiscard]] std::chrono::steady_clock::time_point opened() const { return opened_; }
  /// Whether the schema calls the attribute confidential (searchFlags 0x80), or everybody knows that it is secret.
  bool is_secret(std::string_view attribute);

 private:
  std::unique_ptr<Connection> connection_;
  Endpoint endpoint_;
  DomainFacts facts_;
  std::chrono::steady_clock::time_point opened_ = std::chrono::steady_clock::now();
  std::optional<std::set<std::string>> confidential_;
};

/// The service account's sessions: a few are kept, each is used by one thread at a time. Any thread.
class Sessions {
 public:
  /// Throws `invalid` for options that can never work.
  explicit Sessions(const DirectoryOptions& options);

  /// Runs `use(Session&)`, all of it against one domain controller. A kept session may have died with its server since
  /// its last use: then, and only when that shows before anything was changed, `use` is run once more on a new one.
  /// (`lost` is thrown from the first change on, and is not repeated.)
  /// `wrong_password` is what a refused password of the service account is thrown as.
  template <typename Use>
  auto run(Use use, ErrorCode wrong_password = ErrorCode::unreachable) -> decltype(use(std::declval<Session&>())) {
    if (std::unique_ptr<Session> kept = take()) {
      try {
        auto result = use(*kept);
        keep(std::move(kept));
        return result;
      } catch (const Error& e) {
        const bool died = kept->connection().is_broken();
        if (!died) keep(std::move(kept));
        if (!died || e.code() != ErrorCode::unreachable) throw;
        forget_all();  // its siblings died with it
      }
    }
    std::unique_ptr<Session> fresh = open(wrong_password);
    try {
      auto result = use(*fresh);
      keep(std::move(fresh));
      return result;
    } catch (const Error&) {
      if (!fresh->connection().is_broken()) keep(std::move(fresh));
      throw;
    }
  }

 private:
  std::unique_ptr<Session> take();
  void keep(std::unique_ptr<Session> session);
  void forget_all();
  std::unique_ptr<Session> open(ErrorCode wrong_password);
  [[noreturn]] void throw_refused(const Endpoint& endpoint, const Secret& password, const BindDiagnosis& refusal,
                                  ErrorCode wrong_password);
  /// The password from its file. Throws `wrong_password` while the file holds one that was refused before.
  Secret read_password(ErrorCode wrong_password);

  const DirectoryOptions options_;
  std::vector<Endpoint> endpoints_;

  std::mutex mutex_;  // of what follows
  std::vector<std::unique_ptr<Session>> kept_;
  struct Refused {
    Secret password;
    std::filesystem::file_time_type written;
  };
  std::optional<Refused> refused_;
};

}  // namespace decom::directory
