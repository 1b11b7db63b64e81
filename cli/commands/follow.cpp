#include "cli/commands/follow.hpp"

#include <algorithm>
#include <set>

#include <unistd.h>

#include "cli/client/event_stream.hpp"
#include "cli/client/unreachable.hpp"
#include "cli/commands/live_screen.hpp"
#include "cli/commands/signals.hpp"
#include "cli/commands/terminal.hpp"
#include "cli/render/events.hpp"
#include "cli/render/output.hpp"
#include "cli/render/progress.hpp"
#include "cli/render/requests.hpp"

namespace decom::cli {
namespace {

using namespace std::chrono_literals;
constexpr int kExitInterrupted = 130;
constexpr auto kFrame = 50ms;  ///< between two pictures
constexpr auto kTick = 1s;     ///< the clock in the picture moves

class Follower {
 public:
  Follower(Context& ctx, const Follow& what)
      : ctx_(ctx), what_(what), client_(ctx.client()), progress_(what.machines), show_(what.show) {
    const bool draws = show_ == Follow::Show::live || show_ == Follow::Show::log;
    if (draws && !can_redraw(STDOUT_FILENO)) show_ = Follow::Show::lines;
  }

  int run() {
    const std::int64_t since = load();
    const bool endless = what_.requests.empty();
    if (!endless && progress_.is_settled() && !what_.since) return finish();
    EventQuery query{.since = what_.since.value_or(since), .request = {}, .machine = {}, .until_settled = false};
    if (what_.requests.size() == 1) query.request = what_.requests.front();
    // The daemon knows where one request ends. Of several, or of some machines, each end is an event.
    query.until_settled = query.request && what_.machines.empty();
    EventStream stream(client_, query, [this](const std::string& why) { away(why); });
    draw();
    for (;;) {
      const auto next = stream.next(next_picture(), signals_.fd());
      switch (next.what) {
        case EventStream::Next::What::event: take(next); break;
        case EventStream::Next::What::late:
          if (!endless && !query.until_settled && progress_.is_settled() && silent()) return finish();
          break;
        case EventStream::Next::What::ended:
          if (is_over()) return finish();
          stream.go_on();
          break;
        case EventStream::Next::What::woken:
          if (signals_.take() == Signals::What::interrupted) return detach();
          changed_ = true;
          break;
      }
      draw();
      if (!endless && !query.until_settled && progress_.is_settled() && ended_.empty()) return finish();
    }
  }

 private:
  /// Whether an end of the stream is that of the request, or only that of the daemon.
  bool is_over() {
    try {
      for (const std::int64_t request : what_.requests) reload(request);
    } catch (const DaemonUnreachable&) {
      return false;
    }
    return progress_.is_settled();
  }

  /// Nothing has come for a while: of what has settled, nothing more will.
  [[nodiscard]] bool silent() const { return std::chrono::steady_clock::now() > heard_ + kTick; }

  [[nodiscard]] bool draws() const { return show_ == Follow::Show::live || show_ == Follow::Show::log; }

  void reload(std::int64_t request) {
    progress_.load(client_.get("/v1/requests/" + std::to_string(request)).get<api::Request>());
    changed_ = true;
  }

  /// Reads what is to be followed; returns the number behind which its events are news.
  std::int64_t load() {
    std::int64_t since = -1;
    const auto add = [&](std::int64_t request) {
      reload(request);
      const std::int64_t last = progress_.requests().at(request).request.last_event;
      since = since < 0 ? last : std::min(since, last);
    };
    for (const std::int64_t request : what_.requests) add(request);
    for (const auto& [request, watched] : progress_.requests())
      for (const auto& machine : watched.machines)
        if (what_.since || !is_settled_state(machine.now.state)) ended_.insert(machine.now.id);
    if (what_.requests.empty()) {
      const Json page = client_.get("/v1/requests", {{"live", "true"}, {"limit", "100"}});
      for (const Json& row : page.at("items")) add(row.at("id").get<std::int64_t>());
    }
    if (since < 0) {  // nothing is live: what comes is news to the newest request
      const Json newest = client_.get("/v1/requests", {{"limit", "1"}});
      since = 0;
      for (const Json& row : newest.at("items"))
        since =
            client_.get("/v1/requests/" + std::to_string(row.at("id").get<std::int64_t>())).value("last_event", since);
    }
    return since;
  }

  [[nodiscard]] bool is_wanted(const api::Event& event) const {
    if (what_.requests.empty()) return true;
    if (!event.request || std::ranges::find(what_.requests, *event.request) == what_.requests.end()) return false;
    return what_.machines.empty() || !event.decommission ||
           std::ranges::find(what_.machines, *event.decommission) != what_.machines.end();
  }

  void take(const EventStream::Next& next) {
    const api::Event& event = next.event;
    heard_ = std::chrono::steady_clock::now();
    if (!is_wanted(event)) return;
    if (event.kind == "decommission.finished" && event.decommission) ended_.erase(*event.decommission);
    switch (show_) {
      case Follow::Show::lines: ctx_.print(event_line(event, ctx_.out()) + "\n"); break;
      case Follow::Show::ndjson: ctx_.print(as_ndjson(Json::array({next.raw}), ::isatty(STDOUT_FILENO) == 1)); break;
      case Follow::Show::log:
        if (event.kind != "step.progress") log_.push_back(event_line(event, ctx_.out()));
        break;
      case Follow::Show::live:
      case Follow::Show::nothing: break;
    }
    changed_ = true;
    const bool is_new = event.request && !progress_.knows(*event.request);
    if (is_new || progress_.apply(event)) {
      try {
        reload(*event.request);
      } catch (const DaemonUnreachable&) {
        stale_ = *event.request;  // the stream will find the daemon again
      }
    } else if (stale_) {
      const std::int64_t request = *stale_;
      stale_.reset();
      reload(request);
    }
  }

  void draw() {
    if (!draws()) return;
    const auto now = std::chrono::steady_clock::now();
    if (!changed_ && now < drawn_ + kTick) return;
    if (now < drawn_ + kFrame) return;
    picture(false);
    drawn_ = now;
    changed_ = false;
  }

  void picture(bool whole) {
    const Style style = ctx_.out();
    const std::size_t most = whole ? std::size_t{1} << 20U : std::max<std::size_t>(style.height, 4) - 1;
    auto lines = progress_lines(progress_, ctx_.now(), style, most);
    if (!trouble_.empty() && !whole) {
      if (lines.size() >= most) lines.pop_back();
      lines.push_back(painted(style, Color::yellow, trouble_));
    }
    ctx_.print(screen_.draw(lines, log_, style));
    log_.clear();
  }

  [[nodiscard]] Deadline next_picture() const {
    if (!draws())
      return Deadline::in(progress_.is_settled() ? std::chrono::milliseconds{kTick} : std::chrono::hours{1});
    return Deadline::at(drawn_ + (changed_ ? std::chrono::milliseconds{kFrame} : std::chrono::milliseconds{kTick}));
  }

  void away(const std::string& why) {
    if (draws()) {
      trouble_ = why.empty() ? "" : "decomd is away; trying again";
      changed_ = true;
      draw();
    } else if (show_ != Follow::Show::nothing) {
      ctx_.note(why.empty() ? "decomd is back\n" : "decomd is away; trying again\n");
    }
    if (!why.empty()) return;
    for (const auto& [request, watched] : std::map(progress_.requests())) reload(request);
  }

  int finish() {
    if (draws()) picture(true);
    return exit_code_of(progress_.states());
  }

  int detach() {
    if (draws()) picture(false);
    const std::string id = what_.requests.empty() ? std::string{} : std::to_string(what_.requests.front());
    if (what_.cancelled)
      ctx_.note("not waited for any longer; the cancel of request " + id + " stands. See 'decomctl status " + id +
                "'.\n");
    else if (id.empty())
      ctx_.note("detached; everything goes on\n");
    else
      ctx_.note("detached; request " + id + " goes on. Come back with 'decomctl watch " + id +
                "', stop it with 'decomctl cancel " + id + "'.\n");
    return kExitInterrupted;
  }

  Context& ctx_;
  const Follow& what_;
  Client client_;
  Progress progress_;
  Follow::Show show_;
  Signals signals_;
  LiveScreen screen_;
  std::vector<std::string> log_;
  std::string trouble_;
  std::optional<std::int64_t> stale_;
  std::set<std::string> ended_;  ///< machines whose last event has not come yet
  std::chrono::steady_clock::time_point heard_ = std::chrono::steady_clock::now();
  bool changed_ = true;
  std::chrono::steady_clock::time_point drawn_{};
};

}  // namespace

int follow(Context& ctx, const Follow& what) { return Follower(ctx, what).run(); }

void WaitOptions::add(const Verb& verb) {
  const Option watch_flag = verb.flag("--watch", watch, "Follow it live until it has settled");
  const Option wait_flag = verb.flag("--wait", wait, "Say nothing until it has settled; the exit code tells how");
  const Option no_wait_flag = verb.flag("--no-wait", no_wait, "Return at once; this is the default");
  watch_flag.excludes(wait_flag);
  no_wait_flag.excludes(watch_flag).excludes(wait_flag);
}

int WaitOptions::run(Context& ctx, std::int64_t request, std::vector<std::string> machines) const {
  if (!watch && !wait) return 0;
  return follow(ctx, {.requests = {request},
                      .machines = std::move(machines),
                      .since = {},
                      .show = watch ? Follow::Show::live : Follow::Show::nothing});
}

}  // namespace decom::cli
