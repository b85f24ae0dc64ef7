-- One subject, many documents (LD/T 01-2020 6.2.1): every number that ever stood for somebody finds the
-- same subject. A passport that was renewed is linked; it makes nobody a second time.
--
-- auth.subject keeps the document that somebody first came with, for good; which one is shown and told to
-- services now, stands here (`leads`). A subject's first document has the subject's id, so that what was
-- sealed under it opens here too.
--
-- That a number stands for one subject is held by the new table, under the constraint's old name.
alter table auth.subject drop constraint subject_one_identity;
create index subject_leading_document on auth.subject (id_type, id_lookup);

create table auth.identity_document (
  id            text collate "C" primary key check (id ~ '^[0-9a-f]{32}$'),
  subject_id    text collate "C" not null references auth.subject,
  type          text collate "C" not null,
  lookup        bytea not null check (octet_length(lookup) = 32),  -- keyed hash of type and number
  number_sealed bytea not null,
  -- Keyed hash of country, date of birth and name, where a document tells them: the two generations of
  -- the foreigner's residence card have nothing else in common.
  likeness      bytea check (octet_length(likeness) = 32),
  linked_at     timestamptz not null,
  linked_by     text not null,
  leads         boolean not null default false,
  replaced_at   timestamptz,  -- not in use any more; still finds its subject
  constraint subject_one_identity unique (type, lookup)
);
create index identity_document_subject on auth.identity_document (subject_id);
create unique index identity_document_leading on auth.identity_document (subject_id) where leads;
create index identity_document_likeness on auth.identity_document (likeness) where likeness is not null;
grant select, insert, delete on auth.identity_document to xinyin_service;
grant update (likeness, leads, replaced_at, subject_id) on auth.identity_document to xinyin_service;

insert into auth.identity_document (id, subject_id, type, lookup, number_sealed, linked_at, linked_by,
                                    leads)
  select id, id, id_type, id_lookup, id_number_sealed, created_at, 'registration', true
    from auth.subject;

-- Whoever makes a subject makes its first document in the same statement, the previous program too.
create function auth.keep_first_document() returns trigger language plpgsql as $$
begin
  insert into auth.identity_document (id, subject_id, type, lookup, number_sealed, linked_at, linked_by,
                                      leads)
    values (new.id, new.id, new.id_type, new.id_lookup, new.id_number_sealed, new.created_at,
            'registration', true);
  return new;
end $$;
create trigger subject_first_document after insert on auth.subject
  for each row execute function auth.keep_first_document();
