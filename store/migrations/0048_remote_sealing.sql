-- Remote use of seals (seal): what a system was allowed to have signed, and what was signed for it.
-- docs/decisions/0186-remote-sealing.md.

-- Signature activation data, by its digest alone: good once, for these digests and no others.
create table seal.remote_grant (
  sad        bytea primary key check (octet_length(sad) = 32),
  client     text collate "C" not null,
  seal       text collate "C" not null,
  hashes     bytea       not null check (octet_length(hashes) = 32),  -- SHA-256 of all of them
  count      integer     not null check (count between 1 and 1000),
  expires_at timestamptz not null,
  used_at    timestamptz
);
create index remote_grant_over on seal.remote_grant (expires_at);

-- Written before the signature is made; it only grows.
create table seal.remote_use (
  id     bigint generated always as identity primary key,
  seal   text collate "C" not null,
  client text collate "C" not null,
  at     timestamptz not null,
  form   text        not null check (form in ('hash', 'cms')),
  hash   bytea       not null check (octet_length(hash) = 32)
);
create index remote_use_hash on seal.remote_use (hash);

revoke all on seal.remote_grant, seal.remote_use from public;
grant select, insert, delete on seal.remote_grant to xinyin_service;
grant update (used_at) on seal.remote_grant to xinyin_service;
grant select, insert on seal.remote_use to xinyin_service;
