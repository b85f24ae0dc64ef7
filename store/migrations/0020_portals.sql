-- Portals and third-party platforms, registered with two approvals (LD/T 01-2020 6.1.2e), and what a client
-- may say of itself beyond what it could: docs/decisions/0100-portals.md, 0101, 0102, 0103.

alter table auth.client
  add column kind        text    not null default 'portal'
    check (kind in ('portal', 'third_party', 'system', 'dynamic')),
  add column operator    text    not null default '',  -- who runs it
  add column agreement   text    not null default '',  -- the number of the agreement with him
  add column revision    bigint  not null default 0,   -- one more with each change
  add column fapi2       boolean not null default false,
  add column auth_method text,                         -- as it was registered; null: by secret and keys
  -- What was granted before this moment is dead: a client that was stopped begins anew.
  add column grants_from timestamptz,
  add column id_token_alg text   not null default 'ES256'
    check (id_token_alg in ('ES256', 'RS256', 'EdDSA')),
  add column backchannel_logout_uri text,
  add column backchannel_session    boolean not null default false;

-- What a registration was, after each change of it; it only grows.
create table auth.client_history (
  id           bigint generated always as identity primary key,
  client_id    text collate "C" not null,
  at           timestamptz not null,
  by           text not null,
  act          text not null,
  request_id   text collate "C",
  reason       text,
  registration jsonb not null
);
create index client_history_client on auth.client_history (client_id, id desc);
grant select, insert on auth.client_history to xinyin_service;

-- A registration, a change of one, or a token for registering, asked for and decided by staff. It happens with
-- the last approval, in the same transaction.
create table auth.portal_request (
  id         text collate "C" primary key check (id ~ '^[0-9a-f]{32}$'),
  client_id  text collate "C" not null,
  kind       text not null
    check (kind in ('register', 'change', 'resume', 'renew', 'rotate_secret', 'initial_token')),
  proposal   jsonb not null,
  revision   bigint not null,    -- of the client, when it was asked for
  approvals  smallint not null check (approvals between 1 and 2),  -- needed
  asked_at   timestamptz not null,
  asked_by   text collate "C" not null references auth.subject,
  expires_at timestamptz not null,
  standing   text not null check (standing in ('open', 'done', 'refused', 'withdrawn')),
  ended_at   timestamptz,
  reason     text
);
create index portal_request_client on auth.portal_request (client_id, asked_at desc);
create unique index portal_request_one_open on auth.portal_request (client_id) where standing = 'open';
grant select, insert on auth.portal_request to xinyin_service;
grant update (standing, ended_at, reason) on auth.portal_request to xinyin_service;

-- Who of the staff said yes. Nobody twice.
create table auth.portal_approval (
  request_id text collate "C" not null references auth.portal_request,
  staff      text collate "C" not null references auth.subject,
  at         timestamptz not null,
  primary key (request_id, staff)
);
grant select, insert on auth.portal_approval to xinyin_service;
