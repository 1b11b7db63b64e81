#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/domain/machine.hpp"
#include "daemon/records/http_document.hpp"
#include "daemon/records/http_recipe.hpp"
#include "daemon/records/http_template.hpp"
#include "daemon/records/record.hpp"
#include "daemon/records/testimony.hpp"

/// Records, as the answers of a system say them.
namespace decom::http {

/// For people: safe, and short.
std::string shown(std::string_view text);

/// The variables of a record's id, whose `count` parts `id_of` has joined. Throws `invalid` where it has others.
Values id_values(const std::string& id, std::size_t count);

/// Throws `protocol` where the record has none. `what` is what was asked for, for people.
std::string id_of(const Item& item, const Node& node, const std::string& what);

/// It is there and says of itself that it is gone.
bool is_gone(const Item& item, const Node& node);

/// What is at these places, each text once.
std::vector<std::string> texts(const Node& node, const std::vector<Selector>& selectors);

/// Adds what is not there yet.
void append(std::vector<std::string>& all, const std::vector<std::string>& more);

/// With its facts weighed; `more` is what other answers say of whose it is.
Record record_of(const Item& item, const Machine& machine, const Node& node, const std::string& what,
                 const Testimony& more);

}  // namespace decom::http
