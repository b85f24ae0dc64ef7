-- Registering with an e-social-security card (LD/T 01-2020 5.4.1.4b): a confirmed answer of somebody without an
-- account waits, in the browser that showed the code, for him to register. docs/decisions/0141.
alter table auth.card_login add column confirmed boolean not null default false;
comment on column auth.card_login.confirmed is 'sealed holds who confirmed, and nobody has an account with that number';
grant update (sealed, confirmed, expires_at) on auth.card_login to xinyin_service;
