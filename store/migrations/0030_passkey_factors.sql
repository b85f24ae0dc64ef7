-- A passkey is a factor (0018): its name and its end stand there. The table of 0028 was never written to.
alter table auth.passkey
  drop column label_sealed,
  add constraint passkey_is_a_factor foreign key (id) references auth.factor (id);
