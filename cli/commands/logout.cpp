#include "cli/client/token_file.hpp"
#include "cli/commands/verbs.hpp"

namespace decom::cli {
namespace {

int logout(Context& ctx) {
  const Client client = ctx.client();
  const TokenFile file = TokenFile::of(client.options().socket);
  if (file.is_given())
    throw Error{ErrorCode::usage,
                "DECOMCTL_TOKEN_FILE names a token that programs may need: unset it to end your own login, or end the "
                "token with 'decomctl token revoke'"};
  if (!file.load()) {
    ctx.note("nobody was logged in\n");
    return 0;
  }
  // The file goes whatever the daemon says: a session that could not be ended there ends by its own time.
  struct Removal {
    const TokenFile& file;
    ~Removal() { file.remove(); }
  } const removal{file};
  try {
    client.post("/v1/logout", Json::object());
  } catch (const Error& e) {
    if (e.code() != ErrorCode::unauthenticated) throw;  // it had ended by itself
  }
  ctx.note("logged out\n");
  return 0;
}

}  // namespace

void add_logout(const Verb& program, Context& ctx) {
  const Verb verb = program.verb("logout", "End your login here and in the daemon");
  verb.footer("Examples:\n  decomctl logout");
  verb.run([&ctx] { return logout(ctx); });
}

}  // namespace decom::cli
