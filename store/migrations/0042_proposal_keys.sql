-- The names that programs of staff give what they propose, so that asking again proposes nothing twice
-- (docs/decisions/0164-staff-api.md). Digests: of the key with who asked, and of what was asked for.
create table auth.proposal_key (
  key     bytea primary key check (octet_length(key) = 32),
  content bytea not null check (octet_length(content) = 32),
  request text collate "C" not null,
  at      timestamptz not null
);
create index proposal_key_at on auth.proposal_key (at);
grant select, insert, delete on auth.proposal_key to xinyin_service;
