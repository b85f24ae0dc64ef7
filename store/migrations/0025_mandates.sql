-- 授权代办 (mandates): who may act for whom, in what, from when until when, how often. A unit authorises
-- handlers, a person another person. LD/T 01-2020 5.4.1.5, 6.2.2d; 经办条例 30.

-- Offered to whoever a document names; in force from when that person accepts, until it ends.
create table auth.mandate (
  id           text collate "C" primary key check (id ~ '^[0-9a-f]{32}$'),
  principal    text collate "C" not null references auth.subject,
  agent        text collate "C" references auth.subject,     -- who accepted
  agent_type   text collate "C" not null,
  agent_lookup bytea not null check (octet_length(agent_lookup) = 32),  -- keyed hash of the document
  agent_sealed bytea not null,                               -- name and number as the principal gave them
  items        text not null check (items <> ''),            -- service items, separated by spaces
  since        timestamptz not null,
  until        timestamptz not null,
  most_uses    integer check (most_uses > 0),
  uses         integer not null default 0,
  offered_at   timestamptz not null,
  offered_by   text not null,
  accepted_at  timestamptz,
  evidence     text not null default '',                     -- of a counter: the number of its record
  ended_at     timestamptz,
  ended_by     text,
  constraint mandate_accepted_by_agent check ((agent is null) = (accepted_at is null)),
  constraint mandate_of_another check (agent is distinct from principal),
  constraint mandate_period check (until > since),
  constraint mandate_within_limit check (most_uses is null or uses <= most_uses)
) with (fillfactor = 80);
create index mandate_principal on auth.mandate (principal, offered_at desc);
create index mandate_agent on auth.mandate (agent) where agent is not null;
create index mandate_offered on auth.mandate (agent_type, agent_lookup)
  where accepted_at is null and ended_at is null;
grant select, insert on auth.mandate to xinyin_service;
grant update (agent, accepted_at, uses, ended_at, ended_by) on auth.mandate to xinyin_service;

-- Each use once, whatever is asked twice: by keyed hash of the request's key.
create table auth.mandate_use (
  mandate_id text collate "C" not null references auth.mandate,
  request    bytea not null check (octet_length(request) = 32),
  item       text not null,
  at         timestamptz not null,
  primary key (mandate_id, request)
);
grant select, insert on auth.mandate_use to xinyin_service;

-- For whom a session and a grant act; null: for oneself. A grant whose mandate is over is dead.
alter table auth.session add column mandate_id text collate "C";
grant update (mandate_id) on auth.session to xinyin_service;
alter table auth.authorization_grant add column mandate_id text collate "C";

-- Whose rows are somebody's who was merged (6.2.1): asked with every use of a token.
create index subject_merged_into on auth.subject (merged_into) where merged_into is not null;
