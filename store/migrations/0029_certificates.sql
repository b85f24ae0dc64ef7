-- Certificates of admitted bodies that people and units log in with (LD/T 01-2020 5.4.1.3b, 6.2.6d).
-- docs/decisions/0121-certificate-login.md. The holder's name stands encrypted: bodies put personal numbers in it.
create table auth.certificate (
  id             text collate "C" primary key check (id ~ '^[0-9a-f]{32}$'),
  subject_id     text collate "C" not null references auth.subject,
  body           bigint not null,  -- number of the body in the register of certification bodies
  issuer         text not null,
  serial         text collate "C" not null,
  spki_sha256    bytea not null check (octet_length(spki_sha256) = 32),
  sha256         bytea not null unique check (octet_length(sha256) = 32),  -- of the whole certificate
  holder_sealed  bytea not null,
  holder_lookup  bytea not null check (octet_length(holder_lookup) = 32),  -- keyed hash of the name
  not_before     timestamptz not null,
  not_after      timestamptz not null,
  bound_at       timestamptz not null,
  renews         text collate "C",  -- the one before it, when a login brought it
  used_at        timestamptz,
  constraint certificate_one_serial unique (body, issuer, serial)
) with (fillfactor = 80);
create index certificate_subject on auth.certificate (subject_id);
create index certificate_holder on auth.certificate (body, holder_lookup);
grant select, insert, delete on auth.certificate to xinyin_service;
grant update (used_at) on auth.certificate to xinyin_service;
