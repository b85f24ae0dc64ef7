#include "auth/details.h"

#include "base/json.h"

namespace auth {
namespace {

constexpr const char* kField = "auth/subject_detail";
constexpr const char* kPhoneField = "auth/subject_detail/phone";

constexpr store::Query kPutDetails{"auth.put_details", R"sql(
  insert into auth.subject_detail (subject_id, sealed, phone_lookup, changed_at)
  values ($1, $2, $3, $4)
  on conflict (subject_id) do update
    set sealed = excluded.sealed, phone_lookup = excluded.phone_lookup,
        changed_at = excluded.changed_at)sql"};
constexpr store::Query kDetailsOf{"auth.details_of", R"sql(
  select sealed from auth.subject_detail where subject_id = $1)sql"};
constexpr store::Query kSharers{"auth.sharers_of_phone", R"sql(
  select count(*) from auth.subject_detail where phone_lookup = $1)sql"};

}  // namespace

std::string phone_in(const FieldValues& values) {
  for (const std::string_view name : {"mobile", "handler_phone"})
    if (const auto it = values.find(name); it != values.end()) return it->second;
  return {};
}

std::string to_json(const FieldValues& values) {
  base::JsonWriter out;
  out.StartObject();
  for (const auto& [name, value] : values) out.member(name, std::string_view(value));
  out.EndObject();
  return out.text();
}

FieldValues values_from_json(std::string_view json) {
  FieldValues out;
  const auto parsed = base::parse_json(json);
  if (!parsed.ok() || !parsed->IsObject()) return out;
  for (const auto& one : parsed->GetObject())
    if (one.value.IsString())
      out.insert_or_assign(std::string(one.name.GetString(), one.name.GetStringLength()),
                           std::string(one.value.GetString(), one.value.GetStringLength()));
  return out;
}

base::Result<void> put_details(store::Tx& tx, const store::FieldCipher& cipher,
                               const SubjectId& subject, const FieldValues& values,
                               base::Time now) {
  const auto phone = cipher.lookup(kPhoneField, phone_in(values));
  BASE_TRY_VOID(tx.run(
      kPutDetails,
      {subject.value(), cipher.seal(kField, subject.value(), base::as_bytes(to_json(values))),
       base::BytesView(phone), now}));
  return {};
}

base::Result<FieldValues> details_of(store::Pool& pool, const store::FieldCipher& cipher,
                                     const SubjectId& subject) {
  BASE_TRY(const auto rows, pool.run(kDetailsOf, {subject.value()}));
  if (rows.empty()) return FieldValues();
  BASE_TRY(const auto opened, cipher.open(kField, subject.value(), rows.bytes(0, 0)));
  return values_from_json(base::as_text(opened));
}

base::Result<std::int64_t> sharers_of_phone(store::Tx& tx, const store::FieldCipher& cipher,
                                            std::string_view phone) {
  const auto lookup = cipher.lookup(kPhoneField, phone);
  BASE_TRY(const auto rows, tx.run(kSharers, {base::BytesView(lookup)}));
  return rows.integer(0, 0);
}

}  // namespace auth
