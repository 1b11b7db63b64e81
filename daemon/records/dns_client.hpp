#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/records/dns_definition.hpp"
#include "daemon/records/dns_message.hpp"
#include "daemon/records/dns_tsig.hpp"
#include "daemon/records/record_system.hpp"

namespace decom::dns {

/// What the SOA of a zone says.
struct ZoneFacts {
  std::string primary;
  std::uint32_t serial = 0;
};

/// One conversation with one server, for one call. With a TSIG key everything is signed, questions too; a Kerberos
/// context is agreed on for updates alone.
class Client {
 public:
  /// Connects. Throws `unreachable` or `cancelled`, and `unauthenticated` for a key that cannot be read.
  Client(const Options& options, const RecordWorld& world, const Server& server, const RecordCall& call);

  /// The whole RRset, from the server's own authority; empty: there is none.
  /// Throws `denied`, `busy`, `protocol`, `timed_out`, `unauthenticated`.
  std::vector<Rr> rrset(const Name& owner, RrType type);
  /// The PTRs of a reverse name, also where the name is an alias into a zone of its own (RFC 2317).
  std::vector<Rr> pointers(const Name& reverse);
  /// The positive control: throws where the server does not serve the zone.
  ZoneFacts zone(const Name& zone);
  /// The records of a whole zone (AXFR) that are wanted; nothing where the server does not permit it.
  std::optional<std::vector<Rr>> transfer(const Name& zone, const std::function<bool(const Rr&)>& wanted);

  struct Updated {
    int rcode = 0;
    bool verified = false;
    bool is_signed = false;
    int error = 0;  ///< of our signature
  };
  /// Agrees on what signs updates. Nothing is changed by it.
  void prepare_updates();
  /// Sends an update, once. Throws `unreachable` where nothing has left, else `lost`.
  Updated update(const std::string& message);

  [[nodiscard]] const Server& server() const { return server_; }
  [[nodiscard]] std::string key_words() const;  ///< "the key decom-key"
  /// What the server says of our signature, for people.
  [[nodiscard]] std::string signature_words(int error) const;

 private:
  [[nodiscard]] Clock::Steady deadline() const;
  Answer ask(const std::string& question, const std::string& about);
  [[noreturn]] void throw_unverified(const Answer& answer, int error, const std::string& about) const;

  const Options& options_;
  const RecordWorld& world_;
  const Server& server_;
  const RecordCall& call_;
  std::unique_ptr<Link> link_;
  std::unique_ptr<Key> key_;
};

}  // namespace decom::dns
