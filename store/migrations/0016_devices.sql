-- Devices without a browser (RFC 8628), and agreements that end; docs/decisions/0049-asking-safely.md.

-- A request that waits for a person's answer at another device. Decided by one update and spent by one.
create table auth.device_request (
  digest           bytea primary key check (octet_length(digest) = 32),  -- SHA-256 of the device code
  user_code        bytea not null unique check (octet_length(user_code) = 32),  -- keyed hash
  client_id        text collate "C" not null,
  scopes           text not null,
  expires_at       timestamptz not null,
  polled_at        timestamptz,
  decided_at       timestamptz,
  granted          boolean,
  subject_id       text collate "C",
  authentication   smallint,
  authenticated_at timestamptz,
  used_at          timestamptz,
  constraint device_request_decided check ((decided_at is null) = (subject_id is null))
) with (fillfactor = 70);
create index device_request_expires_at on auth.device_request (expires_at);
grant select, insert, delete on auth.device_request to xinyin_service;
grant update (polled_at, decided_at, granted, subject_id, authentication, authenticated_at, used_at)
  on auth.device_request to xinyin_service;

-- A grant that began at a device has no redirection and no code.
alter table auth.authorization_grant
  alter column redirect_uri drop not null,
  alter column code_challenge drop not null;

-- How long the agreement with a client's operator lasts (LD/T 01-2020 6.1.2e); null: without an end.
alter table auth.client add column agreement_until timestamptz;
