-- Batches (seal): many documents handed in at once by a system, worked on in order, resumed after any stop.
-- LD/T 01-2020 5.4.2; docs/decisions/0185-batches.md.
--
-- Lines lie in portions, sealed under the data key. A portion is worked on by one instance at a time, and over again
-- where it was left: each document's idempotency key is the batch and the line's number, so that none is made twice.

create table seal.batch (
  id           text collate "C" primary key check (id ~ '^[0-9a-f]{32}$'),
  client       text collate "C" not null,
  request      bytea       not null,   -- keyed hash of the client's idempotency key
  submitted_at timestamptz not null,
  state        text        not null check (state in ('open', 'running', 'done', 'stopped')),
  total        bigint      not null default 0,
  done         bigint      not null default 0,  -- lines with a result, failures among them
  failed       bigint      not null default 0,
  note         text        not null default '',  -- a message key: why it waits
  ended_at     timestamptz,
  constraint batch_request unique (client, request),
  constraint batch_counts check (failed <= done and done <= total),
  constraint batch_ended check ((state in ('done', 'stopped')) = (ended_at is not null))
);
create index batch_client on seal.batch (client, submitted_at desc);
create index batch_running on seal.batch (submitted_at) where state = 'running';

create table seal.batch_portion (
  batch        text collate "C" not null references seal.batch,
  first        bigint not null,        -- number of its first line, from 1
  lines        integer not null check (lines between 1 and 100),
  input_sealed bytea not null,
  results      jsonb,                  -- of each line: {"document": …} or {"error": …}
  worker       text,                   -- which instance has it
  lease_until  timestamptz,
  primary key (batch, first)
);
alter table seal.batch_portion alter column input_sealed set storage external;
create index batch_portion_open on seal.batch_portion (batch, first) where results is null;

revoke all on seal.batch, seal.batch_portion from public;
grant select, insert on seal.batch, seal.batch_portion to xinyin_service;
grant update (state, total, done, failed, note, ended_at) on seal.batch to xinyin_service;
grant update (results, worker, lease_until) on seal.batch_portion to xinyin_service;
