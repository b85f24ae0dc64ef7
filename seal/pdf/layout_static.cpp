// The parts of a layout that never change: heads, table headers, closing block, footer.
#include <cmath>

#include "base/text.h"
#include "seal/pdf/layout.h"
#include "seal/pdf/measures.h"

namespace seal::pdf {

using namespace measures;

base::Error no_glyph(char32_t character) {
  char number[16];
  std::snprintf(number, sizeof number, "U+%04X", static_cast<unsigned>(character));
  auto failure = base::error(base::Code::invalid_argument, "seal.glyph", number);
  failure.args = {{"character", number}};
  return failure;
}

std::string label_form(std::size_t row, std::size_t cell) {
  return "L" + std::to_string(row) + "c" + std::to_string(cell);
}

std::string column_form(std::size_t table, std::size_t column) {
  return "H" + std::to_string(table) + "c" + std::to_string(column);
}

std::string site_of(std::string_view address) {
  const auto scheme = address.find("://");
  const auto end = address.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
  return std::string(address.substr(0, end));
}

// A label over its English, both in the middle of `width`, and smaller where they would not fit.
void draw_label(Canvas& out, const Label& label, double middle, double y, double width,
                double size) {
  const auto fitting = [&](std::string_view text, double wanted) {
    const double full = out.width(base::to_code_points(text), {.size = wanted});
    return full <= width ? wanted : wanted * width / full;
  };
  out.text(middle, y, label.zh, {.size = fitting(label.zh, size)}, Align::centre);
  out.text(middle, y - mm(2.75), label.en,
           {.size = fitting(label.en, size * 0.66), .colour = kGrey}, Align::centre);
}

Layout::Layout(const Template& form, const Faces& faces, const Letterhead& head)
    : template_(form), faces_(faces), head_(head), site_(site_of(head.verify_address)) {}

base::Result<void> Layout::check_widths() const {
  const auto fills = [](double sum) { return std::abs(sum - kTextWidth_mm) < 0.01; };
  const auto wrong = [&](const std::string& what) {
    return base::error(base::Code::internal, "seal.template",
                       template_.kind + ": " + what + " does not fill the width");
  };
  for (const auto& row : template_.grid) {
    double sum = 0;
    for (const auto& cell : row.cells) sum += cell.width_mm;
    if (!fills(sum)) return wrong("the grid row of " + row.cells.front().label.zh);
  }
  for (const auto& table : template_.tables) {
    double sum = 0;
    for (const auto& column : table.columns) sum += column.width_mm;
    if (!fills(sum)) return wrong("the table " + table.heading.zh);
  }
  return {};
}

base::Result<std::shared_ptr<const Layout>> Layout::create(const Template& form, const Faces& faces,
                                                           const Letterhead& head) {
  std::shared_ptr<Layout> layout(new Layout(form, faces, head));
  BASE_TRY_VOID(layout->check_widths());
  std::optional<char32_t> missing;
  const auto draw = [&](std::string name, bool whole_page, auto&& with) {
    Canvas canvas(layout->faces_, layout->body_, layout->display_);
    with(canvas);
    if (!missing) missing = canvas.missing();
    layout->forms_.push_back({std::move(name), canvas.content(), whole_page});
  };
  draw("Head", true, [&](Canvas& out) { layout->draw_head(out); });
  draw("Title", true, [&](Canvas& out) { layout->draw_title(out); });
  draw("Cont", true, [&](Canvas& out) { layout->draw_continued_head(out); });
  draw("Foot", true, [&](Canvas& out) { layout->draw_footer(out); });
  draw("Mark", true, [&](Canvas& out) { layout->draw_sample_mark(out); });
  draw("Close", false, [&](Canvas& out) { layout->draw_closing(out); });
  // Each label by itself, so that it can be told from its value (Layout::Setting).
  for (std::size_t row = 0; row < form.grid.size(); ++row)
    for (std::size_t i = 0; i < form.grid[row].cells.size(); ++i)
      draw(label_form(row, i), false, [&](Canvas& out) {
        draw_label(out, form.grid[row].cells[i].label, kGridLabel / 2, mm(0.4),
                   kGridLabel - mm(1.5), 8.8);
      });
  for (std::size_t i = 0; i < form.tables.size(); ++i) {
    const auto& table = form.tables[i];
    draw("Tab" + std::to_string(i), false,
         [&](Canvas& out) { layout->draw_table_header(out, table); });
    for (std::size_t k = 0; k < table.columns.size(); ++k)
      draw(column_form(i, k), false, [&](Canvas& out) {
        draw_label(out, table.columns[k].label, 0, kTableHeader - mm(3.45),
                   mm(table.columns[k].width_mm) - mm(1), 8.6);
      });
  }
  if (missing) return no_glyph(*missing);
  for (const auto c : base::to_code_points(form.expected)) layout->body_.add(c);
  for (const auto c : base::to_code_points(head.agency)) layout->body_.add(c);
  for (const auto c : common_characters())
    if (faces.body->glyph(c) != 0) layout->body_.add(c);
  for (const auto c : layout->body_.characters())
    if (faces.body->glyph(c) == 0) return no_glyph(c);
  return std::shared_ptr<const Layout>(std::move(layout));
}

void Layout::draw_title(Canvas& out) const {
  const double top = kPageHeight;
  out.text(kLeft + kWidth / 2, top - mm(33.5), template_.title.zh,
           {.size = 23, .face = Face::display, .tracking = 2.2}, Align::centre);
  out.text(kLeft + kWidth / 2, top - mm(40), template_.title.en,
           {.size = 10, .colour = kGrey, .tracking = 0.15}, Align::centre);
}

void Layout::draw_head(Canvas& out) const {
  const double top = kPageHeight;
  out.text(kLeft, top - mm(17), head_.agency, {.size = 8.5, .colour = kGrey});
  out.line(kLeft, top - mm(44.2), kLeft + kWidth, top - mm(44.2), 1.4, kRed);
  out.line(kLeft, top - mm(45.0), kLeft + kWidth, top - mm(45.0), 0.4, kRed);

  double y = top - kGridTop;
  for (const auto& row : template_.grid) {
    const double height = mm(row.height_mm);
    double x = kLeft;
    for (const auto& cell : row.cells) {
      out.fill(x, y - height, kGridLabel, height, kTint);
      x += mm(cell.width_mm);
    }
    y -= height;
  }
  const double bottom = y;
  y = top - kGridTop;
  for (const auto& row : template_.grid) {
    const double height = mm(row.height_mm);
    double x = kLeft;
    for (const auto& cell : row.cells) {
      if (x > kLeft) out.line(x, y, x, y - height, kHair, kRule);
      out.line(x + kGridLabel, y, x + kGridLabel, y - height, kHair, kRule);
      x += mm(cell.width_mm);
    }
    y -= height;
    if (y > bottom + 1) out.line(kLeft, y, kLeft + kWidth, y, kHair, kRule);
  }
  out.frame(kLeft, bottom, kWidth, top - kGridTop - bottom, kFrame, kGrey);
}

// Across the page, multiplied with what stands there (G of the forms' resources): pale enough to
// read through and too large to overlook.
void Layout::draw_sample_mark(Canvas& out) const {
  constexpr Colour kPale{0.93, 0.80, 0.80};
  std::string turned = "/G gs q 0.8660 0.5 -0.5 0.8660 ";
  put(turned, kPageWidth / 2);
  put(turned, kPageHeight / 2);
  out.raw(turned + "cm\n");
  out.text(0, -mm(4), "样本", {.size = 150, .colour = kPale, .face = Face::display, .tracking = 40},
           Align::centre);
  out.text(0, -mm(26), "SAMPLE · 仅供参考，不具效力",
           {.size = 26, .colour = kPale, .face = Face::display, .tracking = 2}, Align::centre);
  out.raw("Q\n");
}

void Layout::draw_continued_head(Canvas& out) const {
  const double top = kPageHeight;
  out.text(kLeft, top - mm(17), std::string(template_.title.zh) + "（续）", {.size = 10});
  out.line(kLeft, top - mm(20.2), kLeft + kWidth, top - mm(20.2), 0.8, kRed);
}

// The origin is the header's lower left corner.
void Layout::draw_table_header(Canvas& out, const Table& table) const {
  out.fill(0, 0, kWidth, kTableHeader, kTint);
  double x = 0;
  for (const auto& column : table.columns) {
    if (x > 0) out.line(x, 0, x, kTableHeader, kHair, kRule);
    x += mm(column.width_mm);
  }
  out.line(0, 0, kWidth, 0, kHair * 2, kGrey);
}

// The origin is the block's upper left corner.
void Layout::draw_closing(Canvas& out) const {
  const Style certifies{.size = 8.8};
  double y = -mm(4.2);
  for (const auto& line : out.lines(base::to_code_points(template_.statement), kWidth, certifies)) {
    out.text(0, y, line, certifies);
    y -= mm(4.4);
  }
  out.text(kQrColumn / 2, -mm(38.8), "电子防伪码 Document code", {.size = 6.6, .colour = kGrey},
           Align::centre);

  const double x = kNotesLeft;
  y = -mm(13.2);
  out.text(x, y, "查验方法", {.size = 8.8});
  out.text(x + mm(14), y, "How to verify", {.size = 6.4, .colour = kGrey});
  y -= mm(1.7);
  out.line(x, y, x + kNotesWidth, y, kHair, kRule);
  y -= mm(3.9);
  const Style note{.size = 7.4};
  const std::string steps[] = {
      "1. 官方查验网站只有一个：" + site_ + " 。请自行输入网址，或扫码后核对网址与此处一致。",
      "2. 在该网站输入左侧电子防伪码，核对显示的内容与" + template_.called + "相符。",
      "3. 也可在该网站上传本电子文件，查验电子印章以及文件是否被改动。",
      "4. 印章图样和二维码本身不足为凭，以查验结论为准。",
  };
  const double indent = out.width(U"1. ", note);
  for (const auto& step : steps) {
    out.text(x, y, step.substr(0, 2), note);
    for (const auto& line :
         out.lines(base::to_code_points(step.substr(3)), kNotesWidth - indent, note)) {
      out.text(x + indent, y, line, note);
      y -= mm(3.55);
    }
    y -= mm(0.35);
  }
  const Style english{.size = 6.2, .colour = kGrey};
  const auto text =
      "Verify only at " + site_ + ": type the code, or scan the symbol and check the address.";
  for (const auto& line : out.lines(base::to_code_points(text), kNotesWidth, english)) {
    out.text(x, y, line, english);
    y -= mm(2.9);
  }

  const double middle = kSealMiddle;
  double agency_y = -mm(26.5);
  double size = 10.5;
  const auto agency = base::to_code_points(head_.agency);
  while (size > 8 && out.width(agency, {.size = size}) > kSealColumn) size -= 0.5;
  const auto lines = out.lines(agency, kSealColumn, {.size = size});
  agency_y += mm(4.8) * static_cast<double>(lines.size() - 1);
  for (const auto& line : lines) {
    out.text(middle, agency_y, line, {.size = size}, Align::centre);
    agency_y -= mm(4.8);
  }
}

void Layout::draw_footer(Canvas& out) const {
  out.line(kLeft, kFooterLine, kLeft + kWidth, kFooterLine, kHair, kRule);
  out.text(kLeft, kFooterText, "电子防伪码", {.size = 6.8, .colour = kGrey});
  out.text(kLeft + kWidth / 2, kFooterText, "查验网站 " + site_, {.size = 6.8, .colour = kGrey},
           Align::centre);
}

std::u32string_view common_characters() {
  return U" !\"#%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz"
         U"·—（），。、：；“”第页共"
         // the most frequent surnames
         U"王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡"
         U"贾丁"
         U"魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤"
         U"尹黎"
         U"易常武乔贺赖龚文"
         // names of organisations and places
         U"中国华示范省市区县镇街道路号北上京津南东西海山河湖广有限责任公司股份科技信息技术集团实业"
         U"商贸"
         U"贸易建筑工程服务管理中心学校医院银行分支事务所厂社会劳动人力资源公共";
}

}  // namespace seal::pdf
