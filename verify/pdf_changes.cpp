// What a later revision may do to a sealed one: add signatures, or evidence with document time
// stamps, and nothing else. Whatever is not plainly that counts as a change: a false alarm can be
// explained, a false "genuine" cannot.
#include <algorithm>
#include <set>

#include "verify/pdf_evidence.h"
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
  Comparison(File& older, File& newer, bool evidence_only)
      : older_(older), newer_(newer), evidence_only_(evidence_only) {}
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
  bool is_hidden_stamp(const Object& field);
  bool collect_stores();
  bool all_still_there();
  bool accounted(std::int64_t number);
  void account(const Object& owner, std::string_view key);

  File& older_;
  File& newer_;
  const bool evidence_only_;
  std::set<std::int64_t> store_;      // objects that the older security store consists of
  std::set<std::int64_t> accounted_;  // that a revision of evidence alone may bring
  std::set<std::int64_t> dangling_;   // numbers that the older revision names but does not have
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
                       if (evidence_only_ && !is_hidden_stamp(*field)) return false;
                       if (item.is(Type::reference)) accounted_.insert(item.reference.number);
                       const Object* subtype = newer_.member(*field, "Subtype");
                       return !widgets_only || (subtype && subtype->is_name("Widget"));
                     });
}

bool Comparison::is_signature_field(const Object& field) {
  const Object* type = newer_.member(field, "FT");
  return field.is(Type::dictionary) && type != nullptr && type->is_name("Sig") &&
         field.member("AA") == nullptr && field.member("A") == nullptr;
}

/// A document time stamp that shows nothing: whoever asks any authority for one gets it.
bool Comparison::is_hidden_stamp(const Object& field) {
  static const Members kPlain{"Type", "Subtype", "FT", "T", "V", "F", "Rect", "P"};
  for (const auto& [key, ignored] : field.members)
    if (!listed(kPlain, key)) return false;
  const Object* rect = newer_.member(field, "Rect");
  const Object* value = newer_.member(field, "V");
  if (rect == nullptr || value == nullptr || !value->is(Type::dictionary)) return false;
  const bool no_place = rect->is(Type::null) ||
                        (rect->is(Type::array) && rect->items.size() == 4 &&
                         rect->items[0] == rect->items[2] && rect->items[1] == rect->items[3]);
  const Object* type = newer_.member(*value, "Type");
  const Object* filter = newer_.member(*value, "SubFilter");
  account(field, "V");
  return no_place && type != nullptr && type->is_name("DocTimeStamp") && filter != nullptr &&
         filter->is_name("ETSI.RFC3161");
}

void Comparison::account(const Object& owner, std::string_view key) {
  const Object* direct = owner.member(key);
  if (direct != nullptr && direct->is(Type::reference)) accounted_.insert(direct->reference.number);
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
  account(*after, "Fields");
  return grown(older_.member(*before, "Fields"), newer_.member(*after, "Fields"), false);
}

/// Which extensions of PDF the file uses, as it says; nothing in it is shown or done.
bool plain_extensions(const Object* extensions) {
  if (extensions == nullptr) return true;
  if (!extensions->is(Type::dictionary)) return false;
  return std::all_of(
      extensions->members.begin(), extensions->members.end(), [](const auto& developer) {
        const auto& [name, value] = developer;
        if (name == "Type") return value.is(Type::name);
        return value.is(Type::dictionary) &&
               std::all_of(value.members.begin(), value.members.end(), [](const auto& one) {
                 return one.second.is(Type::name) || one.second.is(Type::integer);
               });
      });
}

bool Comparison::catalog(const Object& before, const Object& after) {
  if (!same_but(before, after, {"AcroForm", "DSS", "Extensions"})) return false;
  if (evidence_only_ && !plain_extensions(after.member("Extensions"))) return false;
  account(after, "AcroForm");
  const Object* had = older_.member(before, "AcroForm");
  const Object* has = newer_.member(after, "AcroForm");
  if (had == nullptr || has == nullptr) return false;
  return (had->is(Type::null) && has->is(Type::null)) || form(had, has);
}

bool Comparison::page(const Object& before, const Object& after) {
  account(after, "Annots");
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
  // A store that grew: what it holds now was read, and is a store.
  if (store_.contains(number) && accounted_.contains(number)) return true;
  if (const Object* root = older_.trailer().member("Root");
      root->is(Type::reference) && root->reference.number == number)
    return catalog(*before, *after);
  // Programs sign what they write; nothing else about the document may be said otherwise.
  if (const Object* info = older_.trailer().member("Info"); evidence_only_ && info != nullptr &&
                                                            info->is(Type::reference) &&
                                                            info->reference.number == number)
    return same_but(*before, *after, {"Producer", "ModDate"});
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

/// Both stores are what they say, and the newer one's objects may come with it.
bool Comparison::collect_stores() {
  const auto before = evidence_of(older_);
  const auto after = evidence_of(newer_);
  if (!before || !after) return !evidence_only_;
  store_ = before->objects;
  for (const auto* streams :
       {&before->certificate_streams, &before->list_streams, &before->response_streams})
    for (const Reference& one : *streams) store_.erase(one.number);  // these never change
  accounted_ = after->objects;
  return true;
}

/// A cross-reference chain that leaves sections out makes objects vanish without a word.
bool Comparison::all_still_there() {
  return std::all_of(older_.places().begin(), older_.places().end(), [&](const auto& one) {
    if (one.second.kind == Place::Kind::free) return true;
    const auto now = newer_.places().find(one.first);
    return now != newer_.places().end() && now->second.kind != Place::Kind::free;
  });
}

/// Found to be a part of what may come, or of how the file is stored.
bool Comparison::accounted(std::int64_t number) {
  if (accounted_.contains(number)) return true;
  const Place& place = newer_.places().at(number);
  if (place.kind != Place::Kind::offset) return false;
  const Object* object = newer_.resolve({number, place.second});
  const Object* type = object == nullptr ? nullptr : object->member("Type");
  return type != nullptr && (type->is_name("XRef") || type->is_name("ObjStm"));
}

bool Comparison::holds() {
  for (const char* key : {"Root", "Info"}) {
    const Object* before = older_.trailer().member(key);
    const Object* after = newer_.trailer().member(key);
    if ((before == nullptr) != (after == nullptr) || (before && !(*before == *after))) return false;
  }
  if (!collect_dangling() || !collect_stores() || !all_still_there()) return false;
  std::vector<std::int64_t> fresh;
  for (const auto& [number, place] : newer_.places()) {
    const auto before = older_.places().find(number);
    const bool existed =
        before != older_.places().end() && before->second.kind != Place::Kind::free;
    if (existed && before->second == place) continue;
    if (existed) {
      if (place.kind == Place::Kind::free || !changed_object(number)) return false;
    } else if (place.kind != Place::Kind::free && dangling_.contains(number)) {
      return false;
    } else if (place.kind != Place::Kind::free) {
      fresh.push_back(number);
    }
  }
  return !evidence_only_ || std::all_of(fresh.begin(), fresh.end(),
                                        [&](std::int64_t number) { return accounted(number); });
}

}  // namespace

bool only_signatures_added(File& older, File& newer) {
  return Comparison(older, newer, false).holds();
}

bool only_evidence_added(File& older, File& newer) {
  return newer.only_structure(older.bytes().size(), newer.bytes().size()) &&
         Comparison(older, newer, true).holds();
}

}  // namespace verify::pdf
