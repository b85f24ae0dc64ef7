-- What is taken back with a consent, and what ends with a subject that is merged, is found by whose it is:
-- docs/decisions/0160-account-api.md, 0163-factors-of-the-merged.md.
create index device_request_subject on auth.device_request (subject_id) where subject_id is not null;
create index sign_in_subject on auth.sign_in (subject_id);
