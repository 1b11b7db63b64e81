#include <fstream>
#include <iostream>
#include <iterator>

#include "cli/commands/verbs.hpp"

namespace decom::cli {
namespace {

struct ApiOptions {
  std::string method;
  std::string path;
  std::string input;
  std::vector<std::string> headers;
};

std::string body_of(const std::string& input) {
  if (input.empty()) return {};
  if (input == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream in(input, std::ios::binary);
  if (!in) throw Error{ErrorCode::usage, "cannot read {}", input};
  return {std::istreambuf_iterator<char>(in), {}};
}

int api(const ApiOptions& options, Context& ctx) {
  HttpCall call{.method = options.method, .target = options.path, .headers = {}, .body = body_of(options.input)};
  for (char& c : call.method) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  if (!call.body.empty()) call.headers.emplace_back("Content-Type", "application/json");
  for (const std::string& header : options.headers) {
    const auto colon = header.find(':');
    if (colon == std::string::npos)
      throw Error{ErrorCode::usage, "'{}' is not a header, such as 'Accept: application/x-ndjson'", header};
    const auto from = header.find_first_not_of(' ', colon + 1);
    call.headers.emplace_back(header.substr(0, colon), from == std::string::npos ? "" : header.substr(from));
  }
  const Reply reply = ctx.client().call(std::move(call), [&](std::string_view piece) { ctx.print(piece); });
  if (reply.status < 300) return 0;
  ctx.print(reply.body);
  throw to_error(reply);
}

}  // namespace

void add_api(const Verb& program, Context& ctx) {
  auto options = std::make_shared<ApiOptions>();
  const Verb verb = program.verb("api", "Call the HTTP API as it is, and print the answer untouched");
  verb.option("method", options->method, "GET, POST, DELETE")
      .required()
      .type_name("METHOD")
      .suggests({"GET", "POST", "DELETE"});
  verb.option("path", options->path, "Such as /v1/vms?q=web; percent-encoded").required().type_name("PATH");
  verb.option("--input", options->input, "A file with the body; - is stdin")
      .type_name("FILE")
      .completes(ValueSpec::Kind::file);
  verb.option("-H,--header", options->headers, "A further header; may be repeated")
      .type_name("'NAME: VALUE'")
      .one_a_time();
  verb.footer(
      "Examples:\n"
      "  decomctl api GET /v1/openapi.json\n"
      "  decomctl api GET '/v1/events?since=0' -H 'Accept: application/x-ndjson'\n"
      "  echo '{\"machines\":[\"lab:vm-123\"]}' | decomctl api POST /v1/plans --input -");
  verb.run([options, &ctx] { return api(*options, ctx); });
}

}  // namespace decom::cli
