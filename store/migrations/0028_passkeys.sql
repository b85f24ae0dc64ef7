-- Factors that are keys: WebAuthn credentials, and the challenges that proofs of possession answer.
-- docs/decisions/0120-webauthn.md.

-- Asked once, answered once: taken by one delete. `binding` is the digest of what the question was asked in
-- (a session, or a browser that is not logged in yet), so that an answer made elsewhere is none here.
create table auth.factor_challenge (
  digest     bytea primary key check (octet_length(digest) = 32),  -- SHA-256 of the challenge
  binding    bytea not null check (octet_length(binding) = 32),
  purpose    text collate "C" not null,
  subject_id text collate "C" references auth.subject,  -- whose answer it must be; null: nobody's yet
  expires_at timestamptz not null
);
create index factor_challenge_expires_at on auth.factor_challenge (expires_at);
grant select, insert, delete on auth.factor_challenge to xinyin_service;

-- What an authenticator knows a subject by: random, so that it tells nothing of him.
create table auth.passkey_user (
  subject_id text collate "C" primary key references auth.subject,
  handle     bytea not null unique check (octet_length(handle) = 32)
);
grant select, insert on auth.passkey_user to xinyin_service;

-- One WebAuthn credential. Its id is unique over all subjects (WebAuthn §7.1): the key is its digest.
create table auth.passkey (
  id              text collate "C" primary key check (id ~ '^[0-9a-f]{32}$'),
  subject_id      text collate "C" not null references auth.subject,
  digest          bytea not null unique check (octet_length(digest) = 32),  -- SHA-256 of credential_id
  credential_id   bytea not null check (octet_length(credential_id) between 1 and 1023),
  algorithm       integer not null check (algorithm in (-7, -8, -257)),
  public_key      bytea not null,  -- DER SubjectPublicKeyInfo
  sign_count      bigint not null check (sign_count >= 0),
  user_verified   boolean not null,
  backup_eligible boolean not null,
  backed_up       boolean not null,
  aaguid          bytea not null check (octet_length(aaguid) = 16),
  attestation     text not null check (attestation in ('none', 'self', 'packed', 'fido-u2f')),
  transports      text not null,
  label_sealed    bytea not null,  -- what its owner calls it
  created_at      timestamptz not null,
  used_at         timestamptz,
  suspended_at    timestamptz  -- its counter went back: somebody may have a copy (§6.1.1)
) with (fillfactor = 80);
create index passkey_subject on auth.passkey (subject_id);
grant select, insert, delete on auth.passkey to xinyin_service;
grant update (sign_count, backed_up, label_sealed, used_at, suspended_at) on auth.passkey to xinyin_service;
