-- Clients that register themselves (RFC 7591, 7592) with a token that staff made with two approvals;
-- docs/decisions/0101-dynamic-registration.md.

-- A token for registering: how often, until when, for which scopes and hosts. One use is one update that finds
-- one left.
create table auth.initial_token (
  digest        bytea primary key check (octet_length(digest) = 32),  -- SHA-256 of the token
  id            text collate "C" not null unique,
  uses_left     integer not null check (uses_left >= 0),
  expires_at    timestamptz not null,
  scopes        text not null,
  hosts         jsonb not null,
  operator      text not null,
  agreement     text not null,
  clients_until timestamptz not null,  -- the end of the agreement that its clients come under
  made_at       timestamptz not null,
  made_by       text not null
);
grant select, insert, delete on auth.initial_token to xinyin_service;
grant update (uses_left) on auth.initial_token to xinyin_service;

-- How a client that registered itself reaches its registration, and what bounds it still.
create table auth.dynamic_client (
  client_id text collate "C" primary key references auth.client,
  digest    bytea not null unique check (octet_length(digest) = 32),  -- of its registration access token
  token_id  text collate "C" not null,
  scopes    text not null,
  hosts     jsonb not null,
  made_at   timestamptz not null
);
grant select, insert, delete on auth.dynamic_client to xinyin_service;
grant update (digest) on auth.dynamic_client to xinyin_service;
