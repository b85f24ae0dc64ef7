-- What the person changes of himself (LD/T 01-2020 6.2.5a).

-- History of registered data: what it was and what it became, sealed; never changed, never taken back.
create table auth.subject_change (
  id         bigint generated always as identity primary key,
  subject_id text collate "C" not null references auth.subject,
  at         timestamptz not null,
  by         text not null,
  fields     text not null,  -- names of the fields, comma-separated; no values
  sealed     bytea not null  -- {"field.from": …, "field.to": …}
);
create index subject_change_subject on auth.subject_change (subject_id, id desc);
grant select, insert on auth.subject_change to xinyin_service;
