-- Certification bodies of others (certs): proposed, checked, admitted, suspended, removed. LD/T 01-2020 6.2.7.
--
-- Append-only: a record says what was proposed and is never changed; what changes is its standing, and each
-- step of that is a row. What is wrong or runs out is proposed anew.
create table certs.body (
  number               bigint generated always as identity,
  name                 text not null check (name <> ''),
  code                 text collate "C" not null check (code ~ '^[0-9A-HJ-NPQRTUWXY]{18}$'),
  licence_number       text not null check (licence_number <> ''),
  licence_issuer       text not null check (licence_issuer <> ''),
  licence_from         timestamptz not null,
  licence_until        timestamptz not null,
  qualification        text not null,        -- e.g. 电子政务电子认证服务 and its number; empty: none
  qualification_until  timestamptz,
  contact              text not null check (contact <> ''),
  expiry               timestamptz not null, -- the first of what ends
  proposed_by          text not null check (proposed_by <> ''),
  constraint body_pkey primary key (number),
  constraint body_licence_order check (licence_from < licence_until),
  constraint body_qualification check ((qualification = '') = (qualification_until is null)),
  constraint body_expiry check (expiry <= licence_until and expiry <= coalesce(qualification_until, expiry))
);
grant select, insert on certs.body to xinyin_service;

-- Its authorities' certificates, in the order they were given.
create table certs.body_anchor (
  body  bigint not null references certs.body,
  place smallint not null check (place > 0),
  der   bytea not null check (octet_length(der) between 1 and 65536),
  constraint body_anchor_pkey primary key (body, place)
);
grant select, insert on certs.body_anchor to xinyin_service;

-- What it is admitted for and within which limits, and where its revocation data are.
create table certs.body_term (
  body  bigint not null references certs.body,
  kind  text collate "C" not null check (kind in ('use', 'policy', 'permitted', 'excluded', 'crl_url', 'ocsp_url')),
  value text collate "C" not null check (value <> ''),
  constraint body_term_pkey primary key (body, kind, value),
  constraint body_use_name check (kind <> 'use' or value in ('login', 'seal'))
);
grant select, insert on certs.body_term to xinyin_service;

-- The papers themselves.
create table certs.body_document (
  body      bigint not null references certs.body,
  kind      text collate "C" not null check (kind in ('licence', 'qualification', 'liability', 'acceptance')),
  file_name text not null check (file_name <> ''),
  size      bigint not null check (size between 1 and 20971520),
  sha256    bytea not null,
  content   bytea not null,
  constraint body_document_pkey primary key (body, kind),
  constraint body_document_whole check (size = octet_length(content) and sha256 = sha256(content))
);
alter table certs.body_document alter column content set storage external;  -- PDF does not shrink
grant select, insert on certs.body_document to xinyin_service;

-- What our own check of its certificates found.
create table certs.body_check (
  body   bigint not null references certs.body,
  at     timestamptz not null,
  passed boolean not null,
  report json not null,
  constraint body_check_pkey primary key (body, at)
);
grant select, insert on certs.body_check to xinyin_service;

-- What officers want. A wish takes effect with the trust list that carries it.
create table certs.body_wish (
  id            bigint generated always as identity,
  body          bigint not null references certs.body,
  standing      text collate "C" not null check (standing in ('admitted', 'suspended', 'removed')),
  reason        text collate "C" not null,
  invalid_since timestamptz,
  since         timestamptz not null,
  by            text not null check (by <> ''),
  constraint body_wish_pkey primary key (id),
  constraint body_wish_reason check ((standing = 'admitted') = (reason = '')),
  constraint body_wish_invalid check ((invalid_since is not null) = (standing = 'removed' and reason = 'compromised')
                                      and (invalid_since is null or invalid_since <= since))
);
create index body_wish_body on certs.body_wish (body, id);
grant select, insert on certs.body_wish to xinyin_service;

-- The history. 'proposed' has neither wish nor list.
create table certs.body_standing (
  body       bigint not null references certs.body,
  place      integer not null check (place > 0),
  standing   text collate "C" not null check (standing in ('proposed', 'admitted', 'suspended', 'removed')),
  since      timestamptz not null,
  wish       bigint unique references certs.body_wish,
  trust_list bigint references certs.trust_list,  -- the first that says so
  constraint body_standing_pkey primary key (body, place),
  constraint body_standing_first check ((place = 1) = (standing = 'proposed')),
  constraint body_standing_source check ((standing = 'proposed') = (wish is null)),
  -- A proposal that is turned down was never in a list.
  constraint body_standing_list check (standing in ('proposed', 'removed') or trust_list is not null)
);
grant select, insert on certs.body_standing to xinyin_service;

-- Which step may follow which; and nobody is admitted without the papers and a passed check (6.2.7: 服务功能验收,
-- 法律责任认证), whatever the program above believes.
create function certs.body_step() returns trigger
language plpgsql set search_path = '' as $$
declare
  before certs.body_standing;
begin
  if new.place = 1 then
    return new;
  end if;
  select * into before from certs.body_standing b where b.body = new.body and b.place = new.place - 1;
  if not found or new.since <= before.since
     or (before.standing, new.standing) not in (('proposed', 'admitted'), ('proposed', 'removed'),
                                                ('admitted', 'suspended'), ('admitted', 'removed'),
                                                ('suspended', 'admitted'), ('suspended', 'removed')) then
    raise exception 'body %: % does not follow', new.body, new.standing
      using errcode = 'unique_violation', constraint = 'body_standing_step';
  end if;
  if not exists (select from certs.body_wish w where w.id = new.wish and w.body = new.body
                    and w.standing = new.standing and w.since = new.since) then
    raise exception 'body %: nobody wished for this', new.body
      using errcode = 'unique_violation', constraint = 'body_standing_step';
  end if;
  if new.standing = 'admitted' then
    if (select count(*) from certs.body_document d where d.body = new.body
           and d.kind in ('licence', 'liability', 'acceptance')) <> 3
       or not coalesce((select c.passed from certs.body_check c where c.body = new.body
                         order by c.at desc limit 1), false)
       or new.since >= (select b.expiry from certs.body b where b.number = new.body) then
      raise exception 'body % may not be admitted', new.body
        using errcode = 'unique_violation', constraint = 'body_standing_admission';
    end if;
  end if;
  return new;
end
$$;
create trigger body_step before insert on certs.body_standing
  for each row execute function certs.body_step();
