// What a later revision may do to a sealed one: add signatures, and nothing else. Whatever is not
// plainly that counts as a change: a false alarm can be explained, a false "genuine" cannot.
#include <algorithm>
#include <set>

#include "verify/pdf_seals.h"

namespace verify::pdf {
namespace {

using Members = std::vector<std::string_view>;

bool listed(const Members& keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// Equal but for the members named.
bool same_but(const Object& older, const Object& newer, const Members& may_differ) {
  if (!older.is(Type::dictionary) || !newer.is(Type::dictionary)) return false;
  const auto within = [&](const Object& a, const Object& b) {
    return std::all_of(a.members.begin(), a.members.end(), [&](const auto& one) {
      if (listed(may_differ, one.first)) return true;
      const Object* twin = b.member(one.first);
      return twin != nullptr && *twin == one.second;
    });
  };
  return within(older, newer) && within(newer, older);
}

class Comparison {
 public:
  Comparison(File& older, File& newer) : older_(older), newer_(newer) {}
  bool holds();

 private:
  bool catalog(const Object& before, const Object& after);
  bool form(const Object* before, const Object* after);
  bool grown(const Object* before, const Object* after, bool widgets_only);
  bool page(const Object& before, const Object& after);
  bool changed_object(std::int64_t number);
  bool collect_dangling();
  void collect(const Object& object);
  bool is_signature_field(const Object& field);

  File& older_;
  File& newer_;
  std::set<std::int64_t> dangling_;  // numbers that the older revision names but does not have
};

/// An array that keeps all it had, in order, and gained signature fields at its end.
bool Comparison::grown(const Object* before, const Object* after, bool widgets_only) {
  if (before == nullptr || after == nullptr) return false;
  const std::vector<Object> none;
  if (!before->is(Type::array) && !before->is(Type::null)) return false;
  if (!after->is(Type::array)) return before->is(Type::null) && after->is(Type::null);
  const auto& had = before->is(Type::array) ? before->items : none;
  if (after->items.size() < had.size() || !std::equal(had.begin(), had.end(), after->items.begin()))
    return false;
  return std::all_of(after->items.begin() + static_cast<std::ptrdiff_t>(had.size()),
                     after->items.end(), [&](const Object& item) {
                       const Object* field = newer_.follow(&item);
                       if (field == nullptr || !is_signature_field(*field)) return false;
                       const Object* subtype = newer_.member(*field, "Subtype");
                       return !widgets_only || (subtype && subtype->is_name("Widget"));
                     });
}

bool Comparison::is_signature_field(const Object& field) {
  const Object* type = newer_.member(field, "FT");
  return field.is(Type::dictionary) && type != nullptr && type->is_name("Sig") &&
         field.member("AA") == nullptr && field.member("A") == nullptr;
}

bool Comparison::form(const Object* before, const Object* after) {
  if (before == nullptr || after == nullptr || !after->is(Type::dictionary)) return false;
  const Object empty = [] {
    Object object;
    object.type = Type::dictionary;
    return object;
  }();
  if (before->is(Type::null)) before = &empty;
  if (!same_but(*before, *after, {"Fields", "SigFlags"})) return false;
  return grown(older_.member(*before, "Fields"), newer_.member(*after, "Fields"), false);
}

bool Comparison::catalog(const Object& before, const Object& after) {
  if (!same_but(before, after, {"AcroForm", "DSS", "Extensions"})) return false;
  const Object* had = older_.member(before, "AcroForm");
  const Object* has = newer_.member(after, "AcroForm");
  if (had == nullptr || has == nullptr) return false;
  return (had->is(Type::null) && has->is(Type::null)) || form(had, has);
}

bool Comparison::page(const Object& before, const Object& after) {
  return same_but(before, after, {"Annots"}) &&
         grown(older_.member(before, "Annots"), newer_.member(after, "Annots"), true);
}

bool Comparison::changed_object(std::int64_t number) {
  const auto generation = [&](const File& file) {
    const Place& place = file.places().at(number);
    return Reference{number, place.kind == Place::Kind::offset ? place.second : 0};
  };
  const Object* before = older_.resolve(generation(older_));
  const Object* after = newer_.resolve(generation(newer_));
  if (before == nullptr || after == nullptr) return false;
  if (const Object* root = older_.trailer().member("Root");
      root->is(Type::reference) && root->reference.number == number)
    return catalog(*before, *after);
  const Object* root = older_.member(older_.trailer(), "Root");
  if (const Object* had = root->member("AcroForm")) {
    if (had->is(Type::reference) && had->reference.number == number) return form(before, after);
    const Object* old_form = older_.follow(had);
    const Object* fields = old_form ? old_form->member("Fields") : nullptr;
    if (fields != nullptr && fields->is(Type::reference) && fields->reference.number == number)
      return grown(before, after, false);
  }
  if (before->is(Type::array)) return grown(before, after, true);  // the annotations of a page
  const Object* type = older_.member(*before, "Type");
  return type != nullptr && type->is_name("Page") && page(*before, *after);
}

void Comparison::collect(const Object& object) {
  if (object.is(Type::reference)) {
    const auto place = older_.places().find(object.reference.number);
    if (place == older_.places().end() || place->second.kind == Place::Kind::free)
      dangling_.insert(object.reference.number);
  }
  for (const Object& item : object.items) collect(item);
  for (const auto& [key, member] : object.members) collect(member);
}

/// A reference to an object that does not exist is null, until a later revision brings the object.
bool Comparison::collect_dangling() {
  for (const auto& [number, place] : older_.places()) {
    if (place.kind == Place::Kind::free) continue;
    const Object* object =
        older_.resolve({number, place.kind == Place::Kind::offset ? place.second : 0});
    if (object == nullptr) return false;
    collect(*object);
  }
  collect(older_.trailer());
  return true;
}

bool Comparison::holds() {
  for (const char* key : {"Root", "Info"}) {
    const Object* before = older_.trailer().member(key);
    const Object* after = newer_.trailer().member(key);
    if ((before == nullptr) != (after == nullptr) || (before && !(*before == *after))) return false;
  }
  if (!collect_dangling()) return false;
  for (const auto& [number, place] : newer_.places()) {
    const auto before = older_.places().find(number);
    const bool existed =
        before != older_.places().end() && before->second.kind != Place::Kind::free;
    if (existed && before->second == place) continue;
    if (existed) {
      if (place.kind == Place::Kind::free || !changed_object(number)) return false;
    } else if (place.kind != Place::Kind::free && dangling_.contains(number)) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool only_signatures_added(File& older, File& newer) {
  return Comparison(older, newer).holds();
}

}  // namespace verify::pdf
