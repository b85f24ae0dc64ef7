-- The three roles of an installation. Run by a superuser, any number of times, before the migrations:
--   psql -d postgres -f store/roles.sql
--   createdb -O xinyin_owner -E UTF8 --locale=C.UTF-8 -T template0 xinyin
-- They come without passwords: give them one with \password, or let pg_hba.conf name peers.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['xinyin_owner', 'xinyin_service', 'xinyin_verifier'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted) then
      execute format('create role %I login', wanted);
    end if;
    execute format(
        'alter role %I login nosuperuser nocreatedb nocreaterole noreplication nobypassrls inherit',
        wanted);
  end loop;
end
$$;
comment on role xinyin_owner is 'Xinyin: owns the tables, runs the migrations; no program serves with it';
comment on role xinyin_service is 'Xinyin: xinyind; reads and writes what it is granted';
comment on role xinyin_verifier is 'Xinyin: xinyind --only=verify; reads what public verification needs';
