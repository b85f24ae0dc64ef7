-- What the certificate authorities gave out and took back (certs). RFC 5280; security.md §2.1.
--
-- Append-only for the service: it may add and read, never change or delete. Numbers of revocation lists and
-- of the trust list only rise, whatever the program above believes.
create schema certs;
grant usage on schema certs to xinyin_service;

-- Every certificate ever issued. An issuer is known by its key: SHA-256 of its SubjectPublicKeyInfo.
create table certs.issued (
  issuer      bytea not null,
  serial      text collate "C" not null,  -- lower-case hex
  profile     text collate "C" not null,
  label       text collate "C" not null,  -- of its key on the token
  public_key  bytea not null,             -- SHA-256 of its SubjectPublicKeyInfo
  agency      text not null,
  agency_code text collate "C" not null,
  not_before  timestamptz not null,
  not_after   timestamptz not null,
  der         bytea not null,
  issued_at   timestamptz not null,
  constraint issued_pkey primary key (issuer, serial),
  constraint issued_serial_shape check (serial ~ '^([0-9a-f]{2}){1,20}$'),
  constraint issued_profile_name check (profile in ('root_ca', 'issuing_ca', 'seal', 'timestamp', 'openid',
                                                    'document_code')),
  constraint issued_digest_sizes check (octet_length(issuer) = 32 and octet_length(public_key) = 32),
  constraint issued_order check (not_before < not_after)
);
create index issued_label on certs.issued (label, issued_at);
grant select, insert on certs.issued to xinyin_service;

-- What is never true again: no row leaves.
create table certs.revocation (
  issuer        bytea not null,
  serial        text collate "C" not null,
  at            timestamptz not null,
  reason        smallint not null check (reason in (0, 1, 2, 3, 4, 5, 9, 10)),  -- RFC 5280 §5.3.1
  invalid_since timestamptz,
  constraint revocation_pkey primary key (issuer, serial),
  constraint revocation_of_issued foreign key (issuer, serial) references certs.issued,
  constraint revocation_order check (invalid_since is null or invalid_since <= at)
);
grant select, insert on certs.revocation to xinyin_service;

create table certs.crl (
  issuer      bytea not null check (octet_length(issuer) = 32),
  number      bigint not null check (number > 0),
  this_update timestamptz not null,
  next_update timestamptz not null,
  der         bytea not null,
  constraint crl_pkey primary key (issuer, number),
  constraint crl_order check (this_update < next_update)
);
grant select, insert on certs.crl to xinyin_service;

create table certs.trust_list (
  sequence    bigint not null check (sequence > 0),
  issued      timestamptz not null,
  next_update timestamptz not null,
  sha256      bytea not null check (octet_length(sha256) = 32),
  jws         text not null,
  constraint trust_list_pkey primary key (sequence),
  constraint trust_list_order check (issued < next_update)
);
grant select, insert on certs.trust_list to xinyin_service;

create function certs.number_rises() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_table_name = 'crl' then
    if exists (select from certs.crl c where c.issuer = new.issuer and c.number >= new.number) then
      raise exception 'number % of a revocation list does not rise', new.number
        using errcode = 'unique_violation', constraint = 'crl_pkey';
    end if;
  elsif exists (select from certs.trust_list t where t.sequence >= new.sequence) then
    raise exception 'sequence % of the trust list does not rise', new.sequence
      using errcode = 'unique_violation', constraint = 'trust_list_pkey';
  end if;
  return new;
end
$$;
create trigger crl_number_rises before insert on certs.crl
  for each row execute function certs.number_rises();
create trigger trust_list_sequence_rises before insert on certs.trust_list
  for each row execute function certs.number_rises();
