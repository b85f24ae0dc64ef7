#include "seal/forms.h"

namespace seal {
namespace {

using namespace std::chrono_literals;

constexpr auto kLife = 10min;

}  // namespace

base::Result<std::shared_ptr<const Forms::Current>> Forms::current(const certs::TrustList& trust,
                                                                   base::Time now) {
  const std::lock_guard hold(mutex_);
  if (current_ && sequence_ == trust.sequence && now >= made_at_ && now < made_at_ + kLife &&
      now <= good_until_)
    return current_;
  auto made = std::make_shared<Current>();
  GatheredEvidence gathered;
  gathered.good_until = base::Time::max();
  if (evidence_ != Evidence::none) {
    BASE_TRY(gathered, evidence_for_sealing(seal_, chain_, trust, now));
  }
  made->templates = plain_;
  if (evidence_ == Evidence::inside)
    for (auto& [kind, form] : made->templates) form = form->with(gathered.evidence);
  else
    made->beside = std::move(gathered.evidence);
  current_ = std::move(made);
  sequence_ = trust.sequence;
  made_at_ = now;
  good_until_ = gathered.good_until;
  return current_;
}

}  // namespace seal
