-- Tokens bound to a key (RFC 9449), and how certain a login must be (OpenID Connect Core §5.5.1.1,
-- RFC 9470); docs/decisions/0048, 0049.

alter table auth.client
  add column require_dpop boolean not null default false;

alter table auth.authorization_grant
  -- RFC 7638 thumbprints: the key that must redeem the code (dpop_jkt), and the one that refresh tokens
  -- of a public client are bound to, known when the code is redeemed.
  add column code_key    text collate "C" check (length(code_key) = 43),
  add column refresh_key text collate "C" check (length(refresh_key) = 43),
  -- The acr that was asked for as essential; null: what the login reached.
  add column acr         text collate "C";
grant update (refresh_key) on auth.authorization_grant to xinyin_service;
