#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/render/style.hpp"

namespace decom::cli {

/// What becomes of a column on a terminal that is too narrow for all of them.
enum class Narrow { kept, cut, wrapped };

struct Column {
  std::string title;
  bool right = false;  ///< numbers
  Narrow narrow = Narrow::kept;
  std::size_t least = 8;  ///< columns of the terminal that it keeps even then
};

struct Cell {
  Cell(std::string_view value, Color paint = Color::none) : text(value), color(paint) {}
  Cell(const char* value) : text(value) {}
  Cell(const std::string& value) : text(value) {}
  std::string text;
  Color color = Color::none;
};

/// Columns for people. Whatever goes in comes out escaped: no caller can forget it.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<Cell> row);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// With a line of titles, each line ended by a newline. `indent` blanks before each line.
  [[nodiscard]] std::string text(const Style& style, std::size_t indent = 0) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths(std::size_t room) const;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// "name:  value" lines, aligned; pairs with an empty value are left out. Values are escaped.
class Facts {
 public:
  void add(std::string_view name, std::string_view value, Color color = Color::none);
  [[nodiscard]] std::string text(const Style& style, std::size_t indent = 0) const;

 private:
  struct Fact {
    std::string name;
    std::string value;
    Color color;
  };
  std::vector<Fact> facts_;
};

}  // namespace decom::cli
