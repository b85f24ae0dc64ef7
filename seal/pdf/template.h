// What a document looks like, as data: its texts, the fields it is filled from, its tables. A new
// kind of document is a new row of templates.cpp, not new code.
//
// Widths are millimetres; a row's or table's widths sum to kTextWidth_mm.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "seal/pdf/text.h"

namespace seal::pdf {

inline constexpr double kTextWidth_mm = 170;  // A4 with margins of 20 mm

struct Label {
  std::string_view zh, en;
};

/// A labelled value of the grid below the title.
struct GridCell {
  Label label;
  std::string_view field;
  double width_mm = 85;  ///< label and value together
};

struct Column {
  Label label;
  std::string_view field;  ///< of a numbered table: "<prefix>.<n>.<field>"
  double width_mm = 0;
  Align align = Align::centre;
};

struct Table {
  Label heading;
  std::string_view prefix;  ///< rows are the numbered fields "<prefix>.1.…"; empty: Draft.rows
  std::vector<Column> columns;
  double row_mm = 6;
};

struct Template {
  std::string_view kind;
  Label title;
  std::vector<std::vector<GridCell>> grid;
  std::string_view moment_field;  ///< shown beside the first table's heading as 数据截至
  std::vector<Table> tables;      ///< at most one of them of Draft.rows, the last
  std::string_view statement;     ///< what the document certifies
  std::string_view
      expected;  ///< words that values will often hold: their glyphs go into the template
  bool straddling = false;  ///< 骑缝章: pages share a seal at their edges, when there are several
};

std::span<const Template> templates();

}  // namespace seal::pdf
