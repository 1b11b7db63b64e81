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
  if (const auto done = parse_line(argc, argv, ctx)) return *done;
  return run(ctx);
}
