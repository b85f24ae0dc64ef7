#include "api/cli/seal_make.h"

#include "api/cli/issuing.h"
#include "base/encoding.h"
#include "hsm/officers/content.h"
#include "seal/seal_object.h"
#include "seal/seals.h"

namespace cli {
namespace {

using base::Code;

seal::Seals seals_of(Officer& officer) {
  return seal::Seals({officer.pool, officer.context.clock(), officer.context.random()});
}

base::Result<seal::Seal> find(seal::Seals& seals, std::string_view id) {
  BASE_TRY(auto found, seals.find(id));
  if (!found) return base::error(Code::not_found, "seal.unknown");
  return std::move(*found);
}

base::Result<std::string> seal_of(const hsm::officers::Sign::Item& item) {
  BASE_TRY(const auto content, hsm::officers::read_content(item.content));
  return content.seal_id;
}

}  // namespace

base::Result<Answer> ask_seal_object(Context& context, const SealOrder& order) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  auto seals = seals_of(officer);
  BASE_TRY(const auto wanted, find(seals, order.seal));
  if (wanted.made_at) return base::error(Code::conflict, "seal.made", order.seal);
  if (wanted.state != seal::SealState::approved) {
    auto failure = base::error(Code::conflict, "seal.state", order.seal);
    failure.args = {{"state", std::string(to_string(wanted.state))}};
    return failure;
  }
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  BASE_TRY(const auto key, officer.signer.key(order.maker));
  BASE_TRY(const auto maker, officer.pki.certificate(order.maker + ".pem"));
  BASE_TRY(auto sealer, officer.pki.certificate(wanted.spec.ofd_key + ".pem"));
  BASE_TRY(const auto face, seal::pdf::FontFace::open(order.font));
  const auto now = std::chrono::floor<std::chrono::seconds>(context.clock().now());
  BASE_TRY(const auto draft, seal::object_draft(wanted.spec, *face, {std::move(sealer)}, now));
  BASE_TRY(const auto info, seal::seal_to_sign(draft, key->info(), maker));
  const auto params = sign_params({{order.maker, key->info().id, "seal_object", info}});
  if (order.dry_run)
    return Answer{params, "将请密钥管理员签名 · officers would be asked: " + wanted.spec.name,
                  kDone};
  BASE_TRY(const auto record, ask(officer, governance, {"sign", params, order.reason}));
  return request_answer(record);
}

base::Result<std::string> finish_seal_object(Officer& officer,
                                             const hsm::officers::Sign::Item& item,
                                             base::BytesView signature) {
  auto seals = seals_of(officer);
  BASE_TRY(const auto id, seal_of(item));
  BASE_TRY(const auto key, officer.signer.key(item.label));
  BASE_TRY(const auto maker, officer.pki.certificate(item.label + ".pem"));
  BASE_TRY(const auto object, seal::signed_seal(item.content, key->info(), maker, signature));
  BASE_TRY(const auto wanted, find(seals, id));
  const auto done = id + "  " + wanted.spec.name;
  if (wanted.made_at && wanted.object == object) return done;
  BASE_TRY(const auto face, seal::pdf::FontFace::open(seal::pdf::kTitleFont));
  BASE_TRY(const auto paths, seal::pdf::draw_seal(*face, wanted.spec.picture));
  BASE_TRY_VOID(
      seals.made(id, seal::pdf::seal_svg(paths, wanted.spec.picture), object, officer.name));
  return done;
}

base::Result<bool> seal_object_finished(Officer& officer, const hsm::officers::Sign::Item& item) {
  auto seals = seals_of(officer);
  BASE_TRY(const auto id, seal_of(item));
  BASE_TRY(const auto wanted, find(seals, id));
  return wanted.made_at.has_value();
}

}  // namespace cli
