-- Seal objects and their life (seal): applied for, approved by two, made, active, suspended, revoked, destroyed.
-- LD/T 01-2020 5.3.4, 5.4.2.4, 6.2.7; GB/T 38540-2020; docs/decisions/0182-life-of-a-seal.md.

create table seal.seal (
  id         text collate "C" primary key check (id ~ '^[0-9]{14}$'),  -- esID
  spec       jsonb       not null,  -- seal/seal_spec.h; the policy in it may change, the rest does not
  state      text        not null check (state in ('approved', 'active', 'suspended', 'revoked', 'destroyed')),
  object     bytea,                 -- the SESeal, of one that seals OFD
  svg        text,                  -- its picture; with it the seal is made
  made_at    timestamptz,
  since      timestamptz not null,  -- it stands so
  constraint seal_made check ((made_at is null) = (svg is null)),
  constraint seal_made_before_use check (made_at is not null or state in ('approved', 'revoked', 'destroyed'))
);

-- What cannot be taken back: a seal that was revoked does not come to life, one that was destroyed is nothing more,
-- and what was made stays as it is.
create function seal.seal_goes_forward() returns trigger
language plpgsql set search_path = '' as $$
begin
  if not (old.state = new.state
          or (old.state = 'approved'  and new.state in ('active', 'revoked'))
          or (old.state = 'active'    and new.state in ('suspended', 'revoked'))
          or (old.state = 'suspended' and new.state in ('active', 'revoked'))
          or (old.state = 'revoked'   and new.state = 'destroyed'))
     or (old.made_at is not null
         and (new.made_at, new.svg, new.object) is distinct from (old.made_at, old.svg, old.object))
     or new.spec - 'policy' is distinct from old.spec - 'policy' then
    raise exception 'a seal does not go this way' using errcode = 'check_violation', constraint = 'seal_forward';
  end if;
  return new;
end
$$;
revoke all on function seal.seal_goes_forward() from public;
create trigger seal_goes_forward before update on seal.seal
  for each row execute function seal.seal_goes_forward();

-- Every step, with who and why; it only grows.
create table seal.seal_event (
  id      bigint generated always as identity primary key,
  seal    text collate "C" not null,
  at      timestamptz not null,
  act     text not null,
  by      text not null,      -- subject id, "officer:…", "system:…"
  reason  text not null default '',
  request text collate "C",
  state   text not null       -- after it
);
create index seal_event_seal on seal.seal_event (seal, id);

-- What needs two others than who asks: a new seal, a new policy, going on after a suspension, revoking, destroying.
create table seal.seal_request (
  id         text collate "C" primary key check (id ~ '^[0-9a-f]{32}$'),
  seal       text collate "C" not null,
  act        text not null check (act in ('apply', 'policy', 'resume', 'revoke', 'destroy')),
  proposal   jsonb not null,
  reason     text not null default '',
  asked_at   timestamptz not null,
  asked_by   text not null,
  expires_at timestamptz not null,
  standing   text not null check (standing in ('open', 'done', 'refused', 'withdrawn')),
  ended_at   timestamptz,
  answer     text not null default ''  -- why it was refused
);
create index seal_request_seal on seal.seal_request (seal, asked_at desc);
create unique index seal_request_one_open on seal.seal_request (seal) where standing = 'open';
create table seal.seal_approval (
  request text collate "C" not null references seal.seal_request,
  by      text not null,
  at      timestamptz not null,
  primary key (request, by)
);

-- How often each seal was used, by minute, hour and day. Several rows a span, so that documents do not wait for
-- one another; a span's uses are their sum.
create table seal.seal_use (
  seal    text collate "C" not null,
  span    "char"      not null check (span in ('m', 'h', 'd')),
  begins  timestamptz not null,
  stripe  smallint    not null,
  uses    bigint      not null,
  primary key (seal, span, begins, stripe)
) with (fillfactor = 70);

alter table seal.document
  add column seal text collate "C" not null default '',  -- with which it was sealed; empty: before there were seals
  add column format text not null default 'pdf',
  add constraint document_format_name check (format in ('pdf', 'ofd')),
  add constraint document_seal_known check (seal = '' or seal ~ '^[0-9]{14}$');

revoke all on seal.seal, seal.seal_event, seal.seal_request, seal.seal_approval, seal.seal_use from public;
grant select, insert on seal.seal, seal.seal_event, seal.seal_request, seal.seal_approval, seal.seal_use to xinyin_service;
grant update (spec, state, object, svg, made_at, since) on seal.seal to xinyin_service;
grant update (standing, ended_at, answer) on seal.seal_request to xinyin_service;
grant update (uses) on seal.seal_use to xinyin_service;
grant delete on seal.seal_use to xinyin_service;
