#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/records/definition.hpp"
#include "daemon/records/http_document.hpp"
#include "daemon/records/http_template.hpp"

namespace decom::http {

/// What a part of an answer must say. `one_of` are templates.
struct Expectation {
  Selector at;
  std::vector<Template> one_of;  ///< empty: that it is there at all
  bool every = false;            ///< each value must be one of them, not just any
  std::string otherwise;         ///< for people, when it does not hold; may be empty
};

/// One HTTP request with holes.
struct Request {
  std::string method = "GET";
  std::vector<Template> path;  ///< segments, below the path of the URL
  std::vector<std::pair<std::string, Template>> query;
  std::vector<std::pair<std::string, Template>> headers;
  std::vector<std::pair<std::string, Template>> form;
  std::optional<nlohmann::json> body;
  std::vector<Expectation> expect;
  std::vector<std::pair<std::string, Selector>> capture;  ///< variables for the requests behind it
  bool changes = false;
  std::optional<Selector> items;  ///< where records are in its answer, if not where the item says
  Selector shows;                 ///< what `check` tells a person; empty: nothing

  /// Names of all variables in it.
  [[nodiscard]] std::set<std::string, std::less<>> variables() const;
};

/// What an answer means.
enum class Meaning { ok, gone, retry, denied, unauthenticated, failed };

/// What a request is for: codes may differ.
enum class Purpose { find, read, remove, verify, control, login, silence, lift };

/// The first rule that fits decides.
struct CodeRule {
  std::vector<std::int64_t> status;  ///< none: any
  std::optional<Selector> at;
  std::vector<std::string> equals;    ///< any value at `at` is one of these
  std::vector<std::string> contains;  ///< any value at `at`, or without one the body, has one of these within
  std::vector<Purpose> only;          ///< none: all
  Meaning means = Meaning::failed;
};

enum class CredentialType { none, basic, bearer, header, token, certificate, login, oauth2 };

struct Credential {
  CredentialType type = CredentialType::none;
  std::string username;
  std::string secret_file;  ///< password, token or client secret, by name
  std::string header;       ///< that carries the token
  std::string prefix;       ///< before the token in it: "Bearer "
  std::string certificate_file;
  std::string key_file;
  Request login;
  std::optional<Selector> token_at;
  std::string token_header;
  std::string token_cookie;
  std::string token_url;  ///< oauth2
  std::string scope;
  bool basic_login = false;       ///< login: name and password as basic authentication
  bool client_in_header = false;  ///< oauth2: client id and secret as basic authentication

  /// "the credential in icinga.password"; where to look, never what is in it.
  [[nodiscard]] std::string words() const;
};

/// Which page is asked for stands in the query as `parameter`, or wherever the requests of `find` say {{page}}.
struct Pages {
  std::optional<Selector> next;    ///< URL or path of the next page
  std::optional<Selector> cursor;  ///< the next page
  std::string parameter;
  bool in_requests = false;  ///< {{page}} is in each of them
  bool by_item = false;      ///< it counts items, not pages
  std::int64_t first = 0;
  std::int64_t size = 0;
  std::string size_parameter;
  std::int64_t most = 100;
};

/// Why a record must not be removed.
struct Forbidden {
  Selector at;
  std::vector<std::string> equals;
  std::vector<std::string> unless;
  std::string because;
};

/// What `remove` does to a record, where it leaves it there.
struct Effect {
  std::string verb;               ///< for people: "retire"; empty: it removes
  std::string done;               ///< for people, once it is so: "is retired"
  std::vector<Expectation> when;  ///< that it is so
};

/// Where else the system says whose record it is: more of the same evidence, by the record's id.
struct Also {
  Request request;
  std::vector<Selector> names;
  std::vector<Selector> addresses;
  std::vector<Selector> uuids;
  std::vector<Selector> macs;
};

/// How a record is read from an answer.
struct Item {
  Selector items;
  std::vector<Selector> id;
  Template what;
  std::vector<Selector> names;
  std::vector<Selector> addresses;
  std::vector<Selector> uuids;
  std::vector<Selector> macs;
  std::vector<Selector> morefs;
  std::string vcenter_uuid;  ///< whose managed objects they are
  std::vector<std::pair<std::string, Selector>> fields;
  std::vector<Selector> before;  ///< none: all of it
  std::vector<Expectation> gone;
  std::vector<Forbidden> forbidden;
  Effect effect;
  std::vector<Also> also;
};

struct Verify {
  std::optional<Request> request;
  std::chrono::milliseconds every{0};
  std::chrono::milliseconds within{0};
};

/// How a monitoring is made quiet about one record, or one host, and loud again: [silence].
struct SilenceRecipe {
  std::chrono::milliseconds lasts{4 * 60 * 60 * 1000};
  bool of_host = false;     ///< of the guest's host name, not of each record
  bool lift_first = false;  ///< a record that is silenced cannot be removed
  Request find;             ///< our silences again: `items`, and of each its `id`, `comment` and `until`
  Selector items;
  Selector id;
  Selector comment;
  std::optional<Selector> until;
  std::vector<Expectation> gone;  ///< one that is listed and counts no more
  Request set;
  Request lift;
  std::vector<Request> control;
};

/// What a file of records.d with kind = "http" says.
struct Recipe {
  std::string url;     ///< without a slash at its end
  std::string origin;  ///< scheme, host and port of it
  std::string host;    ///< without brackets, for the certificate
  bool tls = true;
  std::string ca_file;
  std::string thumbprint;  ///< lower-case hex
  Format format = Format::json;
  std::chrono::milliseconds timeout{10'000};
  std::int64_t rate = 20;  ///< requests a second
  Credential credential;
  std::vector<std::pair<std::string, Template>> headers;  ///< of every request
  std::vector<Selector> words;                            ///< where an answer says what went wrong
  std::vector<Request> find;
  Item item;
  Request read;
  std::vector<Request> remove;
  std::string removed = "removed";  ///< what that does to it, for people: "deactivated"
  std::optional<Verify> verify;
  std::vector<Request> control;
  std::vector<CodeRule> codes;
  Pages pages;
  std::optional<SilenceRecipe> silence;
};

/// Every mistake goes to the reader.
Recipe read_recipe(DefinitionReader& reader);

}  // namespace decom::http
