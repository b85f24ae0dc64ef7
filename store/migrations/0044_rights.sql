-- What the documents of rights say beyond enrolment (LD/T 01-2020 5.4.2.2c, 5.4.2.3): the pension account
-- by year, benefits and their payments, the roster of a unit, and whom to ask. As in 0005 the rows come from
-- the core system and are corrected there; none is deleted.

-- The agency that a region's people belong to.
create table services.agency (
  region    text primary key,
  area_code text collate "C" not null check (area_code ~ '^[0-9]{6}$'),
  name      text not null check (name <> ''),
  phone     text collate "C" not null check (phone <> ''),
  address   text not null check (address <> ''),
  postcode  text collate "C" not null check (postcode ~ '^[0-9]{6}$')
);

alter table services.insured
  add column gender        text check (gender in ('male', 'female')),
  add column first_work    services.month,   -- 参加工作时间
  add column scheme_since  services.month,   -- 当地实行统账结合时间
  add column account_since services.month,   -- 个人账户建立时间
  add column transferred_fen bigint not null default 0 check (transferred_fen >= 0);  -- 省外转入统筹额

create domain services.payer as text check (value in ('employed', 'flexible', 'deferred', 'transferred'));

-- The pension account of one year at one place. Rates are in thousandths.
create table services.account_year (
  subject_id     text collate "C" not null references services.insured,
  year           smallint not null check (year between 1990 and 2999),
  region         text not null references services.agency,
  from_month     smallint not null check (from_month between 1 and 12),
  to_month       smallint not null check (to_month between from_month and 12),
  months         smallint not null check (months between 0 and 12),
  base_fen       bigint not null check (base_fen >= 0),
  unit_rate      smallint not null check (unit_rate between 0 and 999),
  credited_rate  smallint not null check (credited_rate between 0 and 999),
  personal_rate  smallint not null check (personal_rate between 0 and 999),
  payer          services.payer not null,
  opening_fen    bigint not null,
  principal_fen  bigint not null check (principal_fen >= 0),
  personal_fen   bigint not null check (personal_fen between 0 and principal_fen),
  interest_fen   bigint not null,
  paid_out_fen   bigint not null default 0 check (paid_out_fen >= 0),
  closing_fen    bigint not null generated always as
                   (opening_fen + principal_fen + interest_fen - paid_out_fen) stored,
  account_months integer not null check (account_months >= 0),
  primary key (subject_id, year, region)
);

-- Who draws benefits, through which bank; of the account's number the last four digits alone.
create table services.beneficiary (
  subject_id     text collate "C" primary key references services.insured,
  since          services.month not null,
  eligible_until date,                                -- 资格认证有效期
  bank           text not null check (bank <> ''),
  account_tail   text collate "C" check (account_tail ~ '^[0-9]{4}$')
);
create domain services.benefit_item as text check (value in ('basic', 'account', 'transition', 'increase',
  'back_pay', 'survivor', 'unemployment', 'injury_allowance', 'nursing'));
create table services.benefit_payment (
  subject_id   text collate "C" not null references services.beneficiary,
  month        services.month not null,
  insurance    services.insurance not null,
  item         services.benefit_item not null,
  due_fen      bigint not null,
  deducted_fen bigint not null default 0 check (deducted_fen >= 0),
  state        text not null check (state in ('paid', 'sent', 'returned', 'withheld')),
  primary key (subject_id, month, insurance, item)
);

-- Who is insured through a unit. Name and number are sealed under the data key: most have no account here.
create table services.roster (
  unit          text collate "C" not null references services.unit,
  number        integer not null check (number > 0),
  person_sealed bytea not null,
  status        services.enrolment_status not null,
  since         services.month not null,
  primary key (unit, number)
);

create table services.unit_year (
  subject_id    text collate "C" not null references services.unit,
  year          smallint not null check (year between 1990 and 2999),
  insurance     services.insurance not null,
  persons       integer not null check (persons >= 0),
  person_months integer not null check (person_months >= 0),
  unit_fen      bigint not null check (unit_fen >= 0),
  personal_fen  bigint not null check (personal_fen >= 0),
  primary key (subject_id, year, insurance)
);

grant select, insert, update on services.agency, services.account_year, services.beneficiary,
  services.benefit_payment, services.roster, services.unit_year to xinyin_service;
