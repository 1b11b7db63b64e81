#include "daemon/api/api.hpp"

#include <cstring>
#include <limits>

#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "daemon/api/problem.hpp"
#include "daemon/api/routes.hpp"
#include "daemon/api/to_wire.hpp"

namespace decom {
namespace {

constexpr std::string_view kLogin = "/v1/login";

bool may(const Principal& who, Access access) {
  switch (access) {
    case Access::anyone: return true;
    case Access::viewer: return who.has(Role::viewer);
    case Access::operator_: return who.has(Role::operator_);
    case Access::admin: return who.has(Role::admin);
  }
  return false;
}

std::string_view name_of(Access access) {
  switch (access) {
    case Access::anyone: return "";
    case Access::viewer: return to_string(Role::viewer);
    case Access::operator_: return to_string(Role::operator_);
    case Access::admin: return to_string(Role::admin);
  }
  return "";
}

Json parse_body(const Route& route, const std::string& body) {
  if (trimmed(body).empty()) return Json::object();
  if (!route.takes_body) throw Error{ErrorCode::usage, "{} {} takes no body", route.method, route.pattern};
  Json parsed = parse_json(body);
  if (!parsed.is_object()) throw Error{ErrorCode::usage, "the body is to be a JSON object"};
  return parsed;
}

/// A password leaves memory with its request.
class Wipe {
 public:
  explicit Wipe(Json& body) : body_(body) {}
  Wipe(const Wipe&) = delete;
  Wipe& operator=(const Wipe&) = delete;
  ~Wipe() {
    const auto found = body_.find("password");
    if (found == body_.end() || !found->is_string()) return;
    auto& text = found->get_ref<std::string&>();
    ::explicit_bzero(text.data(), text.size());
  }

 private:
  Json& body_;
};

}  // namespace

struct Api::Job {
  HttpRequest request;
  std::function<void(HttpAnswer)> respond;
  Match match;
  std::optional<Principal> caller;
};

class Api::Place {
 public:
  Place(Api& api, std::uint32_t uid, bool is_login) : api_(api), uid_(uid), is_login_(is_login) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    const std::lock_guard guard(api_.mutex_);
    const auto load = api_.load_.find(uid_);
    if (is_login_) --load->second.logins;
    if (--load->second.outside == 0) api_.load_.erase(load);
  }

 private:
  Api& api_;
  std::uint32_t uid_;
  bool is_login_;
};

Api::Api(const ApiWorld& world, ApiOptions options)
    : options_(options),
      store_(world.store),
      auth_(world.auth),
      outside_("outside", options.outside_threads, options.outside_waiting),
      api_("api", options.api_threads, std::numeric_limits<std::size_t>::max()) {  // the server bounds connections
  add_auth_routes(router_, world.auth, world.store);
  add_token_routes(router_, world.auth, world.store);
  add_vm_routes(router_, world.inventory, world.clock);
  add_plan_routes(router_, world.admission, world.engine, world.store, options.observers_a_plan);
  add_request_routes(router_, world.admission, world.engine, world.auth, world.store);
  add_record_routes(router_, world.inventory, world.store, world.book);
  add_step_routes(router_, world.book, world.registry);
  add_notice_routes(router_, world.notices, world.store);
  add_event_routes(router_, world.store);
  add_freeze_routes(router_, world.engine, world.auth, world.store);
  add_doctor_routes(router_, {world.store, world.engine, world.inventory, world.book, world.vcenters, world.directory,
                              world.clock, world.reload_trouble, world.notices});
  add_contract_routes(router_);
}

Api::~Api() = default;

void Api::handle(HttpRequest request, std::function<void(HttpAnswer)> respond) {
  auto found = router_.find(request.method, request.path);
  if (auto* refusal = std::get_if<HttpResponse>(&found)) return respond(std::move(*refusal));
  auto job = std::make_shared<Job>(
      Job{std::move(request), std::move(respond), std::get<Match>(std::move(found)), std::nullopt});
  if (job->match.route->where == Where::outside) return go_outside(job);
  if (!api_.post([this, job] { begin(job); }))
    job->respond(problem(Error{ErrorCode::overloaded, "the daemon is stopping"}));
}

/// On an api thread: everything here is quick.
void Api::begin(const std::shared_ptr<Job>& job) {
  const Route& route = *job->match.route;
  if (route.access != Access::anyone) {
    try {
      job->caller = auth_.recall(bearer_of(job->request), job->request.uid, route.old_roles_do);
    } catch (const std::exception&) {
      return finish(*job, []() -> HttpAnswer { throw; });  // rethrows what is being handled
    }
    if (!job->caller) return go_outside(job);  // the directory has to be asked
  }
  run(*job);
}

void Api::go_outside(const std::shared_ptr<Job>& job) {
  try {
    const auto place = take_place(*job);
    const bool is_taken = outside_.post([this, job, place] {
      if (job->match.route->access != Access::anyone) {
        try {
          job->caller = auth_.authenticate(bearer_of(job->request), job->request.uid);
        } catch (const std::exception&) {
          return finish(*job, []() -> HttpAnswer { throw; });
        }
      }
      run(*job);
    });
    if (!is_taken) throw Error{ErrorCode::overloaded, "too many calls wait for the directory or a vCenter: try again"};
  } catch (const Error& e) {
    job->respond(problem(e));
  }
}

std::shared_ptr<Api::Place> Api::take_place(const Job& job) {
  const bool is_login = job.match.route->pattern == kLogin;
  const std::uint32_t uid = job.request.uid;
  const std::lock_guard guard(mutex_);
  Load& load = load_[uid];
  if (is_login && load.logins >= options_.logins_a_uid)
    throw Error{ErrorCode::rate_limited, "{} logins of uid {} are under way already", load.logins, uid};
  if (load.outside >= options_.outside_a_uid)
    throw Error{ErrorCode::rate_limited, "uid {} has {} calls under way already", uid, load.outside};
  ++load.outside;
  if (is_login) ++load.logins;
  return std::make_shared<Place>(*this, uid, is_login);
}

/// Parse all of it, then ask whether the caller may, then act: on one and the same object.
void Api::run(Job& job) {
  finish(job, [&]() -> HttpAnswer {
    const Route& route = *job.match.route;
    const Query query(job.request.query, route.query);
    Json body = parse_body(route, job.request.body);
    const Wipe wipe(body);
    if (job.caller && !may(*job.caller, route.access))
      throw Error{ErrorCode::denied, "{} has no {} role", display_name(job.caller->domain, job.caller->sam),
                  name_of(route.access)};
    return route.handler({job.request, job.match.args, query, body, job.caller ? &*job.caller : nullptr});
  });
}

/// The wall: nothing that is thrown gets past it.
void Api::finish(Job& job, const std::function<HttpAnswer()>& act) {
  HttpAnswer answer;
  try {
    answer = act();
  } catch (const Error& e) {
    answer = problem(e);
    if (e.code() == ErrorCode::denied && job.caller && job.request.method != "GET") {
      try {
        store_.audit("denied", job.request.method + " " + job.request.path.substr(0, 200), e.what(), job.caller->sid,
                     display_name(job.caller->domain, job.caller->sam), job.request.uid);
      } catch (const Error& trouble) {
        log::error("api", "cannot write the audit entry of a denied call: {}", trouble.what());
      }
    }
  } catch (const std::exception& e) {
    answer = problem_of_unknown(job.request.path.substr(0, 200), e.what());
  }
  ::explicit_bzero(job.request.body.data(), job.request.body.size());  // a login's has a password in it
  job.respond(std::move(answer));
}

}  // namespace decom
