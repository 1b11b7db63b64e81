#include "daemon/directory/connection.hpp"

#include <algorithm>
#include <cstdlib>

#include <ldap.h>
#include <openldap.h>  // ldap_init_fd

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::directory {

namespace {

constexpr ber_len_t kLargestAnswer = ber_len_t{16} * 1024 * 1024;
constexpr std::size_t kMostEntries = 20'000;
constexpr int kMostPages = 1'000;

// -- our Stream as libldap's transport (lber-sockbuf(3)) --------------------------------------------------------------

Stream& stream_of(Sockbuf_IO_Desc* layer) { return *static_cast<Stream*>(layer->sbiod_pvt); }

int set_up(Sockbuf_IO_Desc* layer, void* stream) {
  layer->sbiod_pvt = stream;
  return 0;
}
int take_down(Sockbuf_IO_Desc* layer) {
  layer->sbiod_pvt = nullptr;
  return 0;
}
int control(Sockbuf_IO_Desc* layer, int option, void*) {
  return option == LBER_SB_OPT_DATA_READY && stream_of(layer).has_pending() ? 1 : 0;
}
ber_slen_t read_some(Sockbuf_IO_Desc* layer, void* into, ber_len_t size) { return stream_of(layer).read(into, size); }
ber_slen_t write_some(Sockbuf_IO_Desc* layer, void* from, ber_len_t size) { return stream_of(layer).write(from, size); }
int close_nothing(Sockbuf_IO_Desc*) { return 0; }  // the Stream closes itself, after libldap let go of it

Sockbuf_IO kTransport{set_up, take_down, control, read_some, write_some, close_nothing};

/// Neither ldap.conf nor LDAP… variables may have a say. libldap reads them once, at its first call.
void keep_environment_out() {
  static const bool done = ::setenv("LDAPNOINIT", "1", 1) == 0;
  if (!done) throw Error{ErrorCode::internal, "cannot set LDAPNOINIT"};
}

int to_ldap(Scope scope) {
  switch (scope) {
    case Scope::base: return LDAP_SCOPE_BASE;
    case Scope::children: return LDAP_SCOPE_ONELEVEL;
    case Scope::subtree: return LDAP_SCOPE_SUBTREE;
  }
  return LDAP_SCOPE_BASE;
}

timeval to_timeval(std::chrono::milliseconds time) {
  return {.tv_sec = time.count() / 1000, .tv_usec = static_cast<suseconds_t>(time.count() % 1000 * 1000)};
}

/// As libldap wants names; it does not write to them.
std::vector<char*> null_terminated(const std::vector<const char*>& names) {
  std::vector<char*> list(names.size() + 1, nullptr);
  std::ranges::transform(names, list.begin(), [](const char* name) { return const_cast<char*>(name); });
  return list;
}

struct FreeMessage {
  void operator()(LDAPMessage* message) const { ::ldap_msgfree(message); }
};
using Message = std::unique_ptr<LDAPMessage, FreeMessage>;

struct FreeControl {
  void operator()(LDAPControl* control_) const { ::ldap_control_free(control_); }
};
using Control = std::unique_ptr<LDAPControl, FreeControl>;

struct Cookie {
  berval value{};
  ~Cookie() { clear(); }
  void clear() {
    ::ber_memfree(value.bv_val);
    value = {};
  }
};

}  // namespace

// -- values -----------------------------------------------------------------------------------------------------------

const std::vector<std::string>* Entry::values(std::string_view name) const {
  const auto found = std::ranges::find_if(attributes, [&](const Attribute& a) { return equals_folded(a.name, name); });
  return found == attributes.end() ? nullptr : &found->values;
}

std::string Entry::first(std::string_view name) const {
  const auto* all = values(name);
  return all == nullptr || all->empty() ? "" : all->front();
}

// -- life -------------------------------------------------------------------------------------------------------------

std::unique_ptr<Connection> Connection::open(const Endpoint& endpoint, std::chrono::milliseconds timeout) {
  keep_environment_out();
  const Deadline deadline = std::chrono::steady_clock::now() + timeout;
  auto connection = std::unique_ptr<Connection>(new Connection(endpoint, timeout));
  connection->stream_ =
      Stream::connect(endpoint.address.empty() ? endpoint.host : endpoint.address, endpoint.port, deadline);
  if (!endpoint.starttls) connection->stream_->start_tls(endpoint.host, endpoint.ca_file, deadline);
  connection->attach();
  if (endpoint.starttls) connection->start_tls(deadline);
  return connection;
}

void Connection::attach() {
  // A handle whose connection ended would connect again by its URL, in the clear. This URL leads nowhere.
  constexpr const char* kNowhere = "ldapi://%2Fdev%2Fnull";
  if (const int failed = ::ldap_init_fd(stream_->fd(), LDAP_PROTO_EXT, kNowhere, &ldap_); failed != LDAP_SUCCESS)
    throw Error{ErrorCode::internal, "cannot set LDAP up: {}", ::ldap_err2string(failed)};
  Sockbuf* transport = nullptr;
  ::ldap_get_option(ldap_, LDAP_OPT_SOCKBUF, &transport);
  ber_len_t largest = kLargestAnswer;
  const int version = LDAP_VERSION3;
  const timeval wait = to_timeval(timeout_);
  if (transport == nullptr ||
      ::ber_sockbuf_add_io(transport, &kTransport, LBER_SBIOD_LEVEL_PROVIDER, stream_.get()) != 0 ||
      ::ber_sockbuf_ctrl(transport, LBER_SB_OPT_SET_MAX_INCOMING, &largest) != 1 ||
      ::ldap_set_option(ldap_, LDAP_OPT_PROTOCOL_VERSION, &version) != LDAP_OPT_SUCCESS ||
      // Following a referral would hand the password to whoever it names.
      ::ldap_set_option(ldap_, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) != LDAP_OPT_SUCCESS ||
      ::ldap_set_option(ldap_, LDAP_OPT_TIMEOUT, &wait) != LDAP_OPT_SUCCESS)
    throw Error{ErrorCode::internal, "cannot set LDAP up"};
}

void Connection::start_tls(Deadline deadline) {
  stream_->set_deadline(deadline);
  char* oid = nullptr;
  berval* data = nullptr;
  const int code = ::ldap_extended_operation_s(ldap_, LDAP_EXOP_START_TLS, nullptr, nullptr, nullptr, &oid, &data);
  ::ldap_memfree(oid);
  ::ber_bvfree(data);
  if (code != LDAP_SUCCESS) fail(code, "start TLS with");
  stream_->start_tls(endpoint_.host, endpoint_.ca_file, deadline);
}

Connection::~Connection() {
  if (ldap_ == nullptr) return;
  stream_->set_deadline(std::chrono::steady_clock::now() + std::chrono::milliseconds{100});  // for the farewell
  ::ldap_unbind_ext_s(ldap_, nullptr, nullptr);
}

// -- operations -------------------------------------------------------------------------------------------------------

void Connection::begin() {
  if (broken_) throw Error{ErrorCode::unreachable, "the connection to {} has ended", endpoint_.url};
  stream_->set_deadline(std::chrono::steady_clock::now() + timeout_);
}

std::optional<BindDiagnosis> Connection::bind(const std::string& name, const Secret& password) {
  if (name.empty() || name.find('\0') != std::string::npos || password.empty() ||
      password.expose().find('\0') != std::string::npos)
    return BindDiagnosis{ErrorCode::unauthenticated, "a name and a password are needed"};
  begin();
  // libldap does not write to it; its type is from before const.
  berval credentials{.bv_len = password.expose().size(), .bv_val = const_cast<char*>(password.expose().data())};
  const int code = ::ldap_sasl_bind_s(ldap_, name.c_str(), LDAP_SASL_SIMPLE, &credentials, nullptr, nullptr, nullptr);
  if (code == LDAP_SUCCESS) return std::nullopt;
  if (code == LDAP_INVALID_CREDENTIALS) return diagnose_bind(diagnostic());
  fail(code, "log on to");
}

std::optional<Entry> Connection::read(const Base& base, const std::vector<const char*>& attributes) {
  return read(base, attributes, nullptr);
}

std::string Connection::read_dacl(const Base& base) {
  // LDAP_SERVER_SD_FLAGS ([MS-ADTS] 3.1.1.3.4.1.11): SEQUENCE { 4 }, the DACL. Without it a part that may not be read
  // hides all of it. Not critical: a server without it may still answer.
  char oid[] = "1.2.840.113556.1.4.801";
  char value[] = {0x30, 0x03, 0x02, 0x01, 0x04};
  LDAPControl flags{.ldctl_oid = oid, .ldctl_value = {.bv_len = sizeof value, .bv_val = value}, .ldctl_iscritical = 0};
  LDAPControl* controls[] = {&flags, nullptr};
  const auto entry = read(base, {"nTSecurityDescriptor"}, controls);
  return entry ? entry->first("nTSecurityDescriptor") : "";
}

std::optional<Entry> Connection::read(const Base& base, const std::vector<const char*>& attributes,
                                      LDAPControl** controls) {
  begin();
  std::vector<char*> wanted = null_terminated(attributes);
  timeval wait = to_timeval(timeout_);
  LDAPMessage* raw = nullptr;
  const int code = ::ldap_search_ext_s(ldap_, base.text().c_str(), LDAP_SCOPE_BASE, "(objectClass=*)", wanted.data(), 0,
                                       controls, nullptr, &wait, 0, &raw);
  const Message result{raw};
  if (code == LDAP_NO_SUCH_OBJECT) return std::nullopt;
  if (code != LDAP_SUCCESS) fail(code, "read from");
  LDAPMessage* first = ::ldap_first_entry(ldap_, result.get());
  if (first == nullptr) return std::nullopt;
  return to_entry(ldap_, first);
}

std::vector<Entry> Connection::search(const Base& base, Scope scope, const Filter& filter,
                                      const std::vector<const char*>& attributes, int page_size) {
  std::vector<char*> wanted = null_terminated(attributes);
  std::vector<Entry> found;
  Cookie cookie;
  for (int page = 0;; ++page) {
    if (page == kMostPages || found.size() > kMostEntries)
      throw Error{ErrorCode::too_large, "the directory {} answered with more than {} entries", endpoint_.url,
                  kMostEntries};
    begin();
    LDAPControl* paging_raw = nullptr;
    // Windows cuts an answer without paging at 1,000 entries.
    if (const int failed =
            ::ldap_create_page_control(ldap_, page_size, page == 0 ? nullptr : &cookie.value, 1, &paging_raw);
        failed != LDAP_SUCCESS)
      fail(failed, "search");
    const Control paging{paging_raw};
    LDAPControl* controls[] = {paging.get(), nullptr};
    timeval wait = to_timeval(timeout_);
    LDAPMessage* raw = nullptr;
    const int code = ::ldap_search_ext_s(ldap_, base.text().c_str(), to_ldap(scope), filter.text().c_str(),
                                         wanted.data(), 0, controls, nullptr, &wait, 0, &raw);
    const Message result{raw};
    if (code != LDAP_SUCCESS) fail(code, "search");
    append_page(found, result.get());

    LDAPControl** answered = nullptr;
    int server_code = LDAP_SUCCESS;
    if (const int failed =
            ::ldap_parse_result(ldap_, result.get(), &server_code, nullptr, nullptr, nullptr, &answered, 0);
        failed != LDAP_SUCCESS)
      fail(failed, "search");
    cookie.clear();
    LDAPControl* last_page = ::ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, answered, nullptr);
    ber_int_t estimate = 0;
    const int parsed = last_page == nullptr
                           ? LDAP_SUCCESS
                           : ::ldap_parse_pageresponse_control(ldap_, last_page, &estimate, &cookie.value);
    ::ldap_controls_free(answered);
    if (parsed != LDAP_SUCCESS) fail(parsed, "search");
    if (cookie.value.bv_len == 0) return found;
  }
}

void Connection::append_page(std::vector<Entry>& to, LDAPMessage* result) {
  for (LDAPMessage* each = ::ldap_first_entry(ldap_, result); each != nullptr; each = ::ldap_next_entry(ldap_, each))
    to.push_back(to_entry(ldap_, each));
}

Entry Connection::to_entry(LDAP* handle, LDAPMessage* message) {
  Entry entry;
  if (char* dn = ::ldap_get_dn(handle, message); dn != nullptr) {
    entry.dn = dn;
    ::ldap_memfree(dn);
  }
  BerElement* position = nullptr;
  for (char* name = ::ldap_first_attribute(handle, message, &position); name != nullptr;
       name = ::ldap_next_attribute(handle, message, position)) {
    Attribute attribute{.name = name, .values = {}};
    if (berval** values = ::ldap_get_values_len(handle, message, name); values != nullptr) {
      for (berval** value = values; *value != nullptr; ++value)
        attribute.values.emplace_back((*value)->bv_val, (*value)->bv_len);
      ::ldap_value_free_len(values);
    }
    ::ldap_memfree(name);
    entry.attributes.push_back(std::move(attribute));
  }
  ::ber_free(position, 0);
  return entry;
}

void Connection::remove(const Base& base, std::string_view what) {
  begin();
  const int code = ::ldap_delete_ext_s(ldap_, base.text().c_str(), nullptr, nullptr);
  switch (code) {
    case LDAP_SUCCESS: return;
    case LDAP_NO_SUCH_OBJECT: throw Error{ErrorCode::gone, "{} is not in the directory any more", what};
    case LDAP_NOT_ALLOWED_ON_NONLEAF:
      throw Error{ErrorCode::refused,
                  "cannot remove {}: it has children that came just now, or that the service account may not see",
                  what};
    case LDAP_INSUFFICIENT_ACCESS:
      throw Error{ErrorCode::denied,
                  "cannot remove {}: the service account has no right to, or it is protected from accidental deletion",
                  what};
    default: break;
  }
  if (code < 0) {
    broken_ = true;
    throw Error{ErrorCode::lost, "removing {} was sent to {} and the answer was not seen", what, endpoint_.url};
  }
  fail(code, "remove from");
}

void Connection::judge_change(int code, std::string_view doing, std::string_view what) {
  switch (code) {
    case LDAP_NO_SUCH_OBJECT: throw Error{ErrorCode::gone, "{} is not in the directory any more", what};
    case LDAP_INSUFFICIENT_ACCESS:
      throw Error{ErrorCode::denied, "cannot {} {}: the service account has no right to", doing, what};
    default: break;
  }
  if (code < 0) {
    broken_ = true;
    throw Error{ErrorCode::lost, "a change ({}) of {} was sent to {} and the answer was not seen", doing, what,
                endpoint_.url};
  }
}

void Connection::modify(const Base& base, const std::vector<Change>& changes, std::string_view what) {
  // libldap does not write to any of it; its types are from before const.
  struct Part {
    std::string name;
    std::vector<berval> values;
    std::vector<berval*> list;
    LDAPMod mod{};
  };
  std::vector<std::unique_ptr<Part>> parts;
  const auto add = [&](int operation, const std::string& attribute, const std::vector<std::string>& values) {
    if (values.empty()) return;
    auto part = std::make_unique<Part>();
    part->name = attribute;
    for (const std::string& value : values)
      part->values.push_back({.bv_len = value.size(), .bv_val = const_cast<char*>(value.data())});
    for (berval& value : part->values) part->list.push_back(&value);
    part->list.push_back(nullptr);
    part->mod.mod_op = operation | LDAP_MOD_BVALUES;
    part->mod.mod_type = part->name.data();
    part->mod.mod_bvalues = part->list.data();
    parts.push_back(std::move(part));
  };
  for (const Change& change : changes) {
    add(LDAP_MOD_DELETE, change.attribute, change.from);
    add(LDAP_MOD_ADD, change.attribute, change.to);
  }
  std::vector<LDAPMod*> mods;
  mods.reserve(parts.size() + 1);
  for (const auto& part : parts) mods.push_back(&part->mod);
  mods.push_back(nullptr);

  begin();
  const int code = ::ldap_modify_ext_s(ldap_, base.text().c_str(), mods.data(), nullptr, nullptr);
  if (code == LDAP_SUCCESS) return;
  judge_change(code, "modify", what);
  if (code == LDAP_NO_SUCH_ATTRIBUTE || code == LDAP_TYPE_OR_VALUE_EXISTS)
    throw Error{ErrorCode::precondition, "{} was changed since it was looked at", what};
  fail(code, "modify an entry of");
}

void Connection::move(const Base& base, const std::string& rdn, const Dn& parent, std::string_view what) {
  begin();
  const int code = ::ldap_rename_s(ldap_, base.text().c_str(), rdn.c_str(), parent.text().c_str(), 1, nullptr, nullptr);
  if (code == LDAP_SUCCESS) return;
  if (code == LDAP_ALREADY_EXISTS)
    throw Error{ErrorCode::refused, "cannot move {}: {} has another {} already", what, parent.text(), rdn};
  judge_change(code, "move", what);
  fail(code, "move an entry of");
}

// -- failures ---------------------------------------------------------------------------------------------------------

std::string Connection::diagnostic() const {
  char* text = nullptr;
  ::ldap_get_option(ldap_, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text);
  std::string copy = text == nullptr ? "" : text;
  ::ldap_memfree(text);
  return copy;
}

void Connection::fail(int code, std::string_view doing) {
  const auto error = [&](ErrorCode as, std::string_view why) {
    return Error{as, "cannot {} the directory {}: {}", doing, endpoint_.url, why};
  };
  if (code < 0) broken_ = true;  // libldap's own codes: the handle has lost the thread
  switch (code) {
    case LDAP_TIMEOUT: throw error(ErrorCode::timed_out, "no answer in time");
    case LDAP_SERVER_DOWN:
    case LDAP_CONNECT_ERROR:
      if (stream_->timed_out()) throw error(ErrorCode::timed_out, "no answer in time");
      throw error(ErrorCode::unreachable, "the connection ended");
    case LDAP_TIMELIMIT_EXCEEDED: throw error(ErrorCode::timed_out, "it took the server too long");
    case LDAP_SIZELIMIT_EXCEEDED:
    case LDAP_ADMINLIMIT_EXCEEDED: throw error(ErrorCode::too_large, "over a limit of the server");
    case LDAP_NO_SUCH_OBJECT: throw error(ErrorCode::not_found, "there is no such place in it");
    case LDAP_INSUFFICIENT_ACCESS: throw error(ErrorCode::denied, "the service account has no right to");
    case LDAP_REFERRAL: throw error(ErrorCode::protocol, "it points to another server, and that is not followed");
    case LDAP_BUSY:
    case LDAP_UNAVAILABLE: throw error(ErrorCode::busy, "it is busy");
    case LDAP_UNWILLING_TO_PERFORM: throw error(ErrorCode::refused, safe_for_terminal(diagnostic()));
    default: break;
  }
  throw Error{ErrorCode::protocol,     "cannot {} the directory {}: {} ({})",         doing, endpoint_.url,
              ::ldap_err2string(code), safe_for_terminal(diagnostic()).substr(0, 200)};
}

}  // namespace decom::directory
