// A request of officers, as a hostile command line may submit it: what is read is canonical, and
// every act's parameters are read by every reader without harm.
#include "base/canonical_json.h"
#include "base/check.h"
#include "hsm/officers/people.h"
#include "hsm/officers/request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hsm::officers;
  const auto text = base::as_text({data, size});
  const auto request = read_request(text);
  if (!request.ok()) return 0;
  base::check(request->text == text, "another text than was read");
  base::check(request->id == base::sha256({data, size}), "the name is not of the text");
  base::check(*base::canonical_json(request->body) == text, "not canonical, and read");
  const auto& params = request->params();
  (void)read_generate(params);
  (void)read_adopt(params);
  (void)read_key_step(params, false);
  (void)read_key_step(params, true);
  (void)read_sign(params);
  (void)read_backup(params);
  (void)read_prove(params);
  (void)read_person(params);
  if (const auto person = params.FindMember("person"); person != params.MemberEnd())
    (void)read_person(person->value);
  if (const auto policy = read_policy(params); policy.ok()) {
    base::JsonWriter out;
    write_policy(out, *policy);
    base::check(read_policy(*base::parse_json(out.text())).ok(), "a policy is not read back");
  }
  return 0;
}
