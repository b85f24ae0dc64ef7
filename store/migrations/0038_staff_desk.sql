-- What was lost is taken off an account by two of the staff (LD/T 01-2020 6.2.5b). docs/decisions/0151-staff-desk.md.
alter table auth.identity_request drop constraint identity_request_kind_check;
alter table auth.identity_request add constraint identity_request_kind_check
  check (kind in ('name', 'document', 'unlink', 'merge', 'factor'));
