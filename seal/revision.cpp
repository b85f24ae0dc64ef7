#include "seal/revision.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/encoding.h"
#include "verify/pdf_evidence.h"
#include "verify/pdf_file.h"

namespace seal {
namespace {

using verify::pdf::File;
using verify::pdf::Object;
using verify::pdf::Reference;
using verify::pdf::Type;

constexpr std::size_t kByteRangeWidth = 40;
constexpr int kMostPageLevels = 32;

std::string ref(std::int64_t number, std::int64_t generation = 0) {
  return std::to_string(number) + ' ' + std::to_string(generation) + " R";
}

/// As any reader reads it; strings in hexadecimal, whatever they were in.
void write(const Object& object, std::string& out) {
  switch (object.type) {
    case Type::null:
      out += "null";
      return;
    case Type::boolean:
      out += object.boolean ? "true" : "false";
      return;
    case Type::integer:
      out += std::to_string(object.integer);
      return;
    case Type::real:
      out += object.text;
      return;
    case Type::name:
      out += '/';
      for (const char c : object.text) {
        const bool plain = c > 0x20 && c < 0x7f &&
                           std::string_view("()<>[]{}/%#").find(c) == std::string_view::npos;
        if (plain)
          out += c;
        else
          out += '#' + base::to_hex(base::as_bytes({&c, 1}));
      }
      return;
    case Type::string:
      out += '<' + base::to_hex(base::as_bytes(object.text)) + '>';
      return;
    case Type::reference:
      out += ref(object.reference.number, object.reference.generation);
      return;
    case Type::array:
      out += '[';
      for (const auto& item : object.items) {
        write(item, out);
        out += ' ';
      }
      out += ']';
      return;
    case Type::dictionary:
      out += "<<";
      for (const auto& [key, value] : object.members) {
        Object name;
        name.type = Type::name;
        name.text = key;
        write(name, out);
        out += ' ';
        write(value, out);
      }
      out += ">>";
      return;
  }
}

Object reference_to(std::int64_t number) {
  Object out;
  out.type = Type::reference;
  out.reference = {number, 0};
  return out;
}

void set(Object& dictionary, std::string_view key, Object value) {
  for (auto& [name, old] : dictionary.members)
    if (name == key) {
      old = std::move(value);
      return;
    }
  dictionary.members.push_back({std::string(key), std::move(value)});
}

class Revision {
 public:
  Revision(File& file, base::BytesView bytes) : file_(file), bytes_(bytes) {
    next_ = file.places().empty() ? 1 : file.places().rbegin()->first + 1;
  }
  bool add_evidence(const pdf::Evidence& evidence);
  bool add_stamp(std::size_t stamp_bytes);
  bool finish(pdf::Unsigned& out);
  bool changed() const { return !offsets_.empty(); }

 private:
  bool catalog();
  void begin(std::int64_t number, std::int64_t generation = 0);
  void object(const Reference& at, const Object& value);
  std::int64_t stream(base::BytesView data);
  const Object* first_page(Reference& at);

  File& file_;
  const base::BytesView bytes_;
  std::int64_t next_;
  std::string tail_ = "\n";
  std::map<std::int64_t, std::pair<std::size_t, std::int64_t>> offsets_;  // and generations
  std::optional<Object> catalog_;
  Reference root_;
  std::size_t range_at_ = 0, hole_ = 0, after_ = 0;
};

void Revision::begin(std::int64_t number, std::int64_t generation) {
  offsets_[number] = {bytes_.size() + tail_.size(), generation};
  tail_ += std::to_string(number) + ' ' + std::to_string(generation) + " obj\n";
}

void Revision::object(const Reference& at, const Object& value) {
  begin(at.number, at.generation);
  write(value, tail_);
  tail_ += "\nendobj\n";
}

std::int64_t Revision::stream(base::BytesView data) {
  begin(next_);
  tail_ += "<</Length " + std::to_string(data.size()) + ">>\nstream\n";
  tail_ += base::as_text(data);
  tail_ += "\nendstream\nendobj\n";
  return next_++;
}

bool Revision::catalog() {
  if (catalog_) return true;
  const Object* root = file_.trailer().member("Root");
  if (root == nullptr || !root->is(Type::reference)) return false;
  root_ = root->reference;
  const Object* catalog = file_.follow(root);
  if (catalog == nullptr || !catalog->is(Type::dictionary)) return false;
  catalog_ = *catalog;
  return true;
}

bool Revision::add_evidence(const pdf::Evidence& evidence) {
  const auto held = verify::pdf::evidence_of(file_);
  if (!held || !catalog()) return false;
  std::vector<Reference> certificates = held->certificate_streams, lists = held->list_streams;
  bool fresh = false;
  for (const auto& der : evidence.certificates) {
    const auto is = [&](const auto& one) { return base::to_bytes(one.der()) == der; };
    if (std::any_of(held->certificates.begin(), held->certificates.end(), is)) continue;
    certificates.push_back({stream(der), 0});
    fresh = true;
  }
  for (const auto& der : evidence.revocation_lists) {
    const auto& all = held->revocation_lists;
    if (std::find(all.begin(), all.end(), der) != all.end()) continue;
    lists.push_back({stream(der), 0});
    fresh = true;
  }
  if (!fresh) return true;
  const Object* old = file_.member(*catalog_, "DSS");
  Object store;
  store.type = Type::dictionary;
  if (old != nullptr && old->is(Type::dictionary)) store = *old;
  const auto put = [&](std::string_view key, const std::vector<Reference>& all) {
    if (all.empty()) return;
    Object array;
    array.type = Type::array;
    for (const auto& one : all) {
      Object item;
      item.type = Type::reference;
      item.reference = one;
      array.items.push_back(std::move(item));
    }
    set(store, key, std::move(array));
  };
  put("Certs", certificates);
  put("CRLs", lists);
  const auto number = next_++;
  object({number, 0}, store);
  set(*catalog_, "DSS", reference_to(number));
  return true;
}

const Object* Revision::first_page(Reference& at) {
  const Object* node = file_.member(*catalog_, "Pages");
  for (int level = 0; node != nullptr && level < kMostPageLevels; ++level) {
    const Object* kids = file_.member(*node, "Kids");
    if (kids == nullptr || !kids->is(Type::array) || kids->items.empty() ||
        !kids->items.front().is(Type::reference))
      return nullptr;
    at = kids->items.front().reference;
    node = file_.follow(&kids->items.front());
    const Object* type = node == nullptr ? nullptr : file_.member(*node, "Type");
    if (type != nullptr && type->is_name("Page")) return node;
  }
  return nullptr;
}

/// The widget has no size: nothing is to be seen of it (ISO 32000-1 §12.7.4.5).
bool Revision::add_stamp(std::size_t stamp_bytes) {
  if (!catalog()) return false;
  Reference at;
  const Object* page = first_page(at);
  const Object* form = file_.member(*catalog_, "AcroForm");
  if (page == nullptr || form == nullptr || !form->is(Type::dictionary)) return false;
  const Object* fields = file_.member(*form, "Fields");
  const Object* annotations = file_.member(*page, "Annots");
  if (fields == nullptr || !fields->is(Type::array) || annotations == nullptr) return false;
  const auto field = next_++, value = next_++;

  Object new_fields = *fields, new_form = *form, new_page = *page, new_annotations, flags;
  new_fields.items.push_back(reference_to(field));
  flags.type = Type::integer;
  flags.integer = 3;  // signatures exist, append only
  set(new_form, "Fields", std::move(new_fields));
  set(new_form, "SigFlags", std::move(flags));
  set(*catalog_, "AcroForm", std::move(new_form));
  new_annotations.type = Type::array;
  if (annotations->is(Type::array)) new_annotations = *annotations;
  new_annotations.items.push_back(reference_to(field));
  set(new_page, "Annots", std::move(new_annotations));
  object(at, new_page);

  begin(field);
  tail_ += "<</Type/Annot/Subtype/Widget/FT/Sig/T(Archive" + std::to_string(field) +
           ")/F 132/Rect[0 0 0 0]/P " + ref(at.number, at.generation) + "/V " + ref(value) +
           ">>\nendobj\n";
  begin(value);
  tail_ += "<</Type/DocTimeStamp/Filter/Adobe.PPKLite/SubFilter/ETSI.RFC3161/ByteRange[";
  range_at_ = tail_.size();
  tail_.append(kByteRangeWidth, ' ');
  tail_ += "]/Contents";
  hole_ = tail_.size();
  tail_ += '<';
  tail_.append(2 * stamp_bytes, '0');
  tail_ += '>';
  after_ = tail_.size();
  tail_ += ">>\nendobj\n";
  return true;
}

bool Revision::finish(pdf::Unsigned& out) {
  const auto text = base::as_text(bytes_);
  const auto mark = text.rfind("startxref");
  const auto digits = text.find_first_of("0123456789", mark);
  if (mark == std::string_view::npos || digits == std::string_view::npos) return false;
  const auto previous =
      std::string(text.substr(digits, text.find_first_not_of("0123456789", digits) - digits));
  // Readers complain about a table behind a cross-reference stream.
  if (previous.size() > 12 || !text.substr(std::stoull(previous)).starts_with("xref")) return false;
  object(root_, *catalog_);

  const auto start = bytes_.size() + tail_.size();
  tail_ += "xref\n";
  for (const auto& [number, place] : offsets_) {
    char line[64];
    std::snprintf(line, sizeof line, "%lld 1\n%010zu %05lld n \n", static_cast<long long>(number),
                  place.first, static_cast<long long>(place.second));
    tail_ += line;
  }
  tail_ +=
      "trailer\n<</Size " + std::to_string(next_) + "/Root " + ref(root_.number, root_.generation);
  for (const char* key : {"Info", "ID"})
    if (const Object* kept = file_.trailer().member(key)) {
      tail_ += '/' + std::string(key) + ' ';
      write(*kept, tail_);
    }
  tail_ += "/Prev " + previous + ">>\nstartxref\n" + std::to_string(start) + "\n%%EOF\n";

  const auto base = bytes_.size();
  if (hole_ != 0) {
    const auto range = "0 " + std::to_string(base + hole_) + ' ' + std::to_string(base + after_) +
                       ' ' + std::to_string(tail_.size() - after_);
    base::check(range.size() <= kByteRangeWidth, "the byte range has outgrown its place");
    std::copy(range.begin(), range.end(), tail_.begin() + static_cast<std::ptrdiff_t>(range_at_));
    const std::string_view all(tail_);
    out.digest = base::Sha256()
                     .update(bytes_)
                     .update(base::as_bytes(all.substr(0, hole_)))
                     .update(base::as_bytes(all.substr(after_)))
                     .finish();
    out.contents_begin = base + hole_;
    out.contents_end = base + after_;
  }
  out.file = base::to_bytes(bytes_);
  base::append(out.file, base::as_bytes(tail_));
  return true;
}

}  // namespace

base::Result<pdf::Unsigned> append_revision(base::BytesView bytes, const pdf::Evidence& evidence,
                                            std::size_t stamp_bytes) {
  const auto refused = [](const char* why) {
    return base::error(base::Code::invalid_argument, "seal.not_augmentable", why);
  };
  auto file = File::open(bytes, {});
  if (!file) return refused(file.error().key.c_str());
  Revision revision(*file, bytes);
  pdf::Unsigned out;
  if (!revision.add_evidence(evidence)) return refused("a security store that cannot be kept");
  if (stamp_bytes != 0 && !revision.add_stamp(stamp_bytes)) return refused("no form, or no page");
  if (!revision.changed()) return refused("nothing to add");
  if (!revision.finish(out)) return refused("no classic cross-reference table");
  return out;
}

}  // namespace seal
