#include <iostream>

#include <pwd.h>
#include <unistd.h>

#include "cli/client/token_file.hpp"
#include "cli/commands/terminal.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/times.hpp"
#include "common/api/auth.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

struct LoginOptions {
  std::string user;
  bool password_stdin = false;
};

std::string own_name() {
  const passwd* self = ::getpwuid(::geteuid());
  if (self == nullptr) throw Error{ErrorCode::usage, "say who you are: decomctl login USER"};
  return self->pw_name;
}

Secret read_password(const LoginOptions& options, const std::string& user) {
  if (options.password_stdin) {
    std::string line;
    std::getline(std::cin, line);
    if (line.ends_with('\r')) line.pop_back();
    return Secret{std::move(line)};
  }
  auto typed = ask_secret("Password of " + safe_for_terminal(user) + ": ");
  if (!typed)
    throw Error{ErrorCode::usage, "there is no terminal to ask for the password on; give it with --password-stdin"};
  return std::move(*typed);
}

int login(const LoginOptions& options, Context& ctx) {
  const Client client = ctx.client();
  const std::string user = options.user.empty() ? own_name() : options.user;
  if (TokenFile::of(client.options().socket).is_given())
    throw Error{ErrorCode::usage, "DECOMCTL_TOKEN_FILE names the login already; unset it to keep another one"};
  // Nobody types a password for a daemon that is not there, or that is somebody else's.
  static_cast<void>(client.get("/v1/health"));
  const Secret password = read_password(options, user);
  if (password.empty()) throw Error{ErrorCode::usage, "an empty password is none"};
  Json answer = client.post("/v1/login", api::LoginBody{user, password.expose()});
  const Secret token{answer.at("token").get<std::string>()};
  answer.erase("token");
  TokenFile::of(client.options().socket).save(token);
  const auto who = answer.at("who").get<api::WhoAmI>();
  ctx.note("logged in as " + safe_for_terminal(who.user) + " (" + safe_for_terminal(join(who.roles, ", ")) +
           ") until " + safe_for_terminal(local_time(std::string_view(answer.value("expires", "")))) + "\n");
  return 0;
}

}  // namespace

void add_login(const Verb& program, Context& ctx) {
  auto options = std::make_shared<LoginOptions>();
  const Verb verb = program.verb("login", "Prove to the directory who you are");
  verb.option("user", options->user, "Your name in the directory; without it, your name on this host")
      .type_name("USER");
  verb.flag("--password-stdin", options->password_stdin, "Read the password from stdin instead of asking");
  verb.footer(
      "The password is asked for on the terminal without echo, sent to decomd over its socket, and kept nowhere.\n"
      "The login is kept in $XDG_RUNTIME_DIR/decom, else ~/.cache/decom, and ends by itself after some hours.\n\n"
      "Examples:\n"
      "  decomctl login\n"
      "  decomctl login 'CORP\\alice'\n"
      "  pass show work/ad | decomctl login alice@corp.example.test --password-stdin");
  verb.run([options, &ctx] { return login(*options, ctx); });
}

}  // namespace decom::cli
