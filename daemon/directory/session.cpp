#include "daemon/directory/session.hpp"

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "daemon/directory/ldif.hpp"

namespace decom::directory {

namespace {

constexpr std::size_t kMostKept = 4;
/// Then a new one is opened: at the first URL again, and with the password as it is by now.
constexpr std::chrono::minutes kLongestLife{5};

DomainFacts read_facts(Connection& connection, const Endpoint& endpoint) {
  const auto root = connection.read(
      Base::root(), {"dnsHostName", "defaultNamingContext", "configurationNamingContext", "schemaNamingContext"});
  const auto no_ad = [&] {
    return Error{ErrorCode::protocol, "the directory {} is not an Active Directory domain controller", endpoint.url};
  };
  if (!root) throw no_ad();
  DomainFacts facts{.controller = root->first("dnsHostName"),
                    .domain_dn = root->first("defaultNamingContext"),
                    .netbios_name = {},
                    .dns_name = {},
                    .schema_dn = root->first("schemaNamingContext")};
  const auto partitions = Dn::parse("CN=Partitions," + root->first("configurationNamingContext"));
  if (facts.controller.empty() || facts.domain_dn.empty() || facts.schema_dn.empty() || !partitions) throw no_ad();
  const auto found = connection.search(
      Base::of(*partitions), Scope::children,
      Filter::all({Filter::equals("objectClass", "crossRef"), Filter::equals("nCName", facts.domain_dn)}),
      {"nETBIOSName", "dnsRoot"});
  if (found.size() != 1) throw no_ad();
  facts.netbios_name = found[0].first("nETBIOSName");
  facts.dns_name = found[0].first("dnsRoot");
  return facts;
}

}  // namespace

bool Session::is_secret(std::string_view attribute) {
  if (!confidential_) {
    const auto schema = Dn::parse(facts_.schema_dn);
    if (!schema) throw Error{ErrorCode::protocol, "the directory {} has no schema", endpoint_.url};
    constexpr unsigned kConfidential = 0x80;  // [MS-ADTS] 2.2.9, fCONFIDENTIAL
    std::set<std::string> names;
    for (const Entry& found : connection_->search(Base::of(*schema), Scope::children,
                                                  Filter::has_bits("searchFlags", kConfidential), {"lDAPDisplayName"}))
      names.insert(folded(found.first("lDAPDisplayName")));
    confidential_ = std::move(names);
  }
  return is_known_secret(attribute) || confidential_->contains(folded(attribute.substr(0, attribute.find(';'))));
}

Sessions::Sessions(const DirectoryOptions& options) : options_(options) {
  if (options.urls.empty()) throw Error{ErrorCode::invalid, "the directory has no URL"};
  for (const std::string& url : options.urls) {
    Endpoint endpoint = Endpoint::parse(url, options.starttls);
    endpoint.address = options.address;
    endpoint.ca_file = options.ca_file;
    endpoints_.push_back(std::move(endpoint));
  }
  if (options.bind_dn.empty()) throw Error{ErrorCode::invalid, "the directory has no bind_dn"};
}

std::unique_ptr<Session> Sessions::take() {
  std::vector<std::unique_ptr<Session>> old;  // closed outside of the lock
  const std::lock_guard lock{mutex_};
  while (!kept_.empty()) {
    std::unique_ptr<Session> session = std::move(kept_.back());
    kept_.pop_back();
    if (std::chrono::steady_clock::now() - session->opened() < kLongestLife) return session;
    old.push_back(std::move(session));
  }
  return nullptr;
}

void Sessions::keep(std::unique_ptr<Session> session) {
  const std::lock_guard lock{mutex_};
  if (kept_.size() < kMostKept && !session->connection().is_broken()) kept_.push_back(std::move(session));
}

void Sessions::forget_all() {
  std::vector<std::unique_ptr<Session>> dead;  // closed outside of the lock
  const std::lock_guard lock{mutex_};
  dead.swap(kept_);
}

Secret Sessions::read_password(ErrorCode wrong_password) {
  Secret password;
  std::filesystem::file_time_type written;
  try {
    password = read_secret_file(options_.password_file);
    written = std::filesystem::last_write_time(options_.password_file);
  } catch (const std::exception& e) {
    throw Error{ErrorCode::unreachable, "cannot log on to the directory as {}: {}", options_.bind_dn, e.what()};
  }
  const std::lock_guard lock{mutex_};
  if (refused_ && refused_->written == written &&
      equal_in_constant_time(refused_->password.expose(), password.expose()))
    throw Error{wrong_password,
                "cannot log on to the directory as {}: its password was refused, and is not tried again before {} is "
                "written anew",
                options_.bind_dn, options_.password_file.string()};
  return password;
}

std::unique_ptr<Session> Sessions::open(ErrorCode wrong_password) {
  const Secret password = read_password(wrong_password);
  std::optional<Error> first;
  for (const Endpoint& endpoint : endpoints_) {
    std::optional<BindDiagnosis> refusal;
    try {
      std::unique_ptr<Connection> connection = Connection::open(endpoint, options_.timeout);
      refusal = connection->bind(options_.bind_dn, password);
      if (!refusal) {
        DomainFacts facts = read_facts(*connection, endpoint);
        return std::make_unique<Session>(std::move(connection), endpoint, std::move(facts));
      }
    } catch (const Error& e) {
      if (endpoints_.size() > 1) log::warning("directory", "{}", e.what());
      if (!first) first = e;
    }
    // The same password at the next domain controller would count as one more wrong one.
    if (refusal) throw_refused(endpoint, password, *refusal, wrong_password);
  }
  throw *first;
}

void Sessions::throw_refused(const Endpoint& endpoint, const Secret& password, const BindDiagnosis& refusal,
                             ErrorCode wrong_password) {
  const bool is_wrong = refusal.code == ErrorCode::unauthenticated;
  if (is_wrong) {
    std::error_code unreadable;
    const auto written = std::filesystem::last_write_time(options_.password_file, unreadable);
    const std::lock_guard lock{mutex_};
    refused_ = Refused{.password = password, .written = written};
  }
  // Not `denied`: that would tell whoever asks that it is *their* account.
  throw Error{is_wrong ? wrong_password : ErrorCode::unreachable,
              "cannot log on to the directory {} as {}: {}{}",
              endpoint.url,
              options_.bind_dn,
              refusal.words,
              is_wrong ? "; the password is that of " + options_.password_file.string() : ""};
}

}  // namespace decom::directory
