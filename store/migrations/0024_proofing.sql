-- Real-name proofing (LD/T 01-2020 5.4.1.2b, 5.4.1.5, 6.2.6b): what was found when somebody's identity was
-- proven, by what way and when. Results and the source's transaction; no image, no template, nothing typed.

-- Evidence and failed tries alike: rows are added, and may be ended; none is changed or deleted.
create table auth.proofing (
  id          text collate "C" primary key check (id ~ '^[0-9a-f]{32}$'),
  subject_id  text collate "C" not null references auth.subject,
  method      text collate "C" not null,
  source      text collate "C" not null,   -- which system answered, or who at a counter
  outcome     text not null check (outcome in ('matches', 'does_not_match', 'not_found', 'unavailable',
                                               'not_live', 'not_finished')),
  level       smallint check (level between 1 and 3),  -- what it proves; null when it proves nothing
  matched     text not null default '',    -- names of the attributes that agreed; of a failed try nothing
  transaction text collate "C" not null default '',    -- the source's own number
  at          timestamptz not null,
  valid_until timestamptz,                 -- null: without an end
  ended_at    timestamptz,
  constraint proofing_level_needs_match check ((level is not null) = (outcome = 'matches')),
  constraint proofing_matched_tells_nothing check (outcome = 'matches' or matched = '')
);
create index proofing_subject on auth.proofing (subject_id, at desc);
create index proofing_valid_until on auth.proofing (valid_until)
  where ended_at is null and valid_until is not null;
-- One answer of a source proves one person, once: a ticket shown again, or by another, proves nothing.
create unique index proofing_once on auth.proofing (source, transaction)
  where outcome = 'matches' and transaction <> '';
grant select, insert on auth.proofing to xinyin_service;
grant update (ended_at) on auth.proofing to xinyin_service;

-- Until when the level stands; null: without an end. The level itself is the best evidence in force.
alter table auth.subject add column proofing_until timestamptz;
grant update (proofing_until) on auth.subject to xinyin_service;
create index subject_proofing_until on auth.subject (proofing_until) where proofing_until is not null;

-- The level at a moment: evidence that has run out counts from then on for nothing, also before anybody
-- has looked what is left.
create function auth.proofing_at(level smallint, until timestamptz, at timestamptz) returns smallint
language sql immutable parallel safe as
$$ select case when until is null or until > at then level else 0::smallint end $$;
revoke all on function auth.proofing_at(smallint, timestamptz, timestamptz) from public;
grant execute on function auth.proofing_at(smallint, timestamptz, timestamptz) to xinyin_service;

-- Whoever was made with a level was proven by whoever made him (an officer, a counter).
insert into auth.proofing (id, subject_id, method, source, outcome, level, at)
  select md5('proofing' || id), id, 'counter', 'before', 'matches', proofing, created_at
    from auth.subject where proofing > 0;
create function auth.keep_first_proofing() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into auth.proofing (id, subject_id, method, source, outcome, level, at)
    values (md5('proofing' || new.id), new.id, 'counter', 'before', 'matches', new.proofing,
            new.created_at);
  return new;
end $$;
revoke all on function auth.keep_first_proofing() from public;
create trigger subject_first_proofing after insert on auth.subject
  for each row when (new.proofing > 0) execute function auth.keep_first_proofing();

-- A separate consent where a method needs one (face: PIPL art 29, measures on face recognition art 5).
-- The newest of a subject and method counts; the row is evidence, so it is ended and not deleted.
create table auth.proofing_consent (
  id           bigint generated always as identity primary key,
  subject_id   text collate "C" not null references auth.subject,
  method       text collate "C" not null,
  sha256       bytea not null check (octet_length(sha256) = 32),  -- of the text that was shown
  given_at     timestamptz not null,
  withdrawn_at timestamptz
);
create unique index proofing_consent_in_force on auth.proofing_consent (subject_id, method)
  where withdrawn_at is null;
grant select, insert on auth.proofing_consent to xinyin_service;
grant update (withdrawn_at) on auth.proofing_consent to xinyin_service;

-- Somebody is at a source's own page, or scans its code. Taken by one delete.
create table auth.proofing_visit (
  digest     bytea primary key check (octet_length(digest) = 32),  -- of what stands in our return address
  subject_id text collate "C" not null references auth.subject,
  session_id text collate "C" not null,
  method     text collate "C" not null,
  sealed     bytea not null,   -- the source's ticket, our nonce, where to go after
  expires_at timestamptz not null
);
create index proofing_visit_expires_at on auth.proofing_visit (expires_at);
create index proofing_visit_subject on auth.proofing_visit (subject_id);
grant select, insert, delete on auth.proofing_visit to xinyin_service;
