-- Cancelling an account (个人信息保护法 47, 网络数据安全管理条例 22–25): asked for, thought over, done.
-- docs/decisions/0084-cancellation.md.
create table auth.cancellation (
  subject_id text collate "C" primary key references auth.subject,
  asked_at   timestamptz not null,
  due_at     timestamptz not null,
  ended_at   timestamptz,
  outcome    text check (outcome in ('withdrawn', 'done')),
  constraint cancellation_ended check ((ended_at is null) = (outcome is null))
);
create index cancellation_due on auth.cancellation (due_at) where ended_at is null;
grant select, insert, delete on auth.cancellation to xinyin_service;
grant update (asked_at, due_at, ended_at, outcome) on auth.cancellation to xinyin_service;

-- Erases whatever this room keeps of somebody, when his cancellation is due and not before: the service has
-- no right to delete most of it by itself. What stays, and why: the subject's row without name and number
-- (other rooms' archives and the audit trail name its id), evidence of agreements and consents, that somebody acted for another, decisions of staff without
-- their content, the cancellation itself. A later migration that keeps more of people extends this function;
-- a test walks all tables.
create function auth.erase_subject(who text, at timestamptz) returns boolean
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
     set active = false, id_number_sealed = '', name_sealed = '', proofing = 0,
         id_lookup = sha256(convert_to('erased ' || who, 'UTF8'))
   where id = who;
  return true;
end $$;
revoke all on function auth.erase_subject(text, timestamptz) from public;
grant execute on function auth.erase_subject(text, timestamptz) to xinyin_service;
