#include "daemon/records/dns_gss.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/crypto.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/records/dns_message.hpp"
#include "daemon/records/dns_wire.hpp"

namespace decom::dns {
namespace {

constexpr std::uint16_t kTkey = 249, kAny = 255, kGssMode = 3;  // RFC 2930 2.5
constexpr int kMostRounds = 8;

gss_OID_desc spnego() {  // RFC 4178; Active Directory speaks no other mechanism here
  static char oid[] = "\x2b\x06\x01\x05\x05\x02";
  return {6, oid};
}

gss_buffer_desc buffer_of(const std::string& bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};  // GSSAPI (RFC 2744) knows no const
}

/// GSSAPI's buffer, ours as a string from here on.
std::string taken(gss_buffer_desc& buffer) {
  std::string bytes{static_cast<const char*>(buffer.value), buffer.length};
  OM_uint32 minor = 0;
  ::gss_release_buffer(&minor, &buffer);
  return bytes;
}

std::string words_for(OM_uint32 major, OM_uint32 minor) {
  std::string words;
  for (const auto& [code, type] : {std::pair{minor, GSS_C_MECH_CODE}, std::pair{major, GSS_C_GSS_CODE}}) {
    OM_uint32 unused = 0, more = 0;
    gss_buffer_desc text{};
    if (code == 0 || ::gss_display_status(&unused, code, type, GSS_C_NO_OID, &more, &text) != GSS_S_COMPLETE) continue;
    words = taken(text);
    break;
  }
  return words.empty() ? "no reason given" : words;
}

/// A ticket cache in memory, for one logon; it is destroyed with it.
class Cache {
 public:
  Cache() : name_("MEMORY:decom-dns-" + random_uuid()) {}
  Cache(Cache&& other) noexcept : name_(std::exchange(other.name_, {})) {}
  Cache& operator=(Cache&&) = delete;
  ~Cache() {
    krb5_context context = nullptr;
    krb5_ccache cache = nullptr;
    if (name_.empty() || ::krb5_init_context(&context) != 0) return;
    if (::krb5_cc_resolve(context, name_.c_str(), &cache) == 0) ::krb5_cc_destroy(context, cache);
    ::krb5_free_context(context);
  }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
};

/// The handles of one conversation with the server.
struct Context {
  Cache cache;
  gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
  gss_name_t service = GSS_C_NO_NAME;
  gss_ctx_id_t context = GSS_C_NO_CONTEXT;

  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() {
    OM_uint32 minor = 0;
    if (context != GSS_C_NO_CONTEXT) ::gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
    ::gss_release_name(&minor, &service);
    ::gss_release_cred(&minor, &credential);
  }
};

struct Progress {
  OM_uint32 major = 0;
  OM_uint32 minor = 0;
  std::string words;
  std::string token;  ///< for the server
};

Progress advance(Context& gss, const std::string& from_server) {
  Progress progress;
  gss_OID_desc mechanism = spnego();
  gss_buffer_desc in = buffer_of(from_server), out{};
  progress.major =
      ::gss_init_sec_context(&progress.minor, gss.credential, &gss.context, gss.service, &mechanism,
                             GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_INTEG_FLAG, 0, GSS_C_NO_CHANNEL_BINDINGS,
                             from_server.empty() ? GSS_C_NO_BUFFER : &in, nullptr, &out, nullptr, nullptr);
  if (GSS_ERROR(progress.major)) progress.words = words_for(progress.major, progress.minor);
  progress.token = taken(out);
  return progress;
}

struct Start {
  std::unique_ptr<Context> gss = std::make_unique<Context>();
  Progress progress;
  krb5_error_code refused = 0;  ///< what libkrb5 or the KDC said
  std::string words;
};

/// Fills a cache with a ticket for us and one for the server. SPNEGO would do it by itself, and keep the reason of
/// every failure to itself too.
class Tickets {
 public:
  Tickets() = default;
  Tickets(const Tickets&) = delete;
  Tickets& operator=(const Tickets&) = delete;
  ~Tickets() {
    if (context_ == nullptr) return;
    ::krb5_free_cred_contents(context_, &ours_);
    if (theirs_ != nullptr) ::krb5_free_creds(context_, theirs_);
    if (keytab_ != nullptr) ::krb5_kt_close(context_, keytab_);
    if (cache_ != nullptr) ::krb5_cc_close(context_, cache_);
    ::krb5_free_principal(context_, us_);
    ::krb5_free_principal(context_, server_);
    ::krb5_free_context(context_);
  }

  krb5_error_code fetch(const GssLogon& logon, const std::string& cache) {
    const std::string keytab = "FILE:" + logon.keytab.string();
    krb5_error_code failed = ::krb5_init_context(&context_);
    if (failed == 0) failed = ::krb5_parse_name(context_, logon.principal.c_str(), &us_);
    if (failed == 0) failed = ::krb5_parse_name(context_, logon.service.c_str(), &server_);
    if (failed == 0) failed = ::krb5_kt_resolve(context_, keytab.c_str(), &keytab_);
    if (failed == 0) failed = ::krb5_get_init_creds_keytab(context_, &ours_, us_, keytab_, 0, nullptr, nullptr);
    if (failed == 0) failed = ::krb5_cc_resolve(context_, cache.c_str(), &cache_);
    if (failed == 0) failed = ::krb5_cc_initialize(context_, cache_, us_);
    if (failed == 0) failed = ::krb5_cc_store_cred(context_, cache_, &ours_);
    krb5_creds wanted{};
    wanted.client = us_;
    wanted.server = server_;
    if (failed == 0) failed = ::krb5_get_credentials(context_, 0, cache_, &wanted, &theirs_);
    return failed;
  }

  std::string words_for(krb5_error_code code) {
    const char* text = ::krb5_get_error_message(context_, code);
    std::string words = text;
    ::krb5_free_error_message(context_, text);
    return words;
  }

 private:
  krb5_context context_ = nullptr;
  krb5_principal us_ = nullptr, server_ = nullptr;
  krb5_keytab keytab_ = nullptr;
  krb5_ccache cache_ = nullptr;
  krb5_creds ours_{};
  krb5_creds* theirs_ = nullptr;
};

/// Everything that asks the KDC, and the first token for the server.
Start log_on(const GssLogon& logon) {
  Start start;
  Context& gss = *start.gss;
  Progress& progress = start.progress;
  {
    Tickets tickets;
    start.refused = tickets.fetch(logon, gss.cache.name());
    if (start.refused != 0) {
      start.words = tickets.words_for(start.refused);
      return start;
    }
  }
  const auto failed = [&](OM_uint32 major) {
    progress.major = major;
    if (GSS_ERROR(major)) progress.words = words_for(major, progress.minor);
    return GSS_ERROR(major) != 0;
  };
  gss_buffer_desc service = buffer_of(logon.service);
  if (failed(::gss_import_name(&progress.minor, &service, GSS_KRB5_NT_PRINCIPAL_NAME, &gss.service))) return start;
  gss_key_value_element_desc element{"ccache", gss.cache.name().c_str()};
  const gss_key_value_set_desc store{1, &element};
  gss_OID_desc mechanism = spnego();
  gss_OID_set_desc mechanisms{1, &mechanism};
  if (!failed(::gss_acquire_cred_from(&progress.minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechanisms, GSS_C_INITIATE,
                                      &store, &gss.credential, nullptr, nullptr)))
    progress = advance(gss, "");
  return start;
}

/// Keytabs whose key a KDC refused, by `mark_of`.
class Refusals {
 public:
  bool has(const std::string& mark) {
    const std::lock_guard lock{mutex_};
    return std::ranges::find(refused_, mark) != refused_.end();
  }
  void add(const std::string& mark) {
    const std::lock_guard lock{mutex_};
    refused_.push_back(mark);
    if (refused_.size() > kMost) refused_.erase(refused_.begin());
  }
  static Refusals& all() {
    static Refusals refusals;
    return refusals;
  }

 private:
  static constexpr std::size_t kMost = 100;
  std::mutex mutex_;
  std::vector<std::string> refused_;
};

/// Whether the key is wrong, so that every further try counts against the account.
bool is_wrong_key(krb5_error_code code) {
  return code == KRB5KDC_ERR_PREAUTH_FAILED || code == KRB5KRB_AP_ERR_BAD_INTEGRITY;
}

Start log_on_in_time(const GssLogon& logon, const std::stop_token& stop, Clock::Steady deadline) {
  struct Shared {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::optional<Start> start;
  };
  const auto shared = std::make_shared<Shared>();
  std::thread asker([shared, logon] {
    Start start = log_on(logon);
    const std::lock_guard lock{shared->mutex};
    shared->start = std::move(start);
    shared->changed.notify_all();
  });
  ::pthread_setname_np(asker.native_handle(), "kerberos");
  asker.detach();
  std::unique_lock lock{shared->mutex};
  shared->changed.wait_until(lock, stop, deadline, [&] { return shared->start.has_value(); });
  if (shared->start) return std::move(*shared->start);
  if (stop.stop_requested()) throw Error{ErrorCode::cancelled, "stopped while logging on as {}", logon.principal};
  throw Error{ErrorCode::unreachable, "cannot log on as {}: the KDC did not answer in time", logon.principal};
}

/// This keytab, until it is written anew.
std::string mark_of(const GssLogon& logon) {
  struct stat written {};
  if (::access(logon.keytab.c_str(), R_OK) != 0 || ::stat(logon.keytab.c_str(), &written) != 0)
    throw Error{ErrorCode::unauthenticated, "cannot log on as {}: cannot read the keytab {}: {}", logon.principal,
                logon.keytab.string(), std::strerror(errno)};
  return fmt::format("{} {} {} {}.{:09}", logon.principal, logon.keytab.string(), written.st_ino,
                     written.st_mtim.tv_sec, written.st_mtim.tv_nsec);
}

class GssKey final : public Key {
 public:
  GssKey(Name name, std::unique_ptr<Context> gss) : name_(std::move(name)), gss_(std::move(gss)) {}

  const Name& name() const override { return name_; }
  const Name& algorithm() const override { return algorithm_; }

  std::string sign(const std::string& bytes) override {
    OM_uint32 minor = 0;
    gss_buffer_desc in = buffer_of(bytes), out{};
    const OM_uint32 major = ::gss_get_mic(&minor, gss_->context, GSS_C_QOP_DEFAULT, &in, &out);
    if (GSS_ERROR(major)) throw Error{ErrorCode::internal, "cannot sign by Kerberos: {}", words_for(major, minor)};
    return taken(out);
  }

  bool verify(const std::string& bytes, const std::string& mac) override {
    OM_uint32 minor = 0;
    gss_buffer_desc in = buffer_of(bytes), token = buffer_of(mac);
    return ::gss_verify_mic(&minor, gss_->context, &in, &token, nullptr) == GSS_S_COMPLETE;
  }

 private:
  Name name_;
  Name algorithm_ = Name::from_answer("gss-tsig");
  std::unique_ptr<Context> gss_;
};

std::string tkey_question(const Name& key, const std::string& token, Clock& clock) {
  const auto now = static_cast<std::uint32_t>(to_millis(clock.now()) / 1000);
  wire::Writer data;
  data.name(Name::from_answer("gss-tsig"));
  data.u32(now);
  data.u32(now + 3600);
  data.u16(kGssMode);
  data.u16(0);
  data.sized(token);
  data.sized("");
  wire::Writer out;
  out.bytes(random_bytes(2));
  for (const unsigned word : {0U, 1U, 0U, 0U, 1U}) out.u16(word);  // a query with one question and one additional
  out.name(key);
  out.u16(kTkey);
  out.u16(kAny);
  out.name(key);
  out.u16(kTkey);
  out.u16(kAny);
  out.u32(0);
  out.sized(data.take());
  return out.take();
}

/// The server's token.
std::string tkey_answer(const std::string& bytes, const std::string& question, const GssLogon& logon) {
  wire::Reader in{bytes};
  if (in.bytes(2) != question.substr(0, 2))
    throw Error{ErrorCode::protocol, "the DNS server's answer makes no sense: it answers another question"};
  const int rcode = in.u16() & 0xf;
  if (rcode == kServFail)  // a token that it refuses is BADKEY, in the answer itself (RFC 3645 4.1)
    throw Error{ErrorCode::busy, "the DNS server cannot log {} on by Kerberos now (SERVFAIL)", logon.principal};
  if (rcode != kNoError)
    throw Error{ErrorCode::unauthenticated, "the DNS server refuses {} at its Kerberos logon: {}", logon.principal,
                rcode_name(rcode)};
  const unsigned questions = in.u16(), answers = in.u16();
  in.skip(4);
  for (unsigned i = 0; i < questions; ++i) {
    in.skip_name();
    in.skip(4);
  }
  in.skip_name();
  if (answers == 0 || in.u16() != kTkey)
    throw Error{ErrorCode::protocol, "the DNS server's answer makes no sense: it has no TKEY"};
  in.skip(8);
  in.skip_name();
  in.skip(10);
  if (const unsigned error = in.u16(); error != 0)
    throw Error{ErrorCode::unauthenticated,
                "the DNS server does not accept the Kerberos ticket of {} for {} (TKEY error {})", logon.principal,
                logon.service, error};
  return in.bytes(in.u16());
}

}  // namespace

std::unique_ptr<Key> negotiate(Link& link, const GssLogon& logon, Clock& clock, const std::stop_token& stop,
                               Clock::Steady deadline) {
  const std::string mark = mark_of(logon);
  if (Refusals::all().has(mark))
    throw Error{ErrorCode::unauthenticated,
                "cannot log on as {}: the keytab {} was refused, and is not tried again before it is written anew",
                logon.principal, logon.keytab.string()};
  Start start = log_on_in_time(logon, stop, deadline);
  Progress progress = std::move(start.progress);
  if (start.refused != 0) {
    if (is_wrong_key(start.refused)) Refusals::all().add(mark);
    const bool is_silent = start.refused == KRB5_KDC_UNREACH || start.refused == KRB5_REALM_CANT_RESOLVE;
    throw Error{is_silent ? ErrorCode::unreachable : ErrorCode::unauthenticated,
                "cannot log on as {} with the keytab {} for {}: {}",
                logon.principal,
                logon.keytab.string(),
                logon.service,
                start.words};
  }
  if (GSS_ERROR(progress.major))
    throw Error{ErrorCode::unauthenticated, "cannot log on as {} for {}: {}", logon.principal, logon.service,
                progress.words};
  const Name name = Name::from_answer(fmt::format("{}.sig-decom", random_uuid()));
  for (int round = 0; round < kMostRounds; ++round) {
    if (!progress.token.empty()) {
      const std::string question = tkey_question(name, progress.token, clock);
      link.send(question, deadline);
      const std::string token = tkey_answer(link.receive(deadline), question, logon);
      if (progress.major == GSS_S_COMPLETE) return std::make_unique<GssKey>(name, std::move(start.gss));
      progress = advance(*start.gss, token);
      if (GSS_ERROR(progress.major))
        throw Error{ErrorCode::unauthenticated, "the DNS server does not prove to be {}: {}", logon.service,
                    progress.words};
    }
    if (progress.major == GSS_S_COMPLETE && progress.token.empty())
      return std::make_unique<GssKey>(name, std::move(start.gss));
  }
  throw Error{ErrorCode::protocol, "the Kerberos logon at the DNS server does not come to an end"};
}

}  // namespace decom::dns
