-- Refresh tokens, tokens of machines, revocation, clients that prove themselves with a key, pushed
-- requests. RFC 6749 §6, 7009, 7523, 9126; docs/decisions/0045 to 0048.

-- What a client may do, and how it proves itself. A row without these says what it said before.
alter table auth.client
  add column grant_types        text    not null default 'authorization_code refresh_token',
  add column machine_scopes     text    not null default '',  -- of tokens that it gets for itself
  add column resource           text    collate "C",          -- whose tokens it may ask about
  add column keys               jsonb,                        -- RFC 7517: assertions, request objects
  add column require_pushed     boolean not null default false,
  add column require_signed     boolean not null default false;
create unique index client_resource on auth.client (resource) where resource is not null;

-- How long a grant's row is kept: a day, or with refresh tokens as long as these may live.
alter table auth.authorization_grant
  add column lives_until timestamptz not null default now() + interval '1 day',
  add column offline     boolean     not null default false;  -- a logout does not end it
create index authorization_grant_lives_until on auth.authorization_grant (lives_until);
drop index auth.authorization_grant_granted_at;
create index authorization_grant_subject on auth.authorization_grant (subject_id)
  where revoked_at is null;

-- One refresh token of a family; the family is the grant, and dies with one update of its row. A token
-- is spent by one update where used_at is null. The successor is computed from the spent token and
-- `salt`, so that it can be given once more to whoever did not receive it, and stands nowhere.
create table auth.refresh_token (
  digest     bytea primary key check (octet_length(digest) = 32),
  grant_id   text collate "C" not null,
  issued_at  timestamptz not null,
  expires_at timestamptz not null,
  used_at    timestamptz,
  salt       bytea check (octet_length(salt) = 32),
  successor  bytea check (octet_length(successor) = 32),  -- its digest
  constraint refresh_token_spent
    check ((used_at is null) = (salt is null) and (salt is null) = (successor is null))
) with (fillfactor = 80);
create index refresh_token_expires_at on auth.refresh_token (expires_at);
grant select, insert, delete on auth.refresh_token to xinyin_service;
grant update (used_at, salt, successor) on auth.refresh_token to xinyin_service;

-- Tokens that have no row of their own (those of machines) and were revoked before they ended.
create table auth.revoked_token (
  digest     bytea primary key check (octet_length(digest) = 32),  -- SHA-256 of the token's jti
  expires_at timestamptz not null
);
create index revoked_token_expires_at on auth.revoked_token (expires_at);
grant select, insert, delete on auth.revoked_token to xinyin_service;

-- What may be used once: the jti of an assertion or a proof. One insert; the second finds the first.
create table auth.spent_jti (
  digest     bytea primary key check (octet_length(digest) = 32),  -- SHA-256 of kind, issuer and jti
  expires_at timestamptz not null
);
create index spent_jti_expires_at on auth.spent_jti (expires_at);
grant select, insert, delete on auth.spent_jti to xinyin_service;

-- A request that its client pushed (RFC 9126). Taken by one delete.
create table auth.pushed_request (
  digest     bytea primary key check (octet_length(digest) = 32),
  client_id  text collate "C" not null,
  sealed     bytea not null,
  expires_at timestamptz not null
);
create index pushed_request_expires_at on auth.pushed_request (expires_at);
grant select, insert, delete on auth.pushed_request to xinyin_service;
grant update (expires_at) on auth.pushed_request to xinyin_service;
