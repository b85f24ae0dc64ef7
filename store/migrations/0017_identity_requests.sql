-- What staff decide of people's accounts (LD/T 01-2020 6.2.1, 6.2.5a–d).

-- A change of who somebody is (name, documents), or of two subjects into one: asked for, and decided by
-- staff. It happens with the last approval it needs, in the same transaction.
create table auth.identity_request (
  id           text collate "C" primary key check (id ~ '^[0-9a-f]{32}$'),
  subject_id   text collate "C" not null references auth.subject,
  kind         text not null check (kind in ('name', 'document', 'unlink', 'merge')),
  sealed       bytea not null,   -- what is asked for
  approvals    smallint not null check (approvals between 1 and 2),  -- needed
  asked_at     timestamptz not null,
  asked_by     text not null,
  expires_at   timestamptz not null,
  standing     text not null check (standing in ('open', 'done', 'refused', 'withdrawn')),
  ended_at     timestamptz,
  reason       text
);
create index identity_request_subject on auth.identity_request (subject_id, asked_at desc);
create index identity_request_open on auth.identity_request (asked_at) where standing = 'open';
create unique index identity_request_one_open on auth.identity_request (subject_id, kind)
  where standing = 'open';
grant select, insert on auth.identity_request to xinyin_service;
grant update (standing, ended_at, reason) on auth.identity_request to xinyin_service;

-- Who of the staff said yes. Nobody twice.
create table auth.identity_approval (
  request_id text collate "C" not null references auth.identity_request,
  staff      text collate "C" not null references auth.subject,
  at         timestamptz not null,
  primary key (request_id, staff)
);
grant select, insert on auth.identity_approval to xinyin_service;

-- Who may decide: accounts of staff, named by the installation's owner.
create table auth.staff (
  subject_id text collate "C" primary key references auth.subject,
  named_at   timestamptz not null,
  named_by   text not null,
  ended_at   timestamptz
);
grant select, insert on auth.staff to xinyin_service;
grant update (ended_at, named_at, named_by) on auth.staff to xinyin_service;

-- A duplicate is kept as a row that points to whom it became; it logs in no more.
alter table auth.subject add column merged_into text collate "C" references auth.subject;
grant update (merged_into) on auth.subject to xinyin_service;

-- Resetting a password: a code that works once and lets its bearer set a new one; nobody else learns the
-- password. The newest of a subject counts.
create table auth.activation (
  digest     bytea primary key check (octet_length(digest) = 32),
  subject_id text collate "C" not null references auth.subject,
  made_at    timestamptz not null,
  made_by    text not null,
  expires_at timestamptz not null
);
create index activation_subject on auth.activation (subject_id);
create index activation_expires_at on auth.activation (expires_at);
grant select, insert, delete on auth.activation to xinyin_service;
