-- Who may act: subjects, accounts, sessions, clients and what was granted to them.
--
-- Names, numbers and password hashes are sealed under the data key (store/field_cipher.h); cookies,
-- codes and client secrets are kept as SHA-256 only. Every statement run per request finds its rows by
-- a key below; tests/auth/plans_test.cpp holds the plans to that.
create schema auth;
grant usage on schema auth to xinyin_service;

-- One person or unit, once (LD/T 01-2020 6.2.1).
create table auth.subject (
  id               text collate "C" primary key check (id ~ '^[0-9a-f]{32}$'),
  kind             text not null check (kind in ('person', 'unit')),
  id_type          text collate "C" not null,
  id_lookup        bytea not null check (octet_length(id_lookup) = 32),  -- keyed hash of the number
  id_number_sealed bytea not null,
  name_sealed      bytea not null,
  proofing         smallint not null check (proofing between 0 and 3),
  active           boolean not null default true,
  created_at       timestamptz not null,
  constraint subject_one_identity unique (id_type, id_lookup)
);
grant select, insert on auth.subject to xinyin_service;
grant update (id_number_sealed, name_sealed, proofing, active) on auth.subject to xinyin_service;

create table auth.account (
  subject_id text collate "C" primary key references auth.subject,
  login_name text collate "C" not null check (login_name ~ '^[a-z0-9._@-]{4,64}$'),
  created_at timestamptz not null,
  constraint account_login_name unique (login_name)
);
grant select, insert on auth.account to xinyin_service;

create table auth.credential (
  subject_id text collate "C" not null references auth.account,
  kind       text not null check (kind in ('password')),
  sealed     bytea not null,  -- the PHC string, encrypted: a stolen table cannot be guessed offline
  changed_at timestamptz not null,
  primary key (subject_id, kind)
);
grant select, insert on auth.credential to xinyin_service;
grant update (sealed, changed_at) on auth.credential to xinyin_service;

-- Failed logins in a row, by keyed hash of login name or network. A try is counted before its password
-- is looked at, so that any number at once cannot pass the limit.
create table auth.login_failure (
  key           bytea primary key check (octet_length(key) = 32),
  failures      integer not null check (failures >= 0),
  last_at       timestamptz not null,
  blocked_until timestamptz not null
) with (fillfactor = 70);
create index login_failure_last_at on auth.login_failure (last_at);
grant select, insert, update, delete on auth.login_failure to xinyin_service;

-- Where an account's owner logged in before: failures elsewhere do not slow him down there.
create table auth.known_network (
  account    bytea not null check (octet_length(account) = 32),  -- keyed hash of the login name
  network    bytea not null check (octet_length(network) = 32),
  last_ok_at timestamptz not null,
  primary key (account, network)
);
create index known_network_last_ok_at on auth.known_network (last_ok_at);
grant select, insert, update, delete on auth.known_network to xinyin_service;

create table auth.session (
  cookie_digest    bytea primary key check (octet_length(cookie_digest) = 32),
  id               text collate "C" not null unique,
  subject_id       text collate "C" not null references auth.subject,
  authentication   smallint not null check (authentication between 1 and 3),
  authenticated_at timestamptz not null,
  seen_at          timestamptz not null,
  expires_at       timestamptz not null
) with (fillfactor = 80);
create index session_subject on auth.session (subject_id);
create index session_expires_at on auth.session (expires_at);
grant select, insert, delete on auth.session to xinyin_service;
grant update (seen_at) on auth.session to xinyin_service;

create table auth.client (
  id                        text collate "C" primary key check (id ~ '^[A-Za-z0-9._-]{3,64}$'),
  name                      text not null,
  secret_digest             bytea check (octet_length(secret_digest) = 32),  -- null: public client
  redirect_uris             jsonb not null,
  post_logout_redirect_uris jsonb not null,
  scopes                    text not null,
  sector                    text not null,
  active                    boolean not null default true,
  registered_at             timestamptz not null
);
grant select, insert, update on auth.client to xinyin_service;

-- What a person allowed a client, remembered.
create table auth.consent (
  subject_id text collate "C" not null references auth.subject,
  client_id  text collate "C" not null references auth.client,
  scopes     text not null,
  granted_at timestamptz not null,
  primary key (subject_id, client_id)
);
grant select, insert, update, delete on auth.consent to xinyin_service;

-- A checked authorization request that waits for the person's answer. Taken by one delete.
create table auth.authorization_request (
  digest     bytea primary key check (octet_length(digest) = 32),
  session_id text collate "C" not null,
  client_id  text collate "C" not null,
  sealed     bytea not null,
  expires_at timestamptz not null
);
create index authorization_request_expires_at on auth.authorization_request (expires_at);
grant select, insert, delete on auth.authorization_request to xinyin_service;

-- One authorization: the code (by digest), and the tokens that were issued for it. A code is spent by
-- one update where used_at is null; access tokens name the grant and die with it. No foreign keys to
-- client and session: they would lock the same few rows for every login.
create table auth.authorization_grant (
  id               text collate "C" primary key,
  code_digest      bytea not null unique check (octet_length(code_digest) = 32),
  subject_id       text collate "C" not null references auth.subject,
  session_id       text collate "C" not null,
  client_id        text collate "C" not null,
  redirect_uri     text not null,
  scopes           text not null,
  nonce            text,
  code_challenge   text not null check (length(code_challenge) = 43),  -- S256 only
  authentication   smallint not null,
  authenticated_at timestamptz not null,
  granted_at       timestamptz not null,
  code_expires_at  timestamptz not null,
  used_at          timestamptz,
  revoked_at       timestamptz
) with (fillfactor = 80);
create index authorization_grant_session on auth.authorization_grant (session_id);
create index authorization_grant_granted_at on auth.authorization_grant (granted_at);
grant select, insert, delete on auth.authorization_grant to xinyin_service;
grant update (used_at, revoked_at) on auth.authorization_grant to xinyin_service;
