// What a document looks like, as data: its texts, the fields it is filled from, its tables. A new
// kind of document is a new folder of seal/templates, not new code (docs/documents.md).
//
// Widths are millimetres; a row's or table's widths sum to kTextWidth_mm.
#pragma once

#include <string>
#include <vector>

#include "seal/pdf/text.h"
#include "seal/phrase.h"

namespace seal::pdf {

inline constexpr double kTextWidth_mm = 170;  // A4 with margins of 20 mm

struct Label {
  std::string zh, en;
};

/// A labelled value of the grid below the title.
struct GridCell {
  Label label;
  std::string field;
  Phrase value;
  double width_mm = 85;  ///< label and value together
};

struct GridRow {
  std::vector<GridCell> cells;
  double height_mm = 8.8;
};

struct Column {
  Label label;
  std::string field;  ///< of a numbered table: "<prefix>.<n>.<field>"
  Phrase value;
  double width_mm = 0;
  Align align = Align::centre;
};

struct Table {
  Label heading;
  std::string prefix;  ///< rows are the numbered fields "<prefix>.1.…"; empty: Draft.rows
  std::string source;  ///< path of the array of facts that the rows come from
  std::vector<Column> columns;
  double row_mm = 6;
  bool optional = false;  ///< not there without rows
};

struct Template {
  std::string kind;
  int version = 1;
  Label title;
  std::string called = "本证明";  ///< what the notes call it
  std::vector<GridRow> grid;
  std::string moment_field;  ///< shown beside the first table's heading as 数据截至
  Phrase moment;
  std::vector<Table> tables;  ///< the last one is of Draft.rows
  std::string statement;      ///< what the document certifies
  std::string expected;       ///< words that values will often hold: their glyphs go in beforehand
};

}  // namespace seal::pdf
