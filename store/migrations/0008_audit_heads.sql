-- Signed heads of the audit trail: what the trail was at a moment, signed by a key in the token. LD/T 01-2020
-- 6.2.5e, 6.3.2; docs/audit.md.
--
-- Whoever can rewrite rows can rewrite the chain behind them, but not what was signed. Append-only for the
-- service; heads only rise, and only what stands in the trail can be put down as its head.

create table audit.signed_head (
  seq        bigint not null,
  key_id     text collate "C" not null,  -- first 20 octets of SHA-256 of public_key, hex
  public_key bytea not null,             -- DER SubjectPublicKeyInfo: heads outlive their key in the token
  jws        text collate "C" not null,
  constraint signed_head_pkey primary key (seq),
  constraint signed_head_seq check (seq > 0),
  constraint signed_head_key_id check (key_id ~ '^[0-9a-f]{40}$'),
  constraint signed_head_sizes check (octet_length(public_key) <= 1024 and octet_length(jws) <= 1024)
);
comment on table audit.signed_head is 'Heads of the trail as the token signed them; compact JWS, docs/audit.md';

-- The lock on audit.head puts those who sign in a row, as it does those who append: two instances cannot
-- both put down a head that each took for the newest.
create function audit.head_rises() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform from audit.head h where h.id = 1 for update;
  if exists (select from audit.signed_head s where s.seq >= new.seq) then
    raise exception 'signed head % does not rise', new.seq
      using errcode = 'unique_violation', constraint = 'signed_head_pkey';
  end if;
  if not exists (select from audit.entry e where e.seq = new.seq) then
    raise exception 'signed head % names no entry', new.seq
      using errcode = 'foreign_key_violation', constraint = 'signed_head_entry';
  end if;
  return new;
end
$$;
create trigger signed_head_rises before insert on audit.signed_head
  for each row execute function audit.head_rises();

grant select, insert on audit.signed_head to xinyin_service;
