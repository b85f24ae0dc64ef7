#include "verify/pdf_seals.h"

#include <algorithm>
#include <set>

namespace verify::pdf {
namespace {

constexpr std::size_t kMostContainer = 1 << 20;

/// The octets between '<' and '>' written the one way that we take: digits of one case, no white
/// space. Another writing of the same octets would be another file with the same seal.
bool canonical_hex(std::string_view digits) {
  bool lower = false, upper = false;
  for (const char c : digits) {
    if (c >= 'a' && c <= 'f')
      lower = true;
    else if (c >= 'A' && c <= 'F')
      upper = true;
    else if (c < '0' || c > '9')
      return false;
  }
  return digits.size() % 2 == 0 && !(lower && upper);
}

/// Takes the padding of noughts off one DER value; nothing when something else stands there.
std::optional<base::Bytes> without_padding(std::string_view octets) {
  const base::BytesView bytes = base::as_bytes(octets);
  if (bytes.size() < 2 || bytes.size() > kMostContainer || bytes[0] != 0x30) return {};
  std::size_t header = 2, size = bytes[1];
  if (size >= 0x80) {
    const std::size_t count = size & 0x7F;
    if (count == 0 || count > 3 || bytes.size() < 2 + count) return {};
    size = 0;
    for (std::size_t i = 0; i < count; ++i) size = size << 8 | bytes[2 + i];
    header += count;
  }
  if (size > bytes.size() - header) return {};
  const base::BytesView padding = bytes.subspan(header + size);
  if (std::any_of(padding.begin(), padding.end(), [](std::uint8_t octet) { return octet != 0; }))
    return {};
  return base::to_bytes(bytes.first(header + size));
}

bool ends_a_revision(base::BytesView bytes) {
  std::string_view text = base::as_text(bytes);
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text.ends_with("%%EOF");
}

/// Fills in the ranges. Returns the message key of what is wrong, or nothing.
std::string read_ranges(const File& file, const Object& dictionary, Signature& out) {
  const Object* range = dictionary.member("ByteRange");
  const Object* contents = dictionary.member("Contents");
  if (range == nullptr || !range->is(Type::array) || range->items.size() != 4)
    return "verify.pdf.byte_range";
  std::int64_t at[4];
  for (int i = 0; i < 4; ++i) {
    if (!range->items[i].is(Type::integer)) return "verify.pdf.byte_range";
    at[i] = range->items[i].integer;
  }
  const base::BytesView bytes = file.bytes();
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (at[0] != 0 || at[1] <= 0 || at[2] <= at[1] || at[2] > size || at[3] <= 0 ||
      at[3] > size - at[2])
    return "verify.pdf.byte_range";
  if (contents == nullptr || !contents->is(Type::string) || !contents->hex ||
      contents->begin == kNowhere)
    return "verify.pdf.container";
  out.hole_begin = static_cast<std::size_t>(at[1]);
  out.hole_end = static_cast<std::size_t>(at[2]);
  out.end = static_cast<std::size_t>(at[2] + at[3]);
  if (out.hole_begin != contents->begin || out.hole_end != contents->end)
    return "verify.pdf.byte_range";
  if (!ends_a_revision(bytes.first(out.end))) return "verify.pdf.byte_range";
  const auto digits =
      base::as_text(bytes).substr(out.hole_begin + 1, out.hole_end - out.hole_begin - 2);
  auto container = without_padding(contents->text);
  if (!canonical_hex(digits) || !container) return "verify.pdf.container";
  out.container = std::move(*container);
  return {};
}

Signature read_signature(File& file, const Object& dictionary) {
  Signature out;
  if (const Object* name = file.member(dictionary, "SubFilter"))
    if (name->is(Type::name)) out.sub_filter = name->text;
  const Object* type = file.member(dictionary, "Type");
  out.document_stamp =
      out.sub_filter == "ETSI.RFC3161" && type != nullptr && type->is_name("DocTimeStamp");
  if (const Object* date = file.member(dictionary, "M"))
    if (date->is(Type::string)) out.claimed_time = date->text;
  out.problem = read_ranges(file, dictionary, out);
  return out;
}

/// Walks the tree of fields; `type` is the inherited /FT.
class Fields {
 public:
  Fields(File& file, const Limits& limits) : file_(file), limits_(limits) {}
  bool walk(const Object& kids, const std::string& type, int depth);
  std::vector<Signature> found;
  bool too_many = false;

 private:
  bool one(const Object& field, std::string type, int depth);
  File& file_;
  const Limits& limits_;
  std::set<Reference> seen_;    // fields
  std::set<Reference> values_;  // signature dictionaries: one may serve two fields, once
};

bool Fields::walk(const Object& kids, const std::string& type, int depth) {
  if (!kids.is(Type::array) || depth > limits_.depth) return false;
  for (const Object& kid : kids.items) {
    if (kid.is(Type::reference) && !seen_.insert(kid.reference).second) continue;
    const Object* field = file_.follow(&kid);
    if (field == nullptr) return false;
    if (field->is(Type::null)) continue;
    if (!field->is(Type::dictionary) || !one(*field, type, depth)) return false;
  }
  return true;
}

bool Fields::one(const Object& field, std::string type, int depth) {
  const Object* own = file_.member(field, "FT");
  const Object* kids = file_.member(field, "Kids");
  const Object* value = file_.member(field, "V");
  if (own == nullptr || kids == nullptr || value == nullptr) return false;
  if (own->is(Type::name)) type = own->text;
  if (type == "Sig" && !value->is(Type::null)) {
    const Object* direct = field.member("V");
    const bool fresh = !direct->is(Type::reference) || values_.insert(direct->reference).second;
    if (found.size() == static_cast<std::size_t>(limits_.signatures)) return !(too_many = true);
    if (!value->is(Type::dictionary)) {
      found.emplace_back().problem = "verify.pdf.container";
    } else if (fresh) {
      found.push_back(read_signature(file_, *value));
    }
  }
  return kids->is(Type::null) || walk(*kids, type, depth + 1);
}

}  // namespace

base::Result<std::vector<Signature>> signatures_of(File& file, const Limits& limits) {
  const auto refused = [&](const char* key) {
    return base::error(base::Code::invalid_argument,
                       file.too_complex() ? "verify.pdf.too_complex" : key);
  };
  const Object* root = file.member(file.trailer(), "Root");
  const Object* form = root ? file.member(*root, "AcroForm") : nullptr;
  if (form == nullptr) return refused("verify.pdf.structure");
  if (form->is(Type::null)) return std::vector<Signature>();
  const Object* fields = file.member(*form, "Fields");
  if (fields == nullptr || !form->is(Type::dictionary)) return refused("verify.pdf.structure");
  if (fields->is(Type::null)) return std::vector<Signature>();
  Fields walk(file, limits);
  if (!walk.walk(*fields, "", 0))
    return refused(walk.too_many ? "verify.pdf.too_many_seals" : "verify.pdf.structure");
  std::stable_sort(walk.found.begin(), walk.found.end(), [](const auto& a, const auto& b) {
    return std::make_pair(a.problem.empty(), a.end) < std::make_pair(b.problem.empty(), b.end);
  });
  return std::move(walk.found);
}

bool has_loose_seal(base::BytesView file) {
  const std::string_view text = base::as_text(file);
  return text.find("/ByteRange") != std::string_view::npos &&
         (text.find("/ETSI.CAdES.detached") != std::string_view::npos ||
          text.find("/ETSI.RFC3161") != std::string_view::npos ||
          text.find("/adbe.pkcs7.") != std::string_view::npos);
}

std::optional<base::Time> to_time(std::string_view date) {
  if (!date.starts_with("D:")) return {};
  date.remove_prefix(2);
  if (date.size() < 14) return {};
  const auto all_digits = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  const std::string_view digits = date.substr(0, 14);
  std::string_view zone = date.substr(14);
  if (!all_digits(digits)) return {};
  std::string text;
  constexpr std::string_view kBehind = "--T::";
  std::size_t from = 0;
  for (std::size_t part = 0; part < 6; ++part) {
    const std::size_t size = part == 0 ? 4 : 2;
    text += digits.substr(from, size);
    if (part < kBehind.size()) text += kBehind[part];
    from += size;
  }
  if (zone.ends_with('\'')) zone.remove_suffix(1);
  if (zone.empty() || zone == "Z" || zone == "Z00'00") {
    text += 'Z';
  } else {
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != '\'') return {};
    text += zone.substr(0, 3);
    text += ':';
    text += zone.substr(4);
  }
  return base::parse_rfc3339(text);
}

std::optional<std::string> information(File& file, std::string_view key) {
  const Object* info = file.member(file.trailer(), "Info");
  const Object* value = info ? file.member(*info, key) : nullptr;
  if (value == nullptr || !value->is(Type::string) || value->text.empty() ||
      value->text.size() > 200 ||
      std::any_of(value->text.begin(), value->text.end(), [](char c) { return c < 32 || c > 126; }))
    return {};
  return value->text;
}

}  // namespace verify::pdf
