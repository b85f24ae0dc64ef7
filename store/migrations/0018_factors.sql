-- How somebody proves to be who logs in (LD/T 01-2020 6.2.6): factors beside the password, logins that are
-- half done, and by which methods a login came about. docs/decisions/0083-factors.md.

-- Which methods were proven, as bits (auth/methods.h); 1 is the password, all that there was before.
alter table auth.session             add column methods integer not null default 1;
alter table auth.authorization_grant add column methods integer not null default 1;
alter table auth.device_request      add column methods integer not null default 1;
grant update (methods) on auth.device_request to xinyin_service;
-- A login that is proven further changes its cookie in place: what was issued in it stays with it.
grant update (cookie_digest, authentication, methods, authenticated_at) on auth.session to xinyin_service;

-- One thing that its owner can show beside the password. What proves it stands sealed; `lookup` finds it
-- where it comes first (a passkey's credential id, an account elsewhere) and stands for one subject.
create table auth.factor (
  id           text collate "C" primary key check (id ~ '^[0-9a-f]{32}$'),
  subject_id   text collate "C" not null references auth.subject,
  kind         text not null check (kind in ('sms', 'totp', 'recovery', 'passkey', 'certificate',
                                             'social_card', 'third_party')),
  label        text not null check (length(label) between 1 and 64),
  sealed       bytea not null,
  lookup       bytea check (octet_length(lookup) = 32),
  counter      bigint not null default 0,  -- a time step, a signature counter: it only grows
  added_at     timestamptz not null,
  usable_from  timestamptz not null,       -- a time to object in, where policy says so
  last_used_at timestamptz,
  ended_at     timestamptz
) with (fillfactor = 80);
create index factor_subject on auth.factor (subject_id) where ended_at is null;
create unique index factor_lookup on auth.factor (kind, lookup) where lookup is not null and ended_at is null;
create unique index factor_one_totp on auth.factor (subject_id, kind)
  where kind in ('totp', 'recovery', 'sms') and ended_at is null;
grant select, insert on auth.factor to xinyin_service;
grant update (label, sealed, counter, last_used_at, ended_at, subject_id, usable_from)
  on auth.factor to xinyin_service;

-- Recovery codes: each works once.
create table auth.recovery_code (
  factor_id text collate "C" not null references auth.factor,
  digest    bytea not null check (octet_length(digest) = 32),  -- keyed hash
  used_at   timestamptz,
  primary key (factor_id, digest)
);
grant select, insert, delete on auth.recovery_code to xinyin_service;
grant update (used_at) on auth.recovery_code to xinyin_service;

-- A login of which something is proven and something is wanted yet. Spent by one delete.
create table auth.sign_in (
  digest     bytea primary key check (octet_length(digest) = 32),  -- SHA-256 of its cookie
  subject_id text collate "C" not null references auth.subject,
  methods    integer not null,
  started_at timestamptz not null,
  expires_at timestamptz not null
);
create index sign_in_expires_at on auth.sign_in (expires_at);
grant select, insert, delete on auth.sign_in to xinyin_service;

-- Text messages that tell somebody what happened to his account: written with the deed, sent by a worker.
-- One-time codes are never here. The text goes when the message is sent or given up.
create table auth.text_message (
  id         bigint generated always as identity primary key,
  subject_id text collate "C" not null references auth.subject,
  template   text not null,
  sealed     bytea,  -- number and values
  made_at    timestamptz not null,
  due_at     timestamptz not null,
  tries      smallint not null default 0,
  ended_at   timestamptz,
  outcome    text,   -- "sent", or the key of the last refusal
  constraint text_message_ended check ((ended_at is null) = (outcome is null) and
                                       (ended_at is null) = (sealed is not null))
) with (fillfactor = 70);
create index text_message_due on auth.text_message (due_at) where ended_at is null;
create index text_message_ended_at on auth.text_message (ended_at) where ended_at is not null;
grant select, insert, delete on auth.text_message to xinyin_service;
grant update (sealed, due_at, tries, ended_at, outcome) on auth.text_message to xinyin_service;

-- A one-time code sent by text message (domain rules: six digits, five minutes, five tries, once). Bound to
-- what it is for and to the browser it was asked in; a newer one of the same voids it.
create table auth.otp (
  id         text collate "C" primary key check (id ~ '^[0-9a-f]{32}$'),
  binding    bytea not null check (octet_length(binding) = 32),  -- keyed hash of purpose and browser
  phone      bytea not null check (octet_length(phone) = 32),    -- keyed hash, for limits
  network    bytea not null check (octet_length(network) = 32),
  digest     bytea check (octet_length(digest) = 32),            -- keyed hash of id and code; null: void
  tries      smallint not null default 0,
  made_at    timestamptz not null,
  expires_at timestamptz not null
) with (fillfactor = 70);
create index otp_binding on auth.otp (binding) where digest is not null;
create index otp_phone on auth.otp (phone, made_at);
create index otp_network on auth.otp (network, made_at);
create index otp_made_at on auth.otp (made_at);
grant select, insert, delete on auth.otp to xinyin_service;
grant update (digest, tries) on auth.otp to xinyin_service;
