-- The wrapped domain: who is enrolled in what, where, since when, and what was paid.
--
-- Subjects are named by their id in auth alone; identity numbers of persons stand nowhere here. Months
-- are the first day of the month; money is in fen. The rows come from the core system (LD/T 01-2020
-- 6.4.4) and are corrected there, so they may be updated here; none is deleted.
create schema services;
grant usage on schema services to xinyin_service;

create domain services.month as date check (extract(day from value) = 1);
create domain services.insurance as text
  check (value in ('pension', 'unemployment', 'injury', 'medical', 'maternity'));
create domain services.enrolment_status as text check (value in ('active', 'paused', 'retired'));

-- 参保单位 (domain.md §4.4). Its code is a public register's number, not a person's.
create table services.unit (
  subject_id  text collate "C" primary key,
  name        text not null check (name <> ''),
  code        text collate "C" not null check (code ~ '^[0-9A-HJ-NPQRTUWXY]{18}$'),
  unit_number text collate "C" not null,  -- 单位编号: the agency's own
  region      text not null check (region <> ''),
  headcount   integer not null check (headcount >= 0),
  payable     integer not null check (payable between 0 and headcount),
  handler     text collate "C",           -- subject id of the 经办人
  constraint unit_code unique (code),
  constraint unit_number unique (unit_number)
);

create table services.unit_enrolment (
  subject_id     text collate "C" not null references services.unit,
  insurance      services.insurance not null,
  status         services.enrolment_status not null,
  since          services.month not null,
  headcount      integer not null check (headcount >= 0),
  arrears_months integer not null default 0 check (arrears_months >= 0),
  primary key (subject_id, insurance)
);

-- 参保人
create table services.insured (
  subject_id      text collate "C" primary key,
  personal_number text collate "C" not null,  -- 个人编号: the agency's own, no identity number
  region          text not null check (region <> ''),
  unit            text collate "C" references services.unit,  -- the present one
  constraint insured_personal_number unique (personal_number)
);

create table services.enrolment (
  subject_id text collate "C" not null references services.insured,
  insurance  services.insurance not null,
  status     services.enrolment_status not null,
  since      services.month not null,
  months     integer not null check (months >= 0),  -- contributed in all
  primary key (subject_id, insurance)
);

create table services.contribution (
  subject_id   text collate "C" not null references services.insured,
  month        services.month not null,
  insurance    services.insurance not null,
  unit         text collate "C" references services.unit,  -- null: paid by the person alone
  base_fen     bigint not null check (base_fen >= 0),
  unit_fen     bigint not null check (unit_fen >= 0),
  personal_fen bigint not null check (personal_fen >= 0),
  arrived      boolean not null,                           -- 到账
  primary key (subject_id, month, insurance)
);

grant select, insert, update on services.unit, services.unit_enrolment, services.insured,
  services.enrolment, services.contribution to xinyin_service;
