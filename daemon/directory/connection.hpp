#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/secret.hpp"
#include "daemon/directory/bind_diagnosis.hpp"
#include "daemon/directory/endpoint.hpp"
#include "daemon/directory/names.hpp"
#include "daemon/directory/stream.hpp"

struct ldap;
struct ldapcontrol;
struct ldapmsg;

namespace decom::directory {

struct Attribute {
  std::string name;
  std::vector<std::string> values;
};

struct Entry {
  std::string dn;
  std::vector<Attribute> attributes;

  /// Null when the entry has no such attribute, or it may not be read.
  [[nodiscard]] const std::vector<std::string>* values(std::string_view name) const;
  /// The first value, or empty.
  [[nodiscard]] std::string first(std::string_view name) const;
};

enum class Scope { base, children, subtree };

/// A connection to one domain controller. Under TLS before anything else is said, referrals are not followed, and each
/// answer is awaited for `timeout`.
///
/// One thread at a time. After a failure of the connection itself it `is_broken` and good for nothing any more.
class Connection {
 public:
  /// Throws `unreachable`, `timed_out`, `untrusted`, `protocol`, `refused` (no StartTLS).
  static std::unique_ptr<Connection> open(const Endpoint& endpoint, std::chrono::milliseconds timeout);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// A simple bind; nothing when it was accepted. An empty password would be accepted as nobody (RFC 4513 5.1.2) and
  /// one with a NUL would be cut: both are refused here, and nothing is sent.
  std::optional<BindDiagnosis> bind(const std::string& name, const Secret& password);

  /// One entry; nothing when there is none, or none that may be seen.
  std::optional<Entry> read(const Base& base, const std::vector<const char*>& attributes);
  /// The security descriptor of an entry, with its DACL only; empty when it may not be read.
  std::string read_dacl(const Base& base);
  /// All entries, page by page. An absent base throws `not_found`.
  std::vector<Entry> search(const Base& base, Scope scope, const Filter& filter,
                            const std::vector<const char*>& attributes, int page_size = 500);
  /// Deletes a leaf. Throws `gone`, `denied`, `refused` (it has children; unwilling), `busy`; `lost` when the answer
  /// was not seen.
  void remove(const Base& base, std::string_view what);

  /// The values of one attribute that go, each of which must be there, and those that come.
  struct Change {
    std::string attribute;
    std::vector<std::string> from;
    std::vector<std::string> to;
  };
  /// All of `changes` or none. Throws `precondition` where an old value is not there any more, `gone`, `denied`,
  /// `refused`, `busy`; `lost` when the answer was not seen.
  void modify(const Base& base, const std::vector<Change>& changes, std::string_view what);
  /// Gives the entry another parent and keeps its RDN. Throws `gone`, `denied`, `refused` (the name is taken; the
  /// parent is not there), `busy`; `lost` when the answer was not seen.
  void move(const Base& base, const std::string& rdn, const Dn& parent, std::string_view what);

  [[nodiscard]] bool is_broken() const { return broken_; }
  [[nodiscard]] std::string tls_version() const { return stream_->tls_version(); }

 private:
  Connection(const Endpoint& endpoint, std::chrono::milliseconds timeout) : endpoint_(endpoint), timeout_(timeout) {}
  void attach();
  void start_tls(Deadline deadline);
  /// Every call of libldap that waits comes after one of these.
  void begin();
  /// What a code that ends a change means in every case; returns where it depends on the change.
  void judge_change(int code, std::string_view doing, std::string_view what);
  [[noreturn]] void fail(int code, std::string_view doing);
  [[nodiscard]] std::string diagnostic() const;
  std::optional<Entry> read(const Base& base, const std::vector<const char*>& attributes, ldapcontrol** controls);
  void append_page(std::vector<Entry>& to, ldapmsg* result);
  static Entry to_entry(ldap* handle, ldapmsg* message);

  Endpoint endpoint_;
  std::chrono::milliseconds timeout_;
  std::unique_ptr<Stream> stream_;
  ldap* ldap_ = nullptr;
  bool broken_ = false;
};

}  // namespace decom::directory
