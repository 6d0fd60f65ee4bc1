/**
 * What the schema of the whole holds beside generations, made by whichever process comes first.
 *
 * A writer that must not be one of the past calls `fence` first in its transaction. It takes a shared lock that ends with the
 * transaction, and a change of holder takes the same one alone: so no transaction that passed the fence is still to be
 * committed when the next holder begins. Not a lock on the row of the lease, which its own holder renews meanwhile.
 */
export const SHARED_TABLES = (schema: string): string => tables(schema) + policyTables(schema) + functions(schema);

const tables = (schema: string): string => `
select pg_advisory_xact_lock(hashtext('touchstone'), hashtext('${schema}'));
create schema if not exists ${schema};
create table if not exists ${schema}.lease (
  name text primary key,
  holder text not null,
  epoch bigint not null,
  acquired_at timestamptz not null,
  expires_at timestamptz not null
);
create table if not exists ${schema}.event_log (
  one boolean primary key default true check (one),
  engine text not null,
  first_event text not null,
  first_position text not null,
  since timestamptz not null
);
create table if not exists ${schema}.projection_state (
  group_name text primary key,
  epoch bigint not null,
  checkpoint text collate "C" not null,
  status jsonb not null,
  published_at timestamptz not null
);
create table if not exists ${schema}.projection_request (
  id uuid primary key,
  group_name text not null,
  call jsonb not null,
  asked_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  taken_by bigint,
  answer jsonb
);
`;

const policyTables = (schema: string): string => `
create table if not exists ${schema}.open_load (
  id uuid primary key,
  process text not null,
  since timestamptz not null,
  expires_at timestamptz not null
);
create table if not exists ${schema}.policy_checkpoint (
  name text primary key,
  position text not null,
  epoch bigint not null,
  saved_at timestamptz not null
);
create table if not exists ${schema}.policy_state (
  name text primary key,
  epoch bigint not null,
  status jsonb not null,
  told_at timestamptz not null
);
`;

const functions = (schema: string): string => `
create or replace function ${schema}.fence(wanted text, term bigint) returns void language plpgsql volatile as $fence$
begin
  perform pg_advisory_xact_lock_shared(hashtext('${schema}.lease'), hashtext(wanted));
  if not exists (select from ${schema}.lease where name = wanted and epoch = term) then
    raise exception '%, term %', wanted, term using errcode = 'TS001';
  end if;
end $fence$;
create or replace function ${schema}.take_lease(wanted text, who text, ttl_ms integer, patience_ms integer) returns bigint
language plpgsql volatile as $take$
declare given bigint;
begin
  perform set_config('lock_timeout', patience_ms || 'ms', true);
  perform pg_advisory_xact_lock(hashtext('${schema}.lease'), hashtext(wanted));
  insert into ${schema}.lease as l
    values (wanted, who, 1, clock_timestamp(), clock_timestamp() + ttl_ms * interval '1 ms')
  on conflict (name) do update set holder = excluded.holder, epoch = l.epoch + 1,
    acquired_at = clock_timestamp(), expires_at = clock_timestamp() + ttl_ms * interval '1 ms'
    where l.expires_at <= clock_timestamp()
  returning l.epoch into given;
  return given;
end $take$;
`;
