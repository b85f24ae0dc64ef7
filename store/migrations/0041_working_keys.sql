-- Working keys of tokens (docs/decisions/0133-working-keys.md): made by the service, wrapped by a key of the hardware
-- token, endorsed by one. A row that nobody in the token endorsed is worth nothing, whoever wrote it.
create table auth.working_key (
  id              text primary key,                          -- RFC 7638 thumbprint
  public_key      bytea not null,                            -- DER SubjectPublicKeyInfo
  wrapped         bytea not null,
  endorsement     text not null check (length(endorsement) < 8192),  -- JWS; says what the columns below say
  signs_from      timestamptz not null,
  signs_until     timestamptz not null check (signs_until > signs_from),
  published_until timestamptz not null check (published_until >= signs_until)
);
create index working_key_published_until on auth.working_key (published_until);
grant select, insert, delete on auth.working_key to xinyin_service;
