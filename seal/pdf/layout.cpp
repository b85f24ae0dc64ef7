// What one document adds to its layout.
#include "seal/pdf/layout.h"

#include <algorithm>

#include "base/text.h"
#include "seal/pdf/measures.h"
#include "seal/pdf/seal_picture.h"

namespace seal::pdf {

using namespace measures;

namespace {

constexpr std::size_t kMostRows = 20'000;  // some five hundred pages
constexpr std::size_t kMostFieldBytes = 1200;
constexpr std::size_t kRowsWithClosing = 3;  // a seal never stands alone on a page
constexpr double kEmMiddle = 0.38;           // of an ideograph's box over the baseline, in ems
// Of what a TH is the heading (ISO 32000-1 14.8.5.7).
constexpr std::string_view kRowHeading = "/A<</O/Table/Scope/Row>>";
constexpr std::string_view kColumnHeading = "/A<</O/Table/Scope/Column>>";

struct Fitted {
  std::vector<std::u32string> lines;
  double size = 0;
  double pitch() const { return size * 1.28; }
};

struct Row {
  std::vector<Fitted> cells;
  double height = 0;
};

base::Error bad_field(std::string_view field, const char* why) {
  auto failure =
      base::error(base::Code::invalid_argument, "seal.field", std::string(field) + ": " + why);
  failure.args = {{"field", std::string(field)}};
  return failure;
}

}  // namespace

class Layout::Setting {
 public:
  Setting(const Layout& layout, const Content& content)
      : layout_(layout),
        content_(content),
        canvas_(std::make_unique<Canvas>(layout.faces_, layout.body_, layout.display_, extra_)) {}

  base::Result<Sheet> run();

 private:
  base::Result<std::string_view> field(std::string_view name) const;
  base::Result<Fitted> fit(std::string_view name, std::string_view text, double width,
                           double height, double size);
  void show(const Fitted& text, double x, double middle, double width, Align align);
  base::Result<void> grid();
  base::Result<std::vector<std::vector<std::string_view>>> cells_of(const Table& table) const;
  base::Result<std::vector<Row>> rows_of(const Table& table);
  void table(std::size_t index, const std::vector<Row>& rows, bool last);
  void draw_table_head(std::size_t index, bool first, int element);
  void draw_row(const Table& table, const Row& row, int element);
  void begin_page();
  void end_page();
  void closing();
  void finish_pages(Sheet& out);
  double room() const { return y_ - kBottom; }

  // Structure: what is drawn between mark() and unmark() belongs to the element.
  int element(std::string role, int parent, std::string attributes = {}) {
    elements_.push_back({std::move(role), parent, {}, std::move(attributes)});
    return static_cast<int>(elements_.size()) - 1;
  }
  void mark(int element) {
    auto& to = elements_[static_cast<std::size_t>(element)];
    canvas_->raw("/" + to.role + "<</MCID " + std::to_string(marks_) + ">>BDC\n");
    to.content.emplace_back(static_cast<int>(pages_.size()), marks_++);
  }
  void mark_new(std::string role, int parent, std::string attributes = {}) {
    mark(element(std::move(role), parent, std::move(attributes)));
  }
  void artifact() { canvas_->raw("/Artifact BMC\n"); }
  void unmark() { canvas_->raw("EMC\n"); }

  const Layout& layout_;
  const Content& content_;
  ExtraCodes extra_;
  std::unique_ptr<Canvas> canvas_;
  std::vector<std::string> pages_;
  std::vector<Element> elements_;
  int marks_ = 0;  // on this page
  double y_ = 0;
  std::string moment_;
  std::u32string holder_;
  Rect seal_;
  std::optional<char32_t> missing_;
};

base::Result<std::string_view> Layout::Setting::field(std::string_view name) const {
  for (const auto& [key, value] : content_.fields) {
    if (key != name) continue;
    if (value.size() > kMostFieldBytes) return bad_field(name, "too long");
    return std::string_view(value);
  }
  return bad_field(name, "missing");
}

// The largest size, from `size` down to two thirds of it, at which the text stands in its place.
base::Result<Fitted> Layout::Setting::fit(std::string_view name, std::string_view text,
                                          double width, double height, double size) {
  if (!base::is_utf8(text)) return bad_field(name, "not UTF-8");
  const auto characters = base::to_code_points(text);
  for (double at = size; at > size * 0.66; at -= 0.5) {
    Fitted out{canvas_->lines(characters, width, {.size = at}), at};
    if (out.pitch() * static_cast<double>(out.lines.size()) <= height) return out;
  }
  return bad_field(name, "does not fit its place");
}

void Layout::Setting::show(const Fitted& text, double x, double middle, double width, Align align) {
  const double at = align == Align::left ? x : align == Align::right ? x + width : x + width / 2;
  double y = middle - kEmMiddle * text.size +
             text.pitch() * (static_cast<double>(text.lines.size()) - 1) / 2;
  for (const auto& line : text.lines) {
    canvas_->text(at, y, line, {.size = text.size}, align);
    y -= text.pitch();
  }
}

base::Result<void> Layout::Setting::grid() {
  const int grid = element("Table", -1);
  double y = kPageHeight - kGridTop;
  for (std::size_t i = 0; i < layout_.template_.grid.size(); ++i) {
    const auto& row = layout_.template_.grid[i];
    const double height = mm(row.height_mm), middle = y - height / 2;
    const int line = element("TR", grid);
    double x = kLeft;
    for (std::size_t k = 0; k < row.cells.size(); ++k) {
      const auto& cell = row.cells[k];
      mark_new("TH", line, std::string(kRowHeading));
      canvas_->place(label_form(i, k), x, middle);
      unmark();
      BASE_TRY(const auto value, field(cell.field));
      const double width = mm(cell.width_mm) - kGridLabel - mm(5);
      BASE_TRY(const auto text, fit(cell.field, value, width, height, 9.6));
      mark_new("TD", line);
      show(text, x + kGridLabel + mm(2.5), middle, width, Align::left);
      unmark();
      x += mm(cell.width_mm);
    }
    y -= height;
  }
  y_ = y;
  return {};
}

base::Result<std::vector<std::vector<std::string_view>>> Layout::Setting::cells_of(
    const Table& table) const {
  std::vector<std::vector<std::string_view>> out;
  if (table.prefix.empty()) {
    if (content_.rows.size() > kMostRows)
      return base::error(base::Code::invalid_argument, "seal.rows", "too many rows");
    for (const auto& row : content_.rows) {
      if (row.size() != table.columns.size())
        return base::error(base::Code::invalid_argument, "seal.rows",
                           "a row of " + std::to_string(row.size()) + " cells where " +
                               std::to_string(table.columns.size()) + " are wanted");
      out.emplace_back(row.begin(), row.end());
    }
    return out;
  }
  for (int number = 1; number < 100; ++number) {
    const auto stem = std::string(table.prefix) + '.' + std::to_string(number) + '.';
    if (!field(stem + std::string(table.columns.front().field)).ok()) break;
    auto& row = out.emplace_back();
    for (const auto& column : table.columns) {
      BASE_TRY(const auto value, field(stem + std::string(column.field)));
      row.push_back(value);
    }
  }
  return out;
}

base::Result<std::vector<Row>> Layout::Setting::rows_of(const Table& table) {
  BASE_TRY(const auto cells, cells_of(table));
  std::vector<Row> out;
  for (const auto& texts : cells) {
    auto& row = out.emplace_back();
    row.height = mm(table.row_mm);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (texts[i].size() > kMostFieldBytes)
        return bad_field(table.columns[i].label.zh, "too long");
      BASE_TRY(auto text, fit(table.columns[i].label.zh, texts[i],
                              mm(table.columns[i].width_mm) - mm(3), mm(20), 8.4));
      row.height =
          std::max(row.height, text.pitch() * static_cast<double>(text.lines.size()) + mm(1.6));
      row.cells.push_back(std::move(text));
    }
  }
  return out;
}

void Layout::Setting::begin_page() {
  canvas_ = std::make_unique<Canvas>(layout_.faces_, layout_.body_, layout_.display_, extra_);
  marks_ = 0;
  const bool first = pages_.empty();
  artifact();
  canvas_->place(first ? "Head" : "Cont", 0, 0);
  canvas_->text(kLeft + kWidth, kPageHeight - mm(17), "编号 No. " + content_.document_id,
                {.size = 8.5, .colour = kGrey}, Align::right);
  // Whose document it is stands on every page, so that pages cannot be swapped between documents.
  if (!first)
    canvas_->text(kLeft + kWidth / 2, kPageHeight - mm(17), holder_, {.size = 9}, Align::centre);
  unmark();
  if (first) {
    mark_new("H1", -1);
    canvas_->place("Title", 0, 0);
    unmark();
  }
  y_ = kPageHeight - kContinuedTop;
}

void Layout::Setting::end_page() {
  pages_.push_back(canvas_->content());
  if (!missing_) missing_ = canvas_->missing();
}

void Layout::Setting::draw_row(const Table& table, const Row& row, int element_of_table) {
  const int line = element("TR", element_of_table);
  double x = kLeft;
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    const double width = mm(table.columns[i].width_mm);
    mark_new("TD", line);
    show(row.cells[i], x + mm(1.5), y_ - row.height / 2, width - mm(3), table.columns[i].align);
    unmark();
    x += width;
  }
  y_ -= row.height;
}

// Heading and header on the first page; on those that follow the header alone, as ornament.
void Layout::Setting::draw_table_head(std::size_t index, bool first, int table_element) {
  const auto& what = layout_.template_.tables[index];
  if (first) {
    mark_new("Caption", table_element);
    canvas_->text(kLeft, y_ - mm(7), what.heading.zh, {.size = 10});
    const double after = canvas_->width(base::to_code_points(what.heading.zh), {.size = 10});
    canvas_->text(kLeft + after + mm(2), y_ - mm(7), what.heading.en, {.size = 7, .colour = kGrey});
    if (index == 0 && !moment_.empty())
      canvas_->text(kLeft + kWidth, y_ - mm(7), "数据截至 As of " + moment_,
                    {.size = 7.6, .colour = kGrey}, Align::right);
    unmark();
    y_ -= kHeading;
  }
  y_ -= kTableHeader;
  artifact();
  canvas_->place("Tab" + std::to_string(index), kLeft, y_);
  if (first) unmark();
  const int line = first ? element("TR", table_element) : -1;
  double x = kLeft;
  for (std::size_t i = 0; i < what.columns.size(); ++i) {
    const double width = mm(what.columns[i].width_mm);
    if (first) mark_new("TH", line, std::string(kColumnHeading));
    canvas_->place(column_form(index, i), x + width / 2, y_);
    if (first) unmark();
    x += width;
  }
  if (!first) unmark();
}

// Rows until the page is full; what is left goes to the next, under the same header.
void Layout::Setting::table(std::size_t index, const std::vector<Row>& rows, bool last) {
  const auto& what = layout_.template_.tables[index];
  const int table_element = element("Table", -1);
  const double ending = last ? kBlankRow + kClosingGap + kClosing : 0;
  std::size_t done = 0;
  bool first = true;
  do {
    const double least =
        (first ? kHeading : 0) + kTableHeader + (rows.empty() ? kBlankRow : rows[done].height);
    if (room() < least) {
      end_page();
      begin_page();
    }
    // How many rows stand here, and whether the document can end here.
    double used = (first ? kHeading : 0) + kTableHeader;
    std::size_t end = done;
    while (end < rows.size() && used + rows[end].height <= room()) used += rows[end++].height;
    const bool ends = end == rows.size() && used + ending <= room();
    if (last && !ends && end == rows.size() && end - done > kRowsWithClosing)
      end -= kRowsWithClosing;

    const double top = y_ - (first ? kHeading : 0);
    draw_table_head(index, first, table_element);
    const double body = y_;
    std::vector<double> rules;
    for (auto i = done; i < end; ++i) {
      draw_row(what, rows[i], table_element);
      if (i + 1 < end || (last && ends)) rules.push_back(y_);
    }
    artifact();
    for (const double y : rules) canvas_->line(kLeft, y, kLeft + kWidth, y, kHair, kRule);
    double x = kLeft;
    for (std::size_t i = 0; i + 1 < what.columns.size(); ++i) {
      x += mm(what.columns[i].width_mm);
      if (end > done) canvas_->line(x, body, x, y_, kHair, kRule);
    }
    unmark();
    if (last && ends) {
      mark_new("P", -1);
      canvas_->text(kLeft + kWidth / 2, y_ - kBlankRow / 2 - kEmMiddle * 7, "以下空白 End of table",
                    {.size = 7, .colour = kGrey}, Align::centre);
      unmark();
      y_ -= kBlankRow;
    }
    artifact();
    canvas_->frame(kLeft, y_, kWidth, top - y_, kFrame, kGrey);
    unmark();
    done = end;
    first = false;
    if (done == rows.size() && (ends || !last)) break;
    end_page();
    begin_page();
    if (done == rows.size()) break;  // too few rows to share: the closing block stands alone
  } while (true);
}

void Layout::Setting::closing() {
  y_ -= kClosingGap;
  const double top = y_;
  mark_new("P", -1);
  canvas_->place("Close", kLeft, top);
  unmark();
  mark_new("Figure", -1,
           "/Alt" + text_string("二维码，内容为查验网址和电子防伪码 " + content_.code));
  canvas_->place_scaled("Qr", kLeft + (kQrColumn - kQrSide) / 2, top - kQrTop - kQrSide, kQrSide,
                        kQrSide);
  unmark();
  mark_new("P", -1);
  canvas_->text(kLeft + kQrColumn / 2, top - mm(43), content_.code, {.size = 8.2}, Align::centre);
  unmark();
  mark_new("P", -1);
  canvas_->text(kLeft + kSealMiddle, top - mm(33.2), content_.date, {.size = 10.5}, Align::centre);
  unmark();
  const double width = mm(layout_.head_.seal.width_mm), height = mm(layout_.head_.seal.height_mm);
  seal_ = {kLeft + kSealMiddle - width / 2, top - kSealAxis - height / 2, width, height};
}

// What needs the number of pages: the footer, and the symbol on the first of several.
void Layout::Setting::finish_pages(Sheet& out) {
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    Canvas foot(layout_.faces_, layout_.body_, layout_.display_, extra_);
    foot.raw("/Artifact BMC\n");
    foot.place("Foot", 0, 0);
    const Style style{.size = 6.8, .colour = kGrey};
    foot.text(kLeft + mm(14), kFooterText, content_.code, style);
    // Whoever has only the first page of several in hand can scan too.
    if (i == 0 && pages_.size() > 1)
      foot.place_scaled("Qr", kLeft + kWidth - kQrSide, kPageHeight - kHeadQrTop - kQrSide, kQrSide,
                        kQrSide);
    const auto page = std::to_string(i + 1), of = std::to_string(pages_.size());
    foot.text(kLeft + kWidth, kFooterText,
              "第 " + page + " 页，共 " + of + " 页  Page " + page + " of " + of, style,
              Align::right);
    if (content_.sample) foot.place("Mark", 0, 0);
    foot.raw("EMC\n");
    out.pages.push_back(std::move(pages_[i]) + foot.content());
    if (!missing_) missing_ = foot.missing();
  }
}

base::Result<Sheet> Layout::Setting::run() {
  const auto& form = layout_.template_;
  const auto& holder = form.grid.front().cells.front();
  BASE_TRY(const std::string_view name_value, field(holder.field));
  if (!base::is_utf8(name_value)) return bad_field(holder.field, "not UTF-8");
  holder_ = canvas_->lines(base::to_code_points(name_value), mm(62), {.size = 9}).front();
  begin_page();
  BASE_TRY_VOID(grid());
  if (const auto& name = form.moment_field; !name.empty()) {
    BASE_TRY(moment_, field(name));
    BASE_TRY([[maybe_unused]] const auto fits, fit(name, moment_, kWidth / 2, mm(3.6), 7.6));
  }
  std::vector<std::pair<std::size_t, std::vector<Row>>> tables;
  for (std::size_t i = 0; i < form.tables.size(); ++i) {
    BASE_TRY(auto rows, rows_of(form.tables[i]));
    if (!rows.empty() || !form.tables[i].optional) tables.emplace_back(i, std::move(rows));
  }
  for (const auto& [index, rows] : tables) table(index, rows, index == tables.back().first);
  closing();
  end_page();

  Sheet out;
  finish_pages(out);
  if (missing_) return no_glyph(*missing_);
  out.elements = std::move(elements_);
  out.seal = seal_;
  out.extra = extra_.characters();
  return out;
}

base::Result<Sheet> Layout::set(const Content& content) const {
  return Setting(*this, content).run();
}

}  // namespace seal::pdf
