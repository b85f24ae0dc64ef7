-- What clients are to be told when a session ends (OpenID Connect Back-Channel Logout 1.0);
-- docs/decisions/0102-back-channel-logout.md.

-- Written in the transaction that ends the session; a worker of any instance takes a row by moving `next_at`
-- ahead, sends, and deletes it. Whoever dies between leaves it to the next.
create table auth.logout_notice (
  id         bigint generated always as identity primary key,
  client_id  text collate "C" not null,
  subject_id text collate "C" not null,
  session_id text collate "C" not null,  -- empty: of no session
  made_at    timestamptz not null,
  next_at    timestamptz not null,
  tries      smallint not null default 0
) with (fillfactor = 80);
create index logout_notice_next_at on auth.logout_notice (next_at);
grant select, insert, delete on auth.logout_notice to xinyin_service;
grant update (next_at, tries) on auth.logout_notice to xinyin_service;
