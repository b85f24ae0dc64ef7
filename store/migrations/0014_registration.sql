-- Registration by the person or unit (LD/T 01-2020 5.4.1.2–4, 6.2.2, 6.2.3), and the service agreement
-- and privacy consent that go with it (6.2.4).

-- A registration that was begun: what was typed, sealed, found by the digest of a reference that only
-- its owner has. No account exists before it is completed; then the text goes and the row stays until it
-- expires, so that completing twice makes nothing twice.
create table auth.registration (
  digest       bytea primary key check (octet_length(digest) = 32),
  kind         text not null check (kind in ('person', 'unit')),
  network      bytea not null check (octet_length(network) = 32),  -- keyed hash, to limit starts
  sealed       bytea not null,
  started_at   timestamptz not null,
  changed_at   timestamptz not null,
  expires_at   timestamptz not null,
  completed_at timestamptz
) with (fillfactor = 80);
create index registration_network on auth.registration (network, started_at);
create index registration_expires_at on auth.registration (expires_at);
grant select, insert, delete on auth.registration to xinyin_service;
grant update (sealed, changed_at, completed_at) on auth.registration to xinyin_service;

-- What was registered beside name and document: one sealed JSON object a subject.
create table auth.subject_detail (
  subject_id   text collate "C" primary key references auth.subject,
  sealed       bytea not null,
  phone_lookup bytea not null check (octet_length(phone_lookup) = 32),
  changed_at   timestamptz not null
);
create index subject_detail_phone on auth.subject_detail (phone_lookup);
grant select, insert, delete on auth.subject_detail to xinyin_service;
grant update (sealed, phone_lookup, changed_at) on auth.subject_detail to xinyin_service;

-- Published texts: never changed, never taken back; the newest version of a kind is in force.
create table auth.agreement (
  kind         text not null check (kind in ('service', 'privacy')),
  version      integer not null check (version > 0),
  content      text not null,   -- JSON, to the byte as it was published
  sha256       bytea not null check (octet_length(sha256) = 32),
  published_at timestamptz not null,
  published_by text not null,
  primary key (kind, version)
);
grant select, insert on auth.agreement to xinyin_service;

-- Who accepted or withdrew what, when and how: evidence, so it only grows. Each row has its row in the
-- audit trail, whose signed heads vouch for it.
create table auth.agreement_act (
  id         bigint generated always as identity primary key,
  subject_id text collate "C" not null references auth.subject,
  kind       text not null,
  version    integer not null,
  act        text not null check (act in ('accepted', 'withdrawn')),
  sha256     bytea not null check (octet_length(sha256) = 32),
  how        text not null,
  at         timestamptz not null,
  foreign key (kind, version) references auth.agreement (kind, version),
  check (act = 'accepted' or kind = 'privacy')
);
create index agreement_act_subject on auth.agreement_act (subject_id, kind, id desc);
grant select, insert on auth.agreement_act to xinyin_service;
