-- Sealing: the intent of each document, and the documents that left (seal). LD/T 01-2020 5.4.2.4;
-- security.md §4.2.
--
-- An intent is open, and ends once: issued with its document, or abandoned with a reason. A document has its
-- row in the register, or it has none here: the reference below says so to the database itself.

create schema seal;
grant usage on schema seal to xinyin_service;

create table seal.document (
  id          text collate "C" not null,
  subject     text collate "C" not null,
  kind        text        not null,
  issued_at   timestamptz not null,
  file_sealed bytea       not null,  -- the PDF, under the data key
  code_sealed bytea       not null,  -- the document code, under the data key
  sha256      bytea       not null,  -- of the PDF

  constraint document_pkey primary key (id),
  constraint document_registered foreign key (id) references verify.document (id),
  constraint document_file_key unique (sha256),
  constraint document_sha256_size check (octet_length(sha256) = 32)
);
-- Sealed bytes do not compress: spare the attempt.
alter table seal.document alter column file_sealed set storage external;
create index document_subject on seal.document (subject, issued_at desc);

create table seal.intent (
  id         text collate "C" not null,
  subject    text collate "C" not null,
  request    bytea       not null,  -- keyed hash of the subject's idempotency key
  draft      bytea       not null,  -- keyed hash of what was to be sealed
  kind       text        not null,
  instance   text        not null,
  boot       text        not null,  -- one life of the instance
  created_at timestamptz not null,
  deadline   timestamptz not null,
  state      text        not null default 'open',
  reason     text,                  -- a message key, of an abandoned one
  ended_at   timestamptz,
  document   text collate "C",

  constraint intent_pkey primary key (id),
  constraint intent_document_key unique (document),
  constraint intent_document_fkey foreign key (document) references seal.document (id),
  constraint intent_hash_sizes check (octet_length(request) = 32 and octet_length(draft) = 32),
  constraint intent_state_name check (state in ('open', 'issued', 'abandoned')),
  constraint intent_ended check ((state = 'open') = (ended_at is null)),
  constraint intent_issued check ((state = 'issued') = (document is not null)),
  constraint intent_abandoned check ((state = 'abandoned') = (reason is not null))
);
-- A request is worked on once at a time and issued once; what was abandoned may be tried again.
create unique index intent_request on seal.intent (subject, request) where state <> 'abandoned';
create index intent_open on seal.intent (deadline) where state = 'open';

create function seal.intent_ends_once() returns trigger
language plpgsql set search_path = '' as $$
begin
  if old.state <> 'open' then
    raise exception 'an intent ends once' using errcode = 'check_violation', constraint = 'intent_final';
  end if;
  return new;
end
$$;
revoke all on function seal.intent_ends_once() from public;
create trigger intent_ends_once before update on seal.intent
  for each row execute function seal.intent_ends_once();

revoke all on seal.document, seal.intent from public;
grant select, insert on seal.document to xinyin_service;
grant select, insert on seal.intent to xinyin_service;
grant update (state, reason, ended_at, document) on seal.intent to xinyin_service;
