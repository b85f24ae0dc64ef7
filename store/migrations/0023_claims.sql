-- What a client asked for claim by claim (OpenID Connect Core §5.5, Identity Assurance 1.0);
-- docs/decisions/0105-verified-claims.md.

-- The claims parameter of the request, as it was checked; null: none.
alter table auth.authorization_grant add column claims text;

-- Of what kind verified claims the person allowed a client, beside scopes.
alter table auth.consent add column claims text not null default '';
