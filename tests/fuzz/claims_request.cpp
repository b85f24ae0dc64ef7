// The claims parameter as any client may send it. What is kept of it is answered without a word
// about anything that we do not know, and its answer is JSON.
#include "auth/claims_request.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = base::parse_json(text, {.bytes = 4096, .depth = 11});
  if (!json.ok() || !json->IsObject()) return 0;
  const auto asked = auth::read_claims_request(*json, "openid");
  if (!asked.ok() || asked->kept.empty()) return 0;
  base::check(base::parse_json(asked->kept).ok(), "what is kept can be read");
  auth::KnownOfPerson known;
  known.name = "张小三";
  known.evidence = {{auth::Proofing::p2, "vouch", {}}};
  for (const auto* part : {"id_token", "userinfo"}) {
    base::JsonWriter out;
    out.StartObject();
    auth::put_claims(out, asked->kept, part, known);
    out.EndObject();
    const auto told = base::parse_json(out.text());
    base::check(told.ok() && told->IsObject(), "the answer is one object, each member once");
    for (const auto& member : told->GetObject())
      base::check(member.name == "name" || member.name == "subject_kind" ||
                      member.name == "verified_claims",
                  "nothing else is told");
  }
  return 0;
}
