#include "verify/pdf_file.h"

#include <algorithm>
#include <set>

#include "verify/pdf_filter.h"

namespace verify::pdf {
namespace {

constexpr std::int64_t kMostNumber = 8'388'607;  // ISO 32000-1 annex C
constexpr std::size_t kMostSections = 1024;
constexpr std::size_t kMostUnpacked = 64 << 20;
constexpr int kMostReferencesInARow = 16;
/// Objects that need another one to be read: an object stream's length in another object stream, …
constexpr int kMostResolving = 8;

const Object kNull{};

base::Error refused(const char* key) {
  return base::error(base::Code::invalid_argument, key);
}

}  // namespace

File::File(base::BytesView bytes, const Limits& limits)
    : bytes_(bytes),
      limits_(limits),
      budget_owner_(std::make_shared<Budget>(
          Budget{limits.objects, 4 * bytes.size(), kMostUnpacked, limits.depth})),
      budget_(*budget_owner_),
      notes_left_(4 * limits.objects) {}

bool File::spend(std::size_t octets) {
  budget_.octets -= std::min(octets, budget_.octets);
  return budget_.octets > 0;
}

base::Result<File> File::open(base::BytesView bytes, const Limits& limits) {
  const std::string_view text = base::as_text(bytes);
  if (!text.starts_with("%PDF-")) return refused("verify.pdf.not_pdf");
  const auto start = text.rfind("startxref");
  if (start == std::string_view::npos) return refused("verify.pdf.structure");
  File file(bytes, limits);
  Reader reader(bytes, file.budget_, true, start);
  std::int64_t at = 0;
  if (!reader.keyword("startxref") || !reader.number(at)) return refused("verify.pdf.structure");
  const auto mark = text.find_first_not_of("\r\n \t", reader.at());
  if (mark == std::string_view::npos || !text.substr(mark).starts_with("%%EOF"))
    return refused("verify.pdf.structure");
  if (!file.read_sections(static_cast<std::size_t>(at)))
    return refused(file.too_complex() ? "verify.pdf.too_complex" : "verify.pdf.structure");
  if (file.trailer_.member("Encrypt") != nullptr) return refused("verify.pdf.encrypted");
  const Object* root = file.member(file.trailer_, "Root");
  if (root == nullptr || !root->is(Type::dictionary)) return refused("verify.pdf.structure");
  return file;
}

bool File::read_sections(std::size_t start) {
  std::set<std::size_t> seen;
  std::vector<std::size_t> waiting{start};
  bool first = true;
  while (!waiting.empty()) {
    const std::size_t at = waiting.back();
    waiting.pop_back();
    if (at >= bytes_.size() || !seen.insert(at).second || seen.size() > kMostSections) return false;
    Object trailer;
    Reader reader(bytes_, budget_, true, at);
    if (reader.keyword("xref") ? !read_table(reader, trailer)
                               : !read_cross_reference_stream(at, trailer))
      return false;
    for (const char* key : {"Prev", "XRefStm"}) {  // read last is read first
      const Object* older = trailer.member(key);
      if (older == nullptr) continue;
      if (!older->is(Type::integer) || older->integer < 0) return false;
      waiting.push_back(static_cast<std::size_t>(older->integer));
    }
    if (const Object* encrypt = trailer.member("Encrypt");
        encrypt != nullptr && !first && trailer_.member("Encrypt") == nullptr)
      trailer_.members.push_back({"Encrypt", *encrypt});
    if (std::exchange(first, false)) trailer_ = std::move(trailer);
  }
  return true;
}

bool File::note(std::int64_t number, const Place& place) {
  if (number < 0 || number > kMostNumber) return false;
  places_.emplace(number, place);  // what a newer section says stays
  if (notes_left_ > 0 && places_.size() <= limits_.objects) return --notes_left_, true;
  budget_.values = 0;
  return false;
}

bool File::read_table(Reader& reader, Object& trailer) {
  while (!reader.keyword("trailer")) {
    std::int64_t first = 0, count = 0;
    if (!reader.number(first) || !reader.number(count) || !read_table_entries(reader, first, count))
      return false;
  }
  return reader.value(trailer) && trailer.is(Type::dictionary);
}

bool File::read_table_entries(Reader& reader, std::int64_t first, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    Place place;
    if (!reader.number(place.at) || !reader.number(place.second)) return false;
    if (reader.keyword("n"))
      place.kind = Place::Kind::offset;
    else if (!reader.keyword("f"))
      return false;
    if (!note(first + i, place)) return false;
  }
  return true;
}

bool File::read_cross_reference_stream(std::size_t at, Object& trailer) {
  std::optional<base::BytesView> raw;
  if (!read_indirect(at, {}, trailer, &raw) || !raw) return false;
  const Object* type = trailer.member("Type");
  const Object* length = trailer.member("Length");
  // Nothing can be looked up yet: the length stands here itself.
  if (type == nullptr || !type->is_name("XRef") || !length->is(Type::integer)) return false;
  const auto data = decode(trailer, *raw);
  return data && take_entries(trailer, *data);
}

bool File::take_entries(const Object& dictionary, base::BytesView data) {
  const Object* widths = dictionary.member("W");
  const Object* size = dictionary.member("Size");
  if (widths == nullptr || !widths->is(Type::array) || widths->items.size() != 3 ||
      size == nullptr || !size->is(Type::integer))
    return false;
  std::size_t width[3], entry = 0;
  for (int i = 0; i < 3; ++i) {
    const Object& one = widths->items[i];
    if (!one.is(Type::integer) || one.integer < 0 || one.integer > 7) return false;
    entry += width[i] = static_cast<std::size_t>(one.integer);
  }
  if (entry == 0) return false;
  std::vector<std::int64_t> index{0, size->integer};
  if (const Object* given = dictionary.member("Index")) {
    if (!given->is(Type::array) || given->items.size() % 2 != 0) return false;
    index.clear();
    for (const Object& one : given->items) {
      if (!one.is(Type::integer) || one.integer < 0) return false;
      index.push_back(one.integer);
    }
  }
  for (std::size_t range = 0; range < index.size(); range += 2)
    for (std::int64_t i = 0; i < index[range + 1]; ++i) {
      if (data.size() < entry) return false;
      std::int64_t field[3] = {1, 0, 0};  // a kind that is not written is 1
      std::size_t from = 0;
      for (int f = 0; f < 3; ++f) {
        if (width[f] > 0) field[f] = 0;
        for (std::size_t octet = 0; octet < width[f]; ++octet)
          field[f] = field[f] << 8 | data[from++];
      }
      data = data.subspan(entry);
      Place place{Place::Kind::free, field[1], field[2]};
      if (field[0] == 1) place.kind = Place::Kind::offset;
      if (field[0] == 2) place.kind = Place::Kind::in_stream;
      if (!note(index[range] + i, place)) return false;
    }
  return true;
}

bool File::read_indirect(std::size_t at, const std::optional<Reference>& wanted, Object& out,
                         std::optional<base::BytesView>* stream, std::size_t* behind) {
  if (at >= bytes_.size() || bytes_[at] < '0' || bytes_[at] > '9') return false;
  Reader reader(bytes_, budget_, true, at);
  Reference is;
  const bool read = reader.number(is.number) && reader.number(is.generation) &&
                    reader.keyword("obj") && (!wanted || is == *wanted) && reader.value(out);
  if (!spend(reader.at() - at) || !read) return false;
  if (reader.keyword("endobj")) {
    if (behind != nullptr) *behind = reader.at();
    return true;
  }
  base::BytesView data;
  if (!out.is(Type::dictionary) || !reader.keyword("stream")) return false;
  if (stream == nullptr) return true;  // the octets are of no interest
  if (!stream_bytes(reader, out, data)) return false;
  *stream = data;
  if (behind == nullptr) return true;
  Reader end(bytes_, budget_, true,
             static_cast<std::size_t>(data.data() - bytes_.data()) + data.size());
  if (!end.keyword("endstream") || !end.keyword("endobj")) return false;
  *behind = end.at();
  return true;
}

std::optional<base::Bytes> File::stream(const Reference& reference) {
  const auto found = places_.find(reference.number);
  if (found == places_.end() ||
      found->second != Place{Place::Kind::offset, found->second.at, reference.generation})
    return {};
  Object dictionary;
  std::optional<base::BytesView> raw;
  if (!read_indirect(static_cast<std::size_t>(found->second.at), reference, dictionary, &raw) ||
      !raw)
    return {};
  return decode(dictionary, *raw);
}

bool File::skip_table(Reader& reader) {
  std::int64_t first = 0, count = 0, number = 0;
  while (!reader.keyword("trailer")) {
    if (!reader.number(first) || !reader.number(count)) return false;
    for (std::int64_t i = 0; i < count; ++i)
      if (!reader.number(number) || !reader.number(number) ||
          (!reader.keyword("n") && !reader.keyword("f")))
        return false;
  }
  Object trailer;
  return reader.value(trailer) && trailer.is(Type::dictionary);
}

bool File::only_structure(std::size_t begin, std::size_t end) {
  const std::string_view text = base::as_text(bytes_).substr(0, end);
  auto last_line = text;  // with one end of line at the most
  if (last_line.ends_with('\n')) last_line.remove_suffix(1);
  if (last_line.ends_with('\r')) last_line.remove_suffix(1);
  if (!last_line.ends_with("%%EOF")) return false;
  std::map<std::int64_t, std::size_t> last;
  std::size_t at = begin;
  const auto skip = [&] { at = std::min(text.find_first_not_of("\r\n\t ", at), text.size()); };
  for (skip(); at < end; skip()) {
    bool found = false;  // of this revision: an object
    for (; at < end && text[at] >= '0' && text[at] <= '9'; skip(), found = true) {
      Reader reader(bytes_, budget_, true, at);
      Object object;
      std::int64_t number = 0;
      std::optional<base::BytesView> data;
      std::size_t behind = 0;
      if (!reader.number(number) || !read_indirect(at, {}, object, &data, &behind)) return false;
      const Object* type = object.member("Type");
      if (!data || type == nullptr || !type->is_name("XRef")) last[number] = at;
      at = behind;
    }
    // No comment anywhere else: it could be anything.
    if (!found || at >= end || text[at] == '%') return false;
    if (Reader table(bytes_, budget_, true, at); table.keyword("xref")) {
      if (!skip_table(table)) return false;
      at = table.at();
    }
    skip();
    Reader start(bytes_, budget_, true, at);
    std::int64_t ignored = 0;
    if (at >= end || text[at] == '%' || !start.keyword("startxref") || !start.number(ignored))
      return false;
    at = start.at();
    skip();
    if (!text.substr(at).starts_with("%%EOF")) return false;
    at += 5;
  }
  return at == end && !last.empty() && std::all_of(last.begin(), last.end(), [&](const auto& one) {
           const auto place = places_.find(one.first);
           return place != places_.end() && place->second.kind == Place::Kind::offset &&
                  place->second.at == static_cast<std::int64_t>(one.second);
         });
}

bool File::stream_bytes(Reader& reader, const Object& dictionary, base::BytesView& out) {
  std::size_t begin = reader.at();
  if (begin < bytes_.size() && bytes_[begin] == '\r') ++begin;
  if (begin >= bytes_.size() || bytes_[begin] != '\n') return false;
  ++begin;
  const Object* length = member(dictionary, "Length");
  if (length == nullptr || !length->is(Type::integer) || length->integer < 0) return false;
  const auto size = static_cast<std::size_t>(length->integer);
  if (size > bytes_.size() - begin) return false;
  Reader behind(bytes_, budget_, true, begin + size);
  if (!behind.keyword("endstream") || !behind.keyword("endobj")) return false;
  out = bytes_.subspan(begin, size);
  return true;
}

std::optional<base::Bytes> File::decode(const Object& dictionary, base::BytesView data) {
  const Object* filter = member(dictionary, "Filter");
  const Object* parameters = member(dictionary, "DecodeParms");
  if (filter == nullptr || parameters == nullptr) return {};
  if (filter->is(Type::array)) {
    if (filter->items.size() > 1) return {};
    filter = filter->items.empty() ? &kNull : follow(&filter->items[0]);
  }
  if (parameters->is(Type::array))
    parameters = parameters->items.empty() ? &kNull : follow(&parameters->items[0]);
  if (filter == nullptr || parameters == nullptr) return {};
  const bool plain = filter->is(Type::null);
  if (!plain && !filter->is_name("FlateDecode")) return {};
  auto out = plain ? std::optional(base::to_bytes(data)) : inflate(data, budget_.unpacked);
  budget_.unpacked -= std::min(budget_.unpacked, out ? out->size() : budget_.unpacked);
  if (!out || budget_.unpacked == 0) return {};
  if (plain) return out;
  return undo_predictor(std::move(*out), *parameters);
}

const File::Packed* File::packed(std::int64_t number) {
  const auto [known, fresh] = packed_.emplace(number, nullptr);
  if (!fresh) return known->second.get();
  const auto place = places_.find(number);
  if (place == places_.end() || place->second.kind != Place::Kind::offset) return nullptr;
  Object dictionary;
  std::optional<base::BytesView> raw;
  if (!read_indirect(static_cast<std::size_t>(place->second.at),
                     Reference{number, place->second.second}, dictionary, &raw) ||
      !raw)
    return nullptr;
  const Object* type = dictionary.member("Type");
  const Object* count = member(dictionary, "N");
  const Object* first = member(dictionary, "First");
  if (type == nullptr || !type->is_name("ObjStm") || count == nullptr || first == nullptr ||
      !count->is(Type::integer) || !first->is(Type::integer) || first->integer < 0)
    return nullptr;
  auto data = decode(dictionary, *raw);
  if (!data || static_cast<std::size_t>(first->integer) > data->size()) return nullptr;
  auto out = std::make_unique<Packed>();
  out->bytes = std::move(*data);
  Reader reader(out->bytes, budget_, false);
  for (std::int64_t i = 0; i < count->integer; ++i) {
    std::int64_t object = 0, offset = 0;
    if (!reader.number(object) || !reader.number(offset)) return nullptr;
    out->objects.emplace_back(object, static_cast<std::size_t>(first->integer + offset));
  }
  return (packed_[number] = std::move(out)).get();
}

bool File::read_packed(const Place& place, std::int64_t number, Object& out) {
  const Packed* stream = packed(place.at);
  const auto index = static_cast<std::size_t>(place.second);
  if (stream == nullptr || place.second < 0 || index >= stream->objects.size() ||
      stream->objects[index].first != number ||
      stream->objects[index].second > stream->bytes.size())
    return false;
  const std::size_t at = stream->objects[index].second;
  Reader reader(stream->bytes, budget_, false, at);
  const bool read = reader.value(out);
  return spend(reader.at() - at) && read;
}

const Object* File::resolve(const Reference& reference) {
  const auto found = places_.find(reference.number);
  if (found == places_.end() || found->second.kind == Place::Kind::free) return &kNull;
  const Place& place = found->second;
  const bool packed = place.kind == Place::Kind::in_stream;
  if (reference.generation != (packed ? 0 : place.second)) return &kNull;
  // An object that needs itself to be read (a length that refers to its own stream) finds null
  // here.
  const auto [known, fresh] = objects_.emplace(reference.number, nullptr);
  if (!fresh) return known->second.get();
  if (resolving_ == kMostResolving) return nullptr;
  ++resolving_;
  auto object = std::make_unique<Object>();
  const bool good =
      packed ? read_packed(place, reference.number, *object)
             : read_indirect(static_cast<std::size_t>(place.at), reference, *object, nullptr);
  --resolving_;
  if (!good) return nullptr;
  return (objects_[reference.number] = std::move(object)).get();
}

const Object* File::follow(const Object* object) {
  for (int i = 0; object != nullptr && object->is(Type::reference); ++i) {
    if (i == kMostReferencesInARow) return nullptr;
    object = resolve(object->reference);
  }
  return object;
}

const Object* File::member(const Object& dictionary, std::string_view key) {
  const Object* object = dictionary.member(key);
  return object == nullptr ? &kNull : follow(object);
}

}  // namespace verify::pdf
