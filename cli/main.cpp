#include <cstdio>

#include <sys/prctl.h>

#include "cli/client/unreachable.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/problem.hpp"

using namespace decom;
using namespace decom::cli;

namespace {

/// The last wall: what went wrong becomes text on stderr and an exit code.
int run(Context& ctx) {
  try {
    return ctx.run();
  } catch (const DaemonUnreachable& e) {
    ctx.note(render_error(e, {}, ctx.err()));
    return kExitUnreachable;
  } catch (const Error& e) {
    ctx.note(render_error(e, ctx.query, ctx.err()));
    return traits(e.code()).exit_code;
  } catch (const Json::exception& e) {
    ctx.note(
        render_error(Error{ErrorCode::protocol, "cannot understand decomd's answer: {}", e.what()}, {}, ctx.err()));
    return traits(ErrorCode::protocol).exit_code;
  }
}

}  // namespace

int main(int argc, char** argv) {
  ::prctl(PR_SET_DUMPABLE, 0);  // a core dump would have the login in it, or a password
  Context ctx;
  CLI::App app{"Retires virtual machines and what other systems know of them", "decomctl"};
  add_verbs(app, ctx);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);  // --help, --version
  } catch (const CLI::ParseError& e) {
    ctx.note(usage_text(app, e));
    return traits(ErrorCode::usage).exit_code;
  }
  return run(ctx);
}
