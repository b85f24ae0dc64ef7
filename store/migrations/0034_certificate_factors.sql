-- A bound certificate is a factor (0018), as a passkey is: its name and its end stand there. The table of 0029 was
-- never written to. docs/decisions/0124-certificate-and-password.md. Both go with the factor's row, in whatever order
-- auth.erase_subject (0032) takes them.
alter table auth.certificate
  add constraint certificate_is_a_factor foreign key (id) references auth.factor (id) on delete cascade;
alter table auth.passkey
  drop constraint passkey_is_a_factor,
  add constraint passkey_is_a_factor foreign key (id) references auth.factor (id) on delete cascade;
