-- Locks of accounts with a reason and an end (LD/T 01-2020 6.2.5c). docs/decisions/0150-locks.md.

-- Until when a subject that is not active stays so; null: until somebody unlocks it. A program of before this
-- migration reads `active` alone: to it a lock that has ended still holds.
alter table auth.subject add column locked_until timestamptz;
grant update (locked_until) on auth.subject to xinyin_service;
-- Whoever was merged into another never comes back by himself.
alter table auth.subject add constraint subject_merged_has_no_end
  check (merged_into is null or locked_until is null);

-- Whether an account is open at a moment: asked by every statement that looks whose session or token this is.
create function auth.is_open(active boolean, locked_until timestamptz, at timestamptz) returns boolean
language sql immutable parallel safe as
$$ select active or coalesce(locked_until <= at, false) $$;
revoke all on function auth.is_open(boolean, timestamptz, timestamptz) from public;
grant execute on function auth.is_open(boolean, timestamptz, timestamptz) to xinyin_service;

-- Who locked whom, why and until when; how it ended.
create table auth.account_lock (
  id         bigint generated always as identity primary key,
  subject_id text collate "C" not null references auth.subject,
  reason     text not null check (octet_length(reason) between 1 and 1000),
  by         text not null,
  at         timestamptz not null,
  until      timestamptz,
  ended_at   timestamptz,
  ended_by   text,        -- null of one that ended by itself
  end_reason text,
  constraint account_lock_until check (until > at)
);
create index account_lock_subject on auth.account_lock (subject_id, id desc);
create unique index account_lock_one on auth.account_lock (subject_id) where ended_at is null;
grant select, insert on auth.account_lock to xinyin_service;
grant update (ended_at, ended_by, end_reason) on auth.account_lock to xinyin_service;

-- As in 0032, and locks.
create or replace function auth.erase_subject(who text, at timestamptz) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update auth.cancellation set ended_at = at, outcome = 'done'
   where subject_id = who and ended_at is null and due_at <= at;
  if not found then return false; end if;
  delete from auth.session where subject_id = who;
  delete from auth.sign_in where subject_id = who;
  delete from auth.refresh_token where grant_id in (
    select id from auth.authorization_grant where subject_id = who);
  delete from auth.authorization_grant where subject_id = who;
  delete from auth.device_request where subject_id = who;
  delete from auth.consent where subject_id = who;
  delete from auth.activation where subject_id = who;
  delete from auth.recovery_code where factor_id in (
    select id from auth.factor where subject_id = who);
  delete from auth.factor where subject_id = who;
  delete from auth.factor_challenge where subject_id = who;
  delete from auth.passkey where subject_id = who;
  delete from auth.passkey_user where subject_id = who;
  delete from auth.certificate where subject_id = who;
  delete from auth.proofing where subject_id = who;
  delete from auth.proofing_visit where subject_id = who;
  update auth.mandate
     set agent_sealed = '', ended_at = coalesce(ended_at, at), ended_by = coalesce(ended_by, who)
   where principal = who or agent = who;
  delete from auth.text_message where subject_id = who;
  delete from auth.account_lock where subject_id = who;
  delete from auth.credential where subject_id = who;
  delete from auth.account where subject_id = who;
  delete from auth.subject_detail where subject_id = who;
  delete from auth.subject_change where subject_id = who;
  delete from auth.identity_document where subject_id = who;
  update auth.identity_request
     set sealed = '', standing = case standing when 'open' then 'withdrawn' else standing end,
         ended_at = coalesce(ended_at, at)
   where subject_id = who;
  update auth.subject
     set active = false, locked_until = null, id_number_sealed = '', name_sealed = '', proofing = 0,
         id_lookup = sha256(convert_to('erased ' || who, 'UTF8'))
   where id = who;
  return true;
end $$;
