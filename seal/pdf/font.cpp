#include "seal/pdf/font.h"

#include <hb-ot.h>
#include <hb-subset.h>
#include <hb.h>

#include <algorithm>
#include <cctype>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "seal/pdf/cff.h"

namespace seal::pdf {
namespace {

constexpr std::size_t kPlanes = 0x40000;  // up to the tertiary ideographic plane

struct Release {
  void operator()(hb_blob_t* p) const { hb_blob_destroy(p); }
  void operator()(hb_face_t* p) const { hb_face_destroy(p); }
  void operator()(hb_font_t* p) const { hb_font_destroy(p); }
  void operator()(hb_set_t* p) const { hb_set_destroy(p); }
  void operator()(hb_subset_input_t* p) const { hb_subset_input_destroy(p); }
  void operator()(hb_draw_funcs_t* p) const { hb_draw_funcs_destroy(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Release>;

using Steps = std::vector<PathStep>;

void on_move(hb_draw_funcs_t*, void* out, hb_draw_state_t*, float x, float y, void*) {
  static_cast<Steps*>(out)->push_back({PathStep::Kind::move, {x, y, 0, 0, 0, 0}});
}
void on_line(hb_draw_funcs_t*, void* out, hb_draw_state_t*, float x, float y, void*) {
  static_cast<Steps*>(out)->push_back({PathStep::Kind::line, {x, y, 0, 0, 0, 0}});
}
void on_curve(hb_draw_funcs_t*, void* out, hb_draw_state_t*, float ax, float ay, float bx, float by,
              float x, float y, void*) {
  static_cast<Steps*>(out)->push_back({PathStep::Kind::curve, {ax, ay, bx, by, x, y}});
}
void on_close(hb_draw_funcs_t*, void* out, hb_draw_state_t*, void*) {
  static_cast<Steps*>(out)->push_back({PathStep::Kind::close, {}});
}

// Quadratic outlines (TrueType) reach us as cubic ones: harfbuzz converts when no quadratic
// function is set.
Owned<hb_draw_funcs_t> drawing() {
  Owned<hb_draw_funcs_t> funcs(hb_draw_funcs_create());
  hb_draw_funcs_set_move_to_func(funcs.get(), on_move, nullptr, nullptr);
  hb_draw_funcs_set_line_to_func(funcs.get(), on_line, nullptr, nullptr);
  hb_draw_funcs_set_cubic_to_func(funcs.get(), on_curve, nullptr, nullptr);
  hb_draw_funcs_set_close_path_func(funcs.get(), on_close, nullptr, nullptr);
  hb_draw_funcs_make_immutable(funcs.get());
  return funcs;
}

std::string name_of(hb_face_t* face, hb_ot_name_id_t id) {
  char text[128];
  unsigned size = sizeof text;
  hb_ot_name_get_utf8(face, id, hb_language_from_string("en", -1), &size, text);
  return {text, size};
}

// FontBBox: the head table's, which harfbuzz does not hand out.
std::array<int, 4> bounds_of(hb_face_t* face) {
  Owned<hb_blob_t> head(hb_face_reference_table(face, HB_TAG('h', 'e', 'a', 'd')));
  unsigned size = 0;
  const auto* data = reinterpret_cast<const std::uint8_t*>(hb_blob_get_data(head.get(), &size));
  std::array<int, 4> out{-1000, -1000, 3000, 2000};
  if (size < 44) return out;
  const int upem = std::max(1u, hb_face_get_upem(face));
  for (int i = 0; i < 4; ++i) {
    const auto raw = static_cast<std::int16_t>(data[36 + 2 * i] << 8 | data[37 + 2 * i]);
    out[static_cast<std::size_t>(i)] = raw * 1000 / upem;
  }
  return out;
}

base::Error no_font(const std::string& path, std::string why) {
  auto failure = base::error(base::Code::unavailable, "seal.font", path + ": " + why);
  failure.args = {{"path", path}, {"why", std::move(why)}};
  return failure;
}

}  // namespace

struct FontFace::Impl {
  Owned<hb_blob_t> blob;
  Owned<hb_face_t> face;
  Owned<hb_font_t> font;
  Owned<hb_draw_funcs_t> funcs = drawing();
  std::string name;
  int ascent = 880, descent = -120;
  std::array<int, 4> bounds{};
  std::vector<std::uint16_t> glyphs;    // by character
  std::vector<std::uint16_t> advances;  // by glyph

  // Protects charstrings. At most one entry a glyph, so it is bounded by the font.
  mutable std::shared_mutex mutex;
  mutable std::unordered_map<std::uint16_t, std::shared_ptr<const base::Bytes>> charstrings;
};

FontFace::FontFace(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FontFace::~FontFace() = default;

base::Result<std::shared_ptr<const FontFace>> FontFace::open(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->blob.reset(hb_blob_create_from_file_or_fail(path.c_str()));
  if (!impl->blob) return no_font(path, "cannot be read");
  const auto faces = hb_face_count(impl->blob.get());
  if (faces == 0) return no_font(path, "is not a font");
  for (unsigned index = 0; index < faces; ++index) {
    Owned<hb_face_t> face(hb_face_create(impl->blob.get(), index));
    auto name = name_of(face.get(), HB_OT_NAME_ID_POSTSCRIPT_NAME);
    // "NotoSansCJKsc-Regular": the forms of characters differ between regions, and these are ours.
    if (index != 0 && name.find("CJKsc-") == std::string::npos) continue;
    impl->face = std::move(face);
    impl->name = std::move(name);
    if (index != 0) break;
  }
  for (auto& c : impl->name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-') c = '_';
  if (impl->name.empty()) impl->name = "Font";
  const auto count = hb_face_get_glyph_count(impl->face.get());
  if (count == 0 || count > 0xffff) return no_font(path, "has no usable glyphs");

  hb_face_make_immutable(impl->face.get());
  impl->font.reset(hb_font_create(impl->face.get()));
  hb_font_set_scale(impl->font.get(), 1000, 1000);
  hb_font_make_immutable(impl->font.get());
  hb_font_extents_t line{};
  hb_font_get_h_extents(impl->font.get(), &line);
  impl->bounds = bounds_of(impl->face.get());
  impl->ascent = line.ascender;
  impl->descent = line.descender;

  impl->advances.resize(count);
  for (unsigned glyph = 0; glyph < count; ++glyph)
    impl->advances[glyph] = static_cast<std::uint16_t>(
        std::max(0, hb_font_get_glyph_h_advance(impl->font.get(), glyph)));
  impl->glyphs.resize(kPlanes);
  Owned<hb_set_t> characters(hb_set_create());
  hb_face_collect_unicodes(impl->face.get(), characters.get());
  for (hb_codepoint_t c = HB_SET_VALUE_INVALID; hb_set_next(characters.get(), &c);) {
    hb_codepoint_t glyph = 0;
    if (c < kPlanes && c >= 0x20 && (c < 0x7f || c > 0x9f) &&
        hb_font_get_nominal_glyph(impl->font.get(), c, &glyph))
      impl->glyphs[c] = static_cast<std::uint16_t>(glyph);
  }
  if (impl->glyphs['0'] == 0) return no_font(path, "has no digits");
  return std::shared_ptr<const FontFace>(new FontFace(std::move(impl)));
}

std::uint16_t FontFace::glyph(char32_t character) const {
  return character < impl_->glyphs.size() ? impl_->glyphs[character] : 0;
}
int FontFace::advance(std::uint16_t glyph) const {
  return glyph < impl_->advances.size() ? impl_->advances[glyph] : 0;
}
const std::string& FontFace::postscript_name() const {
  return impl_->name;
}
int FontFace::ascent() const {
  return impl_->ascent;
}
int FontFace::descent() const {
  return impl_->descent;
}
std::array<int, 4> FontFace::bounds() const {
  return impl_->bounds;
}

std::vector<PathStep> FontFace::outline(std::uint16_t glyph) const {
  Steps steps;
  hb_font_get_glyph_shape(impl_->font.get(), glyph, impl_->funcs.get(), &steps);
  return steps;
}

std::shared_ptr<const base::Bytes> FontFace::charstring(std::uint16_t glyph) const {
  {
    std::shared_lock lock(impl_->mutex);
    if (const auto found = impl_->charstrings.find(glyph); found != impl_->charstrings.end())
      return found->second;
  }
  auto made = std::make_shared<const base::Bytes>(type2_charstring(outline(glyph), advance(glyph)));
  std::unique_lock lock(impl_->mutex);
  return impl_->charstrings.emplace(glyph, std::move(made)).first->second;
}

base::Bytes FontFace::opentype(std::u32string_view characters) const {
  Owned<hb_subset_input_t> input(hb_subset_input_create_or_fail());
  base::check(input != nullptr, "no memory for a font's subset");
  for (const auto c : characters) {
    base::check(glyph(c) != 0, "a subset is asked for a character that the face lacks");
    hb_set_add(hb_subset_input_unicode_set(input.get()), c);
  }
  auto* dropped = hb_subset_input_set(input.get(), HB_SUBSET_SETS_DROP_TABLE_TAG);
  for (const auto* tag : {"BASE", "DSIG", "GDEF", "GPOS", "GSUB", "VORG", "vhea", "vmtx"})
    hb_set_add(dropped, hb_tag_from_string(tag, 4));
  hb_subset_input_set_flags(input.get(),
                            HB_SUBSET_FLAGS_NO_HINTING | HB_SUBSET_FLAGS_DESUBROUTINIZE);
  Owned<hb_face_t> made(hb_subset_or_fail(impl_->face.get(), input.get()));
  base::check(made != nullptr, "a font that was opened cannot be cut down");
  Owned<hb_blob_t> blob(hb_face_reference_blob(made.get()));
  unsigned size = 0;
  const auto* data = reinterpret_cast<const std::uint8_t*>(hb_blob_get_data(blob.get(), &size));
  return {data, data + size};
}

base::Bytes subset(const FontFace& face, std::string_view name, std::u32string_view characters) {
  std::vector<std::shared_ptr<const base::Bytes>> kept;
  kept.reserve(characters.size() + 1);
  kept.push_back(face.charstring(0));
  for (const auto c : characters) {
    const auto glyph = face.glyph(c);
    base::check(glyph != 0, "a subset is asked for a character that the face lacks");
    kept.push_back(face.charstring(glyph));
  }
  std::vector<base::BytesView> charstrings(kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) charstrings[i] = *kept[i];
  return cid_keyed_cff(name, charstrings, face.bounds());
}

namespace {

constexpr char kHex[] = "0123456789ABCDEF";

void append_hex16(std::string& out, unsigned value) {
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(value >> shift) & 15];
}

}  // namespace

std::string to_unicode_cmap(std::u32string_view characters) {
  std::string out =
      "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
      "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n"
      "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
      "1 begincodespacerange <0000> <FFFF> endcodespacerange\n";
  // At most 100 lines a block (Adobe Technical Note 5014).
  for (std::size_t begin = 0; begin < characters.size(); begin += 100) {
    const auto end = std::min(begin + 100, characters.size());
    out += std::to_string(end - begin) + " beginbfchar\n";
    for (auto i = begin; i < end; ++i) {
      out += '<';
      append_hex16(out, static_cast<unsigned>(i + 1));
      out += "> <";
      const auto c = static_cast<unsigned>(characters[i]);
      if (c >= 0x10000) {
        append_hex16(out, 0xd7c0 + (c >> 10));
        append_hex16(out, 0xdc00 + (c & 0x3ff));
      } else {
        append_hex16(out, c);
      }
      out += ">\n";
    }
    out += "endbfchar\n";
  }
  return out + "endcmap CMapName currentdict /CMap defineresource pop end end\n";
}

std::string widths_array(const FontFace& face, std::u32string_view characters) {
  std::string out = "[1[";
  for (const auto c : characters) {
    out += std::to_string(face.advance(face.glyph(c)));
    out += ' ';
  }
  out.back() = ']';
  return out + ']';
}

}  // namespace seal::pdf
