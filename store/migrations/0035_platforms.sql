-- Logging in with an account of a third-party platform (LD/T 01-2020 5.4.1.4c, 6.2.6c): what stands between
-- leaving for the platform and coming back. The link itself is a factor (0018). docs/decisions/0140.
create table auth.platform_login (
  digest     bytea primary key check (octet_length(digest) = 32),  -- SHA-256 of the cookie
  state      bytea check (octet_length(state) = 32),               -- SHA-256; null: back, with an account that is nobody's yet
  platform   text collate "C" not null check (platform ~ '^[a-z0-9-]{1,32}$'),
  sealed     bytea not null,                                       -- nonce and verifier; then who it is there
  session_id text collate "C",                                     -- of a link: the session that began it
  network    bytea not null check (octet_length(network) = 32),    -- keyed hash, to limit beginnings
  begun_at   timestamptz not null,
  expires_at timestamptz not null
);
create index platform_login_expires_at on auth.platform_login (expires_at);
create index platform_login_network on auth.platform_login (network, begun_at);
grant select, insert, delete on auth.platform_login to xinyin_service;
