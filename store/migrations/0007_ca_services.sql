-- The authority's online services: more kinds of certificates, answers about revocation, time stamps given to
-- others, the clock's last known moment, alarms that were raised. RFC 6960, RFC 5019, RFC 3161.

-- The previous binary names the old profiles only; it goes on under the wider rule.
alter table certs.issued drop constraint issued_profile_name;
alter table certs.issued add constraint issued_profile_name check (profile in (
  'root_ca', 'issuing_ca', 'seal', 'timestamp', 'openid', 'document_code', 'seal_maker', 'ocsp', 'officer',
  'person_login', 'unit_login', 'tls_server', 'audit', 'log'));

-- What is answered about a certificate, signed beforehand: one answer for each digest that a request may name
-- the issuer by. It can be made again from certs.issued and certs.revocation, so rows may change and go.
create table certs.ocsp_response (
  issuer      bytea not null check (octet_length(issuer) = 32),
  serial      text collate "C" not null,
  revoked     boolean not null,
  responder   bytea not null check (octet_length(responder) = 32),  -- SHA-256 of the responder's certificate
  this_update timestamptz not null,
  next_update timestamptz not null,
  sha1        bytea not null,
  sha256      bytea not null,
  constraint ocsp_response_pkey primary key (issuer, serial),
  constraint ocsp_response_of_issued foreign key (issuer, serial) references certs.issued,
  constraint ocsp_response_order check (this_update < next_update)
);
create index ocsp_response_next_update on certs.ocsp_response (next_update);
grant select, insert, update, delete on certs.ocsp_response to xinyin_service;
-- A public verifier serves what is stored, and sees nothing else of this schema.
grant usage on schema certs to xinyin_verifier;
grant select on certs.ocsp_response to xinyin_verifier;

-- "Good" ends in the transaction that revokes, not when the next answer is made.
create function certs.revoked_is_not_good() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from certs.ocsp_response o where o.issuer = new.issuer and o.serial = new.serial;
  return null;
end
$$;
create trigger revocation_ends_good after insert on certs.revocation
  for each row execute function certs.revoked_is_not_good();

-- And no answer "good" may be stored about what is revoked, whoever was slow.
create function certs.answer_fits_register() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- A revocation's foreign key locks the same row for key share, which this excludes: whoever comes second
  -- sees what the first one did.
  perform from certs.issued i where i.issuer = new.issuer and i.serial = new.serial for update;
  if not new.revoked and exists (select from certs.revocation r
                                  where r.issuer = new.issuer and r.serial = new.serial) then
    raise exception 'certificate % is revoked', new.serial
      using errcode = 'check_violation', constraint = 'ocsp_response_fits';
  end if;
  return new;
end
$$;
create trigger ocsp_response_fits before insert or update on certs.ocsp_response
  for each row execute function certs.answer_fits_register();

-- Time stamps given to others. Append-only: what was attested is not unsaid.
create table certs.given_timestamp (
  tsa     bytea not null check (octet_length(tsa) = 32),  -- SHA-256 of the authority's SubjectPublicKeyInfo
  serial  text collate "C" not null,                      -- lower-case hex
  digest  text collate "C" not null check (digest in ('sha256', 'sha384', 'sha512')),
  imprint bytea not null check (octet_length(imprint) in (32, 48, 64)),
  at      timestamptz not null,
  constraint given_timestamp_pkey primary key (tsa, serial),
  constraint given_timestamp_serial_shape check (serial ~ '^([0-9a-f]{2}){1,20}$')
);
create index given_timestamp_at on certs.given_timestamp (at);
grant select, insert on certs.given_timestamp to xinyin_service;

-- The latest moment that a time stamp of ours has told, to within a second: time does not go back over a restart
-- either. The trigger keeps it rising.
create table certs.clock_mark (
  name text collate "C" not null check (name = 'timestamp'),
  at   timestamptz not null,
  constraint clock_mark_pkey primary key (name)
);
grant select, insert, update on certs.clock_mark to xinyin_service;
create function certs.mark_rises() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.at := greatest(new.at, old.at);
  return new;
end
$$;
create trigger clock_mark_rises before update on certs.clock_mark
  for each row execute function certs.mark_rises();

-- Alarms, once each: a certificate near its end at each threshold, a list that was not renewed.
create table certs.alarm (
  kind      text collate "C" not null,
  object    text collate "C" not null,
  threshold text collate "C" not null,
  at        timestamptz not null,
  constraint alarm_pkey primary key (kind, object, threshold)
);
grant select, insert on certs.alarm to xinyin_service;
