-- A secret that was replaced goes on beside its successor for a time: docs/decisions/0161-two-secrets.md.
alter table auth.client
  add column old_secret_digest bytea check (octet_length(old_secret_digest) = 32),
  add column old_secret_until  timestamptz,
  add constraint client_old_secret check ((old_secret_digest is null) = (old_secret_until is null)),
  -- At most two, and no old one without a new one.
  add constraint client_two_secrets check (old_secret_digest is null or secret_digest is not null);
create index client_old_secret_until on auth.client (old_secret_until) where old_secret_until is not null;
