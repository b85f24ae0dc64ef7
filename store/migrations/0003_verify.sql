-- The register of issued documents (verify). LD/T 01-2020 5.4.2.4; verification.md §2.6.
--
-- Who may do what: the service records documents and changes how they stand, nothing else about them; the
-- public verifier only reads. Rows hold masked facts and keyed digests of codes: a stolen copy of this table
-- prints no working code.

create schema verify;
grant usage on schema verify to xinyin_service, xinyin_verifier;

create sequence verify.change;
grant usage on sequence verify.change to xinyin_service;

create table verify.document (
  id              text        not null,
  code            bytea       not null,
  kind            text        not null,
  issuer          text        not null,
  issuer_code     text        not null,
  issued_at       timestamptz not null,
  valid_until     timestamptz,
  file_sha256     bytea       not null,
  file_bytes      bigint      not null,
  facts           jsonb       not null,
  standing        text        not null default 'in_force',
  standing_reason text,
  standing_since  timestamptz,
  successor       text,
  change          bigint      not null,
  change_tx       xid8        not null,

  constraint document_pkey primary key (id),
  constraint document_code_key unique (code),
  constraint document_file_key unique (file_sha256),
  constraint document_change_key unique (change),
  constraint document_successor_fkey foreign key (successor) references verify.document (id),
  constraint document_id_shape check (id ~ '^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$'),
  constraint document_code_size check (octet_length(code) = 16),
  constraint document_kind_shape check (kind ~ '^[a-z][a-z0-9-]{0,63}$'),
  constraint document_issuer_size check (char_length(issuer) between 1 and 200),
  constraint document_issuer_code_size check (char_length(issuer_code) <= 32),
  constraint document_file_size check (octet_length(file_sha256) = 32 and file_bytes > 0),
  constraint document_facts_shape check (jsonb_typeof(facts) = 'array'
                                         and octet_length(facts::text) <= 16384),
  constraint document_validity check (valid_until is null or valid_until > issued_at),
  constraint document_standing_name check (standing in ('in_force', 'superseded', 'revoked', 'suspended')),
  constraint document_standing_reason check (
    case when standing = 'in_force' then standing_reason is null
         else standing_reason ~ '^[a-z][a-z0-9_.]{0,99}$' and standing_since is not null end),
  constraint document_successor check ((standing = 'superseded') = (successor is not null)
                                       and successor is distinct from id)
);

-- Followers read by it: docs/decisions/0020-following-the-register.md.
create index document_change_tx on verify.document (change_tx, change);

-- Every write gets the next change number and the transaction that made it, whoever writes; and what was
-- revoked or superseded stays so, whatever the program above believes.
create function verify.number_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'UPDATE' and old.standing in ('revoked', 'superseded') then
    raise exception 'a % document does not come back', old.standing
      using errcode = 'check_violation', constraint = 'document_standing_final';
  end if;
  new.change := nextval('verify.change');
  new.change_tx := pg_current_xact_id();
  return new;
end
$$;
revoke all on function verify.number_change() from public;

create trigger document_number_change before insert or update on verify.document
  for each row execute function verify.number_change();

revoke all on verify.document from public;
grant select, insert on verify.document to xinyin_service;
grant update (standing, standing_reason, standing_since, successor) on verify.document
  to xinyin_service;
grant select on verify.document to xinyin_verifier;
