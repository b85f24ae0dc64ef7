-- Logging in with an e-social-security card (LD/T 01-2020 5.4.1.4b): a code that this browser shows and a
-- telephone scans. Bound to the browser by its cookie; two minutes; spent by one delete.
create table auth.card_login (
  digest     bytea primary key check (octet_length(digest) = 32),  -- SHA-256 of the cookie
  sealed     bytea not null,                                       -- address, nonce and ticket at the card's platform
  network    bytea not null check (octet_length(network) = 32),    -- keyed hash, to limit beginnings
  begun_at   timestamptz not null,
  expires_at timestamptz not null
);
create index card_login_expires_at on auth.card_login (expires_at);
create index card_login_network on auth.card_login (network, begun_at);
grant select, insert, delete on auth.card_login to xinyin_service;
