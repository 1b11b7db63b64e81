#include "daemon/vsphere/session.hpp"

#include <charconv>
#include <utility>

#include <sys/stat.h>

#include "common/base/text.hpp"

namespace decom::vsphere {
namespace {

const MoRef kServiceInstance{"ServiceInstance", "ServiceInstance"};
// What is spoken where a server does not say; everything that we call is in it.
constexpr std::string_view kOldest = "6.5";

constexpr int kStreamFactor = 20;  // a streamed answer may take as many read timeouts in all

std::pair<int, int> numbers_of(std::string_view version) {
  int major = 0;
  int minor = 0;
  const char* const end = version.data() + version.size();
  const auto [dot, error] = std::from_chars(version.data(), end, major);
  if (error == std::errc{} && dot != end && *dot == '.') std::from_chars(dot + 1, end, minor);
  return {major, minor};
}

bool means_logged_out(const SoapFault& fault) { return fault.name == "NotAuthenticated"; }

}  // namespace

bool Service::speaks(int major, int minor) const { return numbers_of(version) >= std::pair{major, minor}; }

Session::Session(const VcenterOptions& options, Clock& clock) : options_(options), clock_(clock), transport_(options) {}

Session::~Session() {
  State last;
  {
    const std::lock_guard lock(mutex_);
    last = std::exchange(state_, {});
  }
  if (last.cookie.empty()) return;
  try {  // vCenter allows some hundreds of sessions in all, and keeps one that was left for half an hour
    exchange(SoapCall("Logout", last.service->session_manager), {.what = "log out"}, last.service->version,
             last.cookie);
  } catch (const std::exception&) {  // it ends by itself then
  }
}

std::shared_ptr<const Service> Session::service() { return current({}).service; }

SoapReply Session::call(const SoapCall& call, const CallOptions& options) {
  SoapReply reply = ask(call, options);
  if (reply.fault) throw error_of(*reply.fault, options.what, options.kind == CallKind::change);
  return reply;
}

SoapReply Session::ask(const SoapCall& call, const CallOptions& options) {
  std::string uuid = known_uuid();
  for (int round = 1;; ++round) {
    const State state = current(options.stop);
    // The caller looked at the machine before it changes it. If another vCenter has come to this URL since, the same
    // MoRef is another machine there.
    if (options.kind == CallKind::change && !uuid.empty() && uuid != state.service->about.instance_uuid)
      throw Error{ErrorCode::refused,
                  "cannot {}: at {} there is another vCenter by now (instance UUID {} instead of {})",
                  options.what,
                  options_.url,
                  state.service->about.instance_uuid,
                  uuid};
    uuid = state.service->about.instance_uuid;
    bool delivered = false;
    std::string why;
    try {
      SoapReply reply = exchange(call, options, state.service->version, state.cookie, nullptr, &delivered);
      if (!reply.fault || !means_logged_out(*reply.fault)) return reply;
      why = reply.fault->message;
    } catch (const Error& error) {
      // RetrievePropertiesEx answers 200 and says in each object's missingSet that nobody is logged in.
      if (error.code() != ErrorCode::unauthenticated) throw;
      why = error.what();
    }
    // Refused because nobody is logged in: nothing has happened, so a change may be sent again too.
    forget(state.service->generation);
    if (!options.repeat || delivered || round == 2)
      throw Error{ErrorCode::unauthenticated, "cannot {}: the session with vCenter {} has ended", options.what,
                  options_.name};
  }
}

std::string Session::known_uuid() {
  const std::lock_guard lock(mutex_);
  return uuid_;
}

void Session::check(std::uint64_t generation) {
  State state;
  {
    const std::lock_guard lock(mutex_);
    if (state_.cookie.empty() || state_.service->generation != generation) return;
    state = state_;
  }
  const CallOptions options{.what = "check the session"};
  SoapCall ask("RetrievePropertiesEx", state.service->property_collector);
  ask.open("specSet").open("propSet").element("type", "SessionManager").element("pathSet", "currentSession").close();
  ask.open("objectSet").ref("obj", state.service->session_manager).close().close().open("options").close();
  const SoapReply reply = exchange(ask, options, state.service->version, state.cookie);
  const auto key = descend(reply.returnval(), {"objects", "propSet", "val", "key"});
  if (reply.fault || !key) forget(generation);
}

Session::State Session::current(const std::stop_token& stop) {
  std::uint64_t seen = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!state_.cookie.empty()) return state_;
    seen = attempts_;
  }
  const std::lock_guard one_at_a_time(login_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (!state_.cookie.empty()) return state_;
    // Somebody tried while we waited, and it failed: it fails for us too, or twenty callers would wait in a row.
    if (attempts_ != seen && last_failure_) throw *last_failure_;
  }
  std::optional<Error> failure;
  State opened;
  try {
    opened = log_in(stop);
  } catch (const Error& error) {
    failure = error;
  }
  const std::lock_guard lock(mutex_);
  if (!failure) {
    ++attempts_;
    last_failure_.reset();
    uuid_ = opened.service->about.instance_uuid;
    return state_ = opened;
  }
  if (failure->code() != ErrorCode::cancelled) {
    ++attempts_;
    last_failure_ = failure;
  }
  throw *failure;
}

Session::State Session::log_in(const std::stop_token& stop) {
  const FileMark mark = mark_of_password();
  if (refused_ == mark)
    throw Error{ErrorCode::unauthenticated,
                "cannot log in to vCenter {} as {}: the password was refused, and {} has not changed since",
                options_.name, options_.username, options_.password_file.string()};
  Service service = read_service(stop);
  SoapCall login("Login", service.session_manager);
  login.element("userName", options_.username).element("password", password().expose());
  State opened;
  const SoapReply reply = exchange(login, {.what = "log in to vCenter " + options_.name, .fresh = true, .stop = stop},
                                   service.version, {}, &opened.cookie);
  if (reply.fault) {
    const Error error =
        error_of(*reply.fault, "log in to vCenter " + options_.name + " as " + options_.username, false);
    // Accounts lock after a few wrong passwords: the same file is not tried twice.
    if (error.code() == ErrorCode::unauthenticated) refused_ = mark;
    throw error;
  }
  if (opened.cookie.empty())
    throw Error{ErrorCode::protocol, "cannot log in to vCenter {}: it gave no session cookie", options_.name};
  refused_.reset();
  service.account = text_of(reply.returnval(), "userName");
  service.generation = ++generation_;
  opened.service = std::make_shared<const Service>(std::move(service));
  return opened;
}

void Session::forget(std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  if (!state_.cookie.empty() && state_.service->generation == generation) state_ = {};
}

Service Session::read_service(const std::stop_token& stop) {
  Service service;
  service.version = negotiate(stop);
  const CallOptions options{.what = "read what vCenter " + options_.name + " is", .stop = stop};
  const SoapReply reply = exchange(SoapCall("RetrieveServiceContent", kServiceInstance), options, service.version, {});
  if (reply.fault) throw error_of(*reply.fault, options.what, false);
  const auto content = reply.returnval();
  const auto about = child_named(content, "about");
  service.about = {text_of(about, "fullName"), text_of(about, "version"), folded(text_of(about, "instanceUuid"))};
  if (service.about.instance_uuid.empty())
    throw Error{ErrorCode::protocol, "{} is not a vCenter: it has no instanceUuid", options_.url};
  const auto ref = [&](std::string_view name) { return moref_of(child_named(content, name)); };
  service.root_folder = ref("rootFolder");
  service.property_collector = ref("propertyCollector");
  service.view_manager = ref("viewManager");
  service.search_index = ref("searchIndex");
  service.authorization = ref("authorizationManager");
  service.task_manager = ref("taskManager");
  service.session_manager = ref("sessionManager");
  service.custom_fields = ref("customFieldsManager");
  service.user_directory = ref("userDirectory");
  if (service.property_collector.empty() || service.session_manager.empty() || service.root_folder.empty())
    throw Error{ErrorCode::protocol, "cannot read what vCenter {} is", options_.name};
  return service;
}

std::string Session::negotiate(const std::stop_token& stop) {
  std::string body;
  const HttpAnswer answer = http({.method = "GET",
                                  .path = transport_.path() + "/vimServiceVersions.xml",
                                  .what = "ask vCenter " + options_.name + " for its versions",
                                  .whole = options_.read_timeout,
                                  .stop = stop},
                                 body);
  if (answer.status != 200) return std::string(kOldest);
  const auto document = read_document(body);
  const auto root = child_named(document, "namespaces");
  for (auto space = child_named(root, "namespace"); space; space = next_named(space, "namespace"))
    if (text_of(space, "name") == "urn:vim25") {
      // A server takes every older client, so its own version will do.
      std::string version = text_of(space, "version");
      if (!version.empty() && version.size() < 32) return version;
    }
  return std::string(kOldest);
}

HttpAnswer Session::http(const HttpRequest& request, std::string& body) {
  body.clear();
  return transport_.perform(request, [&](int, std::string_view bytes) {
    if (body.size() + bytes.size() > XmlLimits{}.skeleton_bytes)
      throw Error{ErrorCode::protocol, "cannot {}: the answer is larger than 16 MB", request.what};
    body.append(bytes);
  });
}

Secret Session::password() const { return read_secret_file(options_.password_file); }

Session::FileMark Session::mark_of_password() const {
  struct stat info {};
  if (::stat(options_.password_file.c_str(), &info) != 0) return {};  // reading it says why
  const auto ns = [](const timespec& t) { return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec; };
  return {info.st_ino, ns(info.st_mtim), ns(info.st_ctim), info.st_size};
}

SoapReply Session::exchange(const SoapCall& call, const CallOptions& options, const std::string& version,
                            const Secret& cookie, Secret* set_cookie, bool* delivered) {
  const bool change = options.kind == CallKind::change;
  const bool streaming = !options.streamed.empty();
  XmlScanner scanner(options.streamed, [&](std::string& piece) {
    const auto document = parse_xml_in_place(piece);
    pugi::xml_node wrapper = first_element(document);
    while (is_named(first_element(wrapper), "w")) wrapper = first_element(wrapper);
    options.piece(wrapper);
    if (delivered != nullptr) *delivered = true;
  });
  HttpRequest request{.path = transport_.path(),
                      .body = call.envelope(),
                      .headers = {"Content-Type: text/xml; charset=utf-8", "SOAPAction: \"urn:vim25/" + version + "\"",
                                  "User-Agent: decomd/" DECOM_VERSION},
                      .cookie = cookie,
                      .kind = options.kind,
                      .fresh = options.fresh,
                      .what = options.what,
                      .stop = options.stop};
  if (change) {
    request.whole = options_.call_timeout;
  } else if (streaming) {  // as long as it goes on it may take long, but not for ever
    request.whole = options.wait + kStreamFactor * options_.read_timeout;
    request.first_byte = options.wait + options_.read_timeout;
    request.silence = options_.read_timeout;
  } else {
    request.whole = options.wait + options_.read_timeout;
  }
  HttpAnswer answer = transport_.perform(request, [&](int status, std::string_view bytes) {
    if (status == 200 || status == 500) scanner.feed(bytes);  // other bodies are a proxy's
  });
  if (answer.status == 502 || answer.status == 503 || answer.status == 504)
    throw Error{change ? ErrorCode::lost : ErrorCode::unreachable, "cannot {}: vCenter {} answers HTTP {}",
                options.what, options_.name, answer.status};
  if (answer.status != 200 && answer.status != 500)
    throw Error{change ? ErrorCode::lost : ErrorCode::protocol, "cannot {}: vCenter {} answers HTTP {}", options.what,
                options_.name, answer.status};
  try {
    SoapReply reply = read_reply(parse_xml(scanner.finish()), call.method());
    if (set_cookie != nullptr) *set_cookie = std::move(answer.cookie);
    return reply;
  } catch (const Error& error) {
    if (!change) throw;
    throw Error{ErrorCode::lost, "cannot {}: the call was sent, and {}", options.what, error.what()};
  }
}

}  // namespace decom::vsphere
