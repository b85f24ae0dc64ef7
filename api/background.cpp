#include "api/background.h"

#include "api/openid_keys.h"
#include "api/public_files.h"
#include "api/upstairs.h"
#include "auth/activation.h"
#include "certs/ocsp_register.h"
#include "verify/seen_lists.h"

namespace api {

Background::Background(Services& services, Log& log, Pace pace)
    : services_(services),
      log_(log),
      pace_(pace),
      logout_client_({.deadline = services.config.logout.deadline,
                      .loopback_allowed = services.config.logout.loopback_allowed,
                      .roots_file = services.config.logout.roots_file.string()}),
      crl_client_(services.config.body_lists.deadline, services.config.body_lists.roots_file),
      body_lists_(services.clock,
                  {services.config.body_lists.directory, services.config.body_lists.every},
                  [this](const std::string& url) { return crl_client_.fetch(url); }) {
  if (!services.signer) return;
  const auto& config = services.config;
  audit_heads_.emplace(
      AuditHeads::Parts{services.pool, services.clock,
                        [&services] { return services.signer->key(services.config.audit.key); },
                        "system:" + config.instance},
      AuditHeads::Pace{.every = config.audit.head_every, .rows = config.audit.head_rows});
  ledger_.emplace(
      certs::LedgerMirror::Parts{services.pool, services.clock,
                                 [&services](std::string_view verb, std::string_view data) {
                                   return services.signer->officers(verb, data);
                                 },
                                 "system:" + config.instance});
}

Background::~Background() {
  stop();
}

void Background::start() {
  follower_ = std::thread([this] {
    do follow_once();
    while (wait(pace_.follow));
  });
  keeper_ = std::thread([this] {
    do keep_once();
    while (wait(pace_.keep));
  });
  if (!services_.config.sms.url.empty())
    messenger_ = std::thread([this] {
      do send_messages();
      while (wait(pace_.messages));
    });
  if (!services_.signer) return;
  if (services_.config.body_lists.every.count() > 0)
    fetcher_ = std::thread([this] {
      do fetch_body_lists();
      while (wait(pace_.lists));
    });
  // Waits for others' servers: a thread of its own.
  teller_ = std::thread([this] {
    do tell_logouts();
    while (wait(pace_.tell));
  });
}

void Background::stop() {
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (messenger_.joinable()) messenger_.join();
  if (follower_.joinable()) follower_.join();
  if (teller_.joinable()) teller_.join();
  if (fetcher_.joinable()) fetcher_.join();
  if (!keeper_.joinable()) return;
  keeper_.join();
  // What this life of the service did is signed before it ends; the next one would do it too.
  sign_audit_head(true);
}

bool Background::wait(std::chrono::milliseconds time) {
  std::unique_lock hold(mutex_);
  return !wake_.wait_for(hold, time, [this] { return stopping_; });
}

/// A state that lasts is told when it begins and when it ends, not every turn.
void Background::say_once(std::string& told, std::string_view event,
                          const base::Result<void>& outcome) {
  const std::string now = outcome.ok() ? "ok" : outcome.error().key;
  if (now == told) return;
  const bool first_good = told.empty() && outcome.ok();
  told = now;
  if (outcome.ok())
    log_.event(event, first_good ? "ok" : "well again");
  else
    log_.event(event, outcome.error().key + ": " + outcome.error().detail, true);
}

void Background::follow_once() {
  const auto came = services_.snapshot.follow(services_.documents);
  if (came.ok()) {
    services_.followed_at.store(base::to_unix_s(services_.clock.now()));
    say_once(follow_told_, "register.follow", {});
  } else {
    say_once(follow_told_, "register.follow", came.error());
  }
}

/// Nor than one that was there before this process began. When that cannot be looked up the list is
/// taken all the same, with a word: verification stays up.
base::Result<void> Background::not_older(const certs::TrustList& list) {
  const auto& file = services_.config.seen_lists_file;
  if (file.empty()) return {};
  auto done = verify::remember(file, list);
  if (done.ok() || done.error().code == base::Code::conflict) return done;
  log_.event("trust_list.remember", done.error().key + ": " + file.string(), true);
  return {};
}

/// A token without such a key is how demonstrations of old are: told, but no alarm. A token that is
/// away is one: the trail goes on, and what is written meanwhile is held by its chain alone.
void Background::sign_audit_head(bool last) {
  if (!audit_heads_) return;
  const auto turn = audit_heads_->turn(last);
  services_.audit_unsigned.store(audit_heads_->unsigned_rows());
  if (turn.ok()) {
    // Only a head that was signed says that signing works.
    if (*turn == AuditHeads::Turn::signed_now || *turn == AuditHeads::Turn::other_was_first)
      say_once(heads_told_, "audit.heads", {});
    return;
  }
  if (turn.error().key != "hsm.no_key") return say_once(heads_told_, "audit.heads", turn.error());
  if (std::exchange(heads_told_, turn.error().key) == turn.error().key) return;
  log_.event("audit.heads", "not signed: the token has no key " + services_.config.audit.key);
}

/// A signer whose keys nobody governs is told, but no alarm. A ledger that is shorter than the
/// mirror, or another, is one: told here once, in the trail, and by a metric until it is well.
void Background::follow_ledger() {
  if (!ledger_ || (!more_lines_ && !due(mirrored_, pace_.ledger))) return;
  const auto turn = ledger_->turn();
  more_lines_ = turn.ok() && turn->more;
  services_.ledger_lines.store(ledger_->lines());
  services_.ledger_alarm.store(!ledger_->alarm().empty());
  if (turn.ok()) {
    services_.ledger_followed_at.store(base::to_unix_s(services_.clock.now()));
    return say_once(ledger_told_, "hsm.ledger", {});
  }
  if (turn.error().key != "hsm.officers.not_founded")
    return say_once(ledger_told_, "hsm.ledger", turn.error());
  if (std::exchange(ledger_told_, turn.error().key) == turn.error().key) return;
  log_.event("hsm.ledger", "none: the signer has no officers");
}

/// Turns that come by the clock on the wall of this thread. The first one comes at once.
bool Background::due(std::chrono::steady_clock::time_point& last, std::chrono::milliseconds every) {
  const auto now = std::chrono::steady_clock::now();
  if (last != std::chrono::steady_clock::time_point{} && now - last < every) return false;
  last = now;
  return true;
}

void Background::keep_once() {
  const bool files_changed = keep_files();
  if (services_.signer) keep_body_trust();
  if (due(looked_, pace_.health)) keep_health();
  if (!services_.signer) return;
  follow_ledger();
  sign_audit_head();
  keep_keys(files_changed);
  if (const auto rooms = services_.upstairs.get()) {
    if (services_.clock_guard && due(timed_, pace_.clock)) {
      const auto moment = services_.clock_guard->moment();
      say_once(clock_told_, "clock.guard",
               moment.ok() ? base::Result<void>() : base::Result<void>(moment.error()));
    }
    if (due(settled_, pace_.settle)) {
      const auto settled = rooms->issuer->settle();
      if (settled.ok() && *settled > 0) log_.event("intents.settled", std::to_string(*settled));
      say_once(settle_told_, "intents.settle",
               settled.ok() ? base::Result<void>() : base::Result<void>(settled.error()));
    }
    if (due(swept_, pace_.sweep)) {
      auto swept = rooms->provider->sweep();
      if (swept.ok()) swept = rooms->registration->sweep();
      if (swept.ok())
        swept =
            auth::Activation({services_.pool, *rooms->accounts, services_.clock, services_.random})
                .sweep();
      if (swept.ok()) swept = rooms->sign_in->sweep();
      if (swept.ok()) swept = rooms->otps->sweep();
      if (swept.ok()) swept = rooms->proofings->sweep();
      if (swept.ok()) swept = rooms->notices->sweep();
      if (swept.ok()) swept = rooms->certificates->sweep();  // passkeys' challenges too
      if (swept.ok()) swept = rooms->card_login->sweep();
      if (swept.ok() && rooms->working_keys) swept = rooms->working_keys->sweep();
      if (swept.ok()) swept = rooms->platforms->sweep();
      if (swept.ok()) swept = rooms->remote_sealing->sweep();
      if (swept.ok()) {
        const auto ended = rooms->cancellation->run_due();
        if (ended.ok() && *ended > 0) log_.event("accounts.ended", std::to_string(*ended));
        if (!ended.ok()) swept = ended.error();
      }
      say_once(sweep_told_, "provider.sweep",
               swept.ok() ? base::Result<void>() : base::Result<void>(swept.error()));
    }
  }
  keep_answers();
  keep_archive();
}

/// A portion at a time: other instances may be at the same ones, and nothing is done twice.
void Background::keep_archive() {
  constexpr int kPortion = 20;
  const auto every = services_.config.pdf_seals.archive_every;
  const auto rooms = services_.upstairs.get();
  if (!rooms || !rooms->archive || every.count() == 0) return;
  if (!more_archive_ && !due(archived_, every)) return;
  const auto turn = rooms->archive->turn(kPortion);
  more_archive_ = turn.ok() && turn->more;
  if (!turn.ok()) return say_once(archive_told_, "archive.augment", turn.error());
  if (turn->augmented > 0) log_.event("archive.augmented", std::to_string(turn->augmented));
  if (turn->failed == 0) return say_once(archive_told_, "archive.augment", {});
  say_once(archive_told_, "archive.augment",
           base::error(base::Code::unavailable, "seal.archive_failed",
                       std::to_string(turn->failed) + ", the last: " + turn->why));
}

/// A few at a time: what was taken is sent within its lease (auth/logout_notices.cpp).
void Background::tell_logouts() {
  constexpr int kPortion = 8;
  const auto rooms = services_.upstairs.get();
  if (!rooms) return;
  auto told = rooms->provider->send_logouts(logout_client_, kPortion);
  while (told.ok() && *told == kPortion && wait(std::chrono::milliseconds(0)))
    told = rooms->provider->send_logouts(logout_client_, kPortion);
  say_once(logouts_told_, "logouts.tell",
           told.ok() ? base::Result<void>() : base::Result<void>(told.error()));
}

/// The next key is published, signs, and goes on being published, each at its time.
void Background::keep_openid_keys(const Upstairs& rooms) {
  auto chosen = choose_openid_keys(services_, rooms.working_keys.get());
  const bool others = chosen.ok() && chosen->names != openid_names_;
  // The lease of a working key is renewed every time.
  if (chosen.ok() && (others || rooms.working_keys)) {
    const auto taken = rooms.provider->take_keys(chosen->keys);
    if (!taken.ok()) return say_once(openid_told_, "openid.keys", taken.error());
  }
  if (others) {
    openid_names_ = chosen->names;
    log_.event("openid.keys_in_use", openid_names_);
  }
  if (chosen.ok() && chosen->refused != working_refused_) {
    working_refused_ = chosen->refused;
    log_.event("openid.working_keys_refused", "no key of the token endorsed: " + working_refused_,
               true);
  }
  say_once(openid_told_, "openid.keys",
           chosen.ok() ? base::Result<void>() : base::Result<void>(chosen.error()));
}

/// True when a newer trust list was taken up, or a certificate's file is another.
bool Background::keep_files() {
  const auto& config = services_.config;
  const auto certificates = certificates_fingerprint_of(config.pki_directory);
  bool changed = certificates != certificates_seen_;
  certificates_seen_ = certificates;
  const auto seen = fingerprint_of(config.pki_directory);
  if (seen == files_seen_) return changed;
  auto loaded = load_public_files(config.pki_directory, config.root_sha256);
  if (!loaded.ok()) {
    say_once(files_told_, "trust_list.load", loaded.error());
    return changed;
  }
  files_seen_ = seen;
  // An older list than the one we have is not taken: it may be an attack with a good signature.
  const auto held = services_.files.get();
  if (held && held->trust_sequence > loaded->files->trust_sequence) {
    say_once(files_told_, "trust_list.load",
             base::error(base::Code::conflict, "api.trust_list_older", "sequence fell"));
    return changed;
  }
  if (const auto newest = not_older(loaded->verifier->trust()); !newest.ok()) {
    say_once(files_told_, "trust_list.load", newest);
    return changed;
  }
  services_.files.set(std::const_pointer_cast<PublicFiles>(loaded->files));
  services_.verifier.set(loaded->verifier);
  log_.event("trust_list.loaded", "sequence " + std::to_string(loaded->files->trust_sequence));
  files_told_ = "ok";
  return true;
}

/// Opens the rooms upstairs, and takes up renewed certificates and successors of keys. What was
/// built goes on until the next is ready, and longer for requests that are in it.
base::Result<void> Background::keep_upstairs() {
  const auto rooms = services_.upstairs.get();
  BASE_TRY(auto keys, choose_keys(services_));
  if (rooms && rooms->in_use == keys.digests()) return {};
  const auto label = keys.seal.label + ", " + keys.timestamp.label;
  BASE_TRY(auto built, build_upstairs(services_, std::move(keys), rooms.get()));
  services_.upstairs.set(std::move(built));
  log_.event("keys.in_use", label);
  if (!rooms) settled_ = {};
  return {};
}

/// The keys at work, each kind by itself.
void Background::keep_keys(bool files_changed) {
  const auto rooms = services_.upstairs.get();
  const bool look = !rooms || files_changed || due(chosen_, pace_.choose);
  if (!look) return;
  due(chosen_, std::chrono::milliseconds(0));
  say_once(upstairs_told_, "upstairs.build", keep_upstairs());
  // Also where nothing can be sealed: people log in all the same.
  const auto now = services_.upstairs.get();
  if (!now) return;
  keep_openid_keys(*now);

  if (services_.config.signer.ocsp_key.empty()) return;
  auto responder = build_responder(services_);
  if (responder.ok()) {
    const auto held = services_.responder.get();
    if (!held || held->certificate().sha256() != (*responder)->certificate().sha256())
      services_.responder.set(std::move(*responder));
  }
  say_once(responder_told_, "ocsp.responder",
           responder.ok() ? base::Result<void>() : base::Result<void>(responder.error()));
}

/// A portion at a time, so that stopping need not wait for all.
void Background::keep_answers() {
  constexpr int kPortion = 100;
  const auto responder = services_.responder.get();
  if (!responder || (!more_answers_ && !due(answered_, pace_.answers))) return;
  certs::OcspRegister answers(services_.pool, services_.clock);
  const auto made = answers.renew(*responder, services_.config.ocsp_life, kPortion);
  more_answers_ = made.ok() && *made == kPortion;
  say_once(answers_told_, "ocsp.answers",
           made.ok() ? base::Result<void>() : base::Result<void>(made.error()));
}

/// What waits for a carrier that is away is told by the rows that stay.
void Background::send_messages() {
  const auto rooms = services_.upstairs.get();
  if (!rooms) return;
  const auto sent = rooms->notices->send_due(*rooms->sms);
  say_once(messages_told_, "messages.send",
           sent.ok() ? base::Result<void>() : base::Result<void>(sent.error()));
}

/// What certificates are judged with is put together when the trust list or a revocation list is
/// another: whoever judges takes what is there.
void Background::keep_body_trust() {
  say_once(body_lists_told_, "body_lists.read", body_lists_.read_directory());
  const auto verifier = services_.verifier.get();
  const auto version = body_lists_.version();
  if (!verifier || (verifier == body_trust_of_ && version == body_trust_version_)) return;
  services_.body_trust.set(std::make_shared<const auth::BodyTrust>(
      auth::BodyTrust{verifier->trust(), body_lists_.all()}));
  body_trust_of_ = verifier;
  body_trust_version_ = version;
  looked_ = {};  // the alarm about a list that has come ends at once
}

/// One address after the other, in a thread that nobody waits for but its own end.
void Background::fetch_body_lists() {
  const auto verifier = services_.verifier.get();
  if (!verifier) return;
  for (const auto& [url, outcome] : body_lists_.fetch_due(verifier->trust(), 1))
    say_once(fetched_told_[url], "body_lists.fetch " + url, outcome);
}

void Background::keep_health() {
  const certs::PkiDirectory directory(services_.config.pki_directory);
  const bool ocsp = services_.responder.get() != nullptr;
  const certs::Look look{.ocsp = ocsp, .bodies = services_.signer != nullptr};
  auto findings = certs::health(services_.pool, directory, services_.clock, look);
  if (const auto trust = services_.body_trust.get()) {
    const auto now = services_.clock.now();
    auto authorities = std::make_shared<std::vector<BodyAuthority>>(authorities_of(*trust, now));
    if (findings.ok() && body_lists_.asked_all(trust->list))
      add_body_findings(*authorities, now, *findings);
    services_.body_authorities.set(std::move(authorities));
  }
  base::Result<void> outcome;
  if (findings.ok() && services_.signer) {
    const auto told = certs::raise_alarms(services_.pool, services_.clock, *findings);
    if (told.ok())
      for (const auto& one : *told) {
        const std::vector<std::pair<std::string, std::string>> args(one.args.begin(),
                                                                    one.args.end());
        log_.event("pki.alarm",
                   std::string(certs::to_string(one.severity)) + ": " +
                       base::message(one.key, base::Language::en, args),
                   true);
      }
    else
      outcome = told.error();
  }
  if (findings.ok())
    services_.findings.set(
        std::make_shared<const std::vector<certs::Finding>>(std::move(*findings)));
  else
    outcome = findings.error();
  say_once(health_told_, "pki.health", outcome);
}

}  // namespace api
