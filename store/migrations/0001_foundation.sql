-- Who may come in, and the audit trail. LD/T 01-2020 6.2.5e, 6.3.2.

do $$
begin
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to xinyin_service, xinyin_verifier',
                 current_database());
end
$$;
revoke all on schema public from public;
alter default privileges revoke execute on functions from public;

-- Readiness asks which migration ran last.
grant usage on schema store to xinyin_service, xinyin_verifier;
grant select on store.migration to xinyin_service, xinyin_verifier;

create schema audit;

create table audit.entry (
  seq      bigint primary key check (seq > 0),
  at       timestamptz not null,
  actor    text not null check (actor <> ''),
  act      text not null check (act <> ''),
  object   text not null,
  outcome  text not null check (outcome <> ''),
  facts    json not null,
  previous bytea not null check (octet_length(previous) = 32),
  hash     bytea not null check (octet_length(hash) = 32)
);
comment on table audit.entry is 'Who did what to what: append-only, each row holds the hash of the one before';
comment on column audit.entry.facts is 'json, not jsonb: the hash is over the text as it was given';
create index entry_object on audit.entry (object, seq);
create index entry_actor on audit.entry (actor, seq);

create table audit.head (
  id   smallint primary key check (id = 1),
  seq  bigint not null check (seq >= 0),
  hash bytea not null check (octet_length(hash) = 32)
);
comment on table audit.head is 'The last entry; its row lock puts appenders in a row';
insert into audit.head (id, seq, hash) values (1, 0, decode(repeat('00', 32), 'hex'));

grant usage on schema audit to xinyin_service;
grant select, insert on audit.entry to xinyin_service;
grant select on audit.head to xinyin_service;
grant update (seq, hash) on audit.head to xinyin_service;
