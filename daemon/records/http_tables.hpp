#pragma once

#include "daemon/records/http_parts.hpp"

/// The larger tables of a recipe, a reader each. Every mistake goes to the reader.
namespace decom::http {

Credential read_credential(DefinitionReader& table, const Parts& parts);
Item read_item(DefinitionReader& table, const Parts& parts);

/// How requests say the id of one record: {{id}}, or {{id_1}}, {{id_2}}.
Known id_variables(const Item& item);

/// Reads [pages] and holds it against the requests of `find`.
Pages read_pages(DefinitionReader& table, const Parts& parts, const std::vector<Request>& find);

/// Reads [silence], of records of that kind.
SilenceRecipe read_silence(DefinitionReader& table, const Parts& parts, const Item& item);

/// One of [[codes]].
CodeRule read_code(DefinitionReader& table, const Parts& parts);

}  // namespace decom::http
