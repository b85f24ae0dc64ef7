-- The signer's ledger of officers' acts, line by line as it stands: who asked, approved, refused and did what to the
-- keys. LD/T 01-2020 6.2.5e; docs/audit.md, docs/decisions/0074-ledger-mirror.md.
--
-- The signer holds the original; this is a copy that the signer's machine cannot take back. Append-only for the
-- service. Whatever the program above believes, a line is taken only when it is the next one, holds the hash of the
-- one before it, and its own hash is that of its text.

create schema hsm;

create table hsm.ledger_line (
  n           bigint not null,
  line        text collate "C" not null,
  hash        bytea not null,
  mirrored_at timestamptz not null,
  constraint ledger_line_pkey primary key (n),
  constraint ledger_line_n check (n > 0),
  constraint ledger_line_sizes check (octet_length(hash) = 32 and octet_length(line) <= 8388608)
);
comment on table hsm.ledger_line is 'The officers'' ledger of the signer, mirrored line by line; docs/audit.md';

-- The hash is over the line without its members hash and sig, which stand near its end.
create function hsm.line_follows() returns trigger
language plpgsql set search_path = '' as $$
declare
  before hsm.ledger_line;
  tail   text[];
begin
  select * into before from hsm.ledger_line l order by l.n desc limit 1;
  if new.n <= coalesce(before.n, 0) then
    raise exception 'line % of the ledger is there', new.n
      using errcode = 'unique_violation', constraint = 'ledger_line_pkey';
  end if;
  tail := regexp_match(right(new.line, 512), '(,"hash":"([0-9a-f]{64})"(,"kind":"[a-z]+","n":([0-9]+),"prev":"([0-9a-f]{64})")'
                                             '(,"sig":"[A-Za-z0-9_-]+")?(,"v":1[}]))$');
  if new.n <> coalesce(before.n, 0) + 1
     or tail is null
     or tail[2] <> encode(new.hash, 'hex')
     or tail[4] <> new.n::text
     or tail[5] <> coalesce(encode(before.hash, 'hex'), repeat('0', 64))
     or new.hash <> sha256(convert_to(left(new.line, length(new.line) - length(tail[1])) || tail[3] || tail[7], 'UTF8'))
  then
    raise exception 'line % does not follow', new.n
      using errcode = 'unique_violation', constraint = 'ledger_line_follows';
  end if;
  return new;
end
$$;
create trigger ledger_line_follows before insert on hsm.ledger_line
  for each row execute function hsm.line_follows();

grant usage on schema hsm to xinyin_service;
grant select, insert on hsm.ledger_line to xinyin_service;

-- The rows that tell of lines, found without walking the trail.
create index entry_hsm on audit.entry (seq) where act like 'hsm.%';
