// A template laid out: what never changes is set once as forms; set() places a document's own text
// beside them, breaks its tables over pages, and leaves the place where the seal stands.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "seal/pdf/seal_picture.h"
#include "seal/pdf/template.h"

namespace seal::pdf {

inline constexpr double kPageWidth = 595.276, kPageHeight = 841.89;  // A4 in points

/// What every document of one seal carries.
struct Letterhead {
  std::string agency;
  std::string agency_code;
  SealPictureSpec seal;        ///< as the register of seals has it
  std::string verify_address;  ///< the code is appended for the QR
};

/// What one document is filled with.
struct Content {
  const std::vector<std::pair<std::string, std::string>>& fields;
  const std::vector<std::vector<std::string>>& rows;
  std::string document_id;
  std::string code;  ///< pretty form
  std::string date;  ///< 2026年11月24日
  bool sample = false;
};

struct Rect {
  double x = 0, y = 0, width = 0, height = 0;
};

/// One element of a document's logical structure (ISO 32000-1 14.7), for those who have it read to
/// them. Elements stand in reading order, parents before their children.
struct Element {
  std::string role;                          ///< H1, Table, TR, TH, TD, P, Figure, Form …
  int parent = -1;                           ///< index; -1: the document
  std::vector<std::pair<int, int>> content;  ///< page, marked content's number on it
  std::string attributes = {};               ///< further entries of its dictionary
};

/// The pages of one document.
struct Sheet {
  std::vector<std::string> pages;  ///< content streams
  std::vector<Element> elements;
  Rect seal;             ///< on the last page
  std::u32string extra;  ///< characters of font B
};

/// Immutable once made; thread-safe.
class Layout {
 public:
  /// Errors: invalid_argument `seal.glyph`; internal `seal.template`.
  static base::Result<std::shared_ptr<const Layout>> create(const Template& form,
                                                            const Faces& faces,
                                                            const Letterhead& head);
  struct Form {
    std::string name;
    std::string content;
    bool whole_page = false;  ///< otherwise it has its own origin and reaches below it
  };
  const Template& form() const { return template_; }
  const std::vector<Form>& forms() const { return forms_; }
  const CharacterCodes& body_codes() const { return body_; }
  const CharacterCodes& display_codes() const { return display_; }

  /// Errors: invalid_argument `seal.glyph` (args "character"), `seal.field` (args "field": missing,
  /// or too long for its place), `seal.rows` (a row with another number of cells, or too many
  /// rows).
  base::Result<Sheet> set(const Content& content) const;

 private:
  Layout(const Template& form, const Faces& faces, const Letterhead& head);
  base::Result<void> check_widths() const;
  void draw_head(Canvas& out) const;
  void draw_title(Canvas& out) const;
  void draw_continued_head(Canvas& out) const;
  void draw_table_header(Canvas& out, const Table& table) const;
  void draw_closing(Canvas& out) const;
  void draw_footer(Canvas& out) const;
  void draw_sample_mark(Canvas& out) const;

  class Setting;
  const Template template_;
  const Faces faces_;
  const Letterhead head_;
  std::string site_;  ///< of verify_address: what a person types
  CharacterCodes body_{'A'}, display_{'T'};
  std::vector<Form> forms_;
};

/// The characters that documents hold most often beyond a template's own: digits, Latin letters,
/// surnames, words of organisations and places. They go into the common font.
std::u32string_view common_characters();

/// Names of forms that stand once for each label of the grid and each column of a table.
std::string label_form(std::size_t row, std::size_t cell);
std::string column_form(std::size_t table, std::size_t column);

/// What a person types to reach the verification page: scheme and host of the address.
std::string site_of(std::string_view address);

base::Error no_glyph(char32_t character);

}  // namespace seal::pdf
