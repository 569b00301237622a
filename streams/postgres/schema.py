"""DDL of the engine's tables, in the schema `headwater`. Tables of read models are in the schema `read_models`."""

from __future__ import annotations

FORMAT = 1
"""Version of the engine's tables; a database of another format is refused."""

DDL = """
create schema if not exists headwater;
create schema if not exists read_models;

create table if not exists headwater.installation (
    single          boolean primary key default true check (single),
    format          int not null,
    epoch           bigint not null default 1,
    created_at      timestamptz not null default now()
);

alter table headwater.installation
    add column if not exists log text not null default 'postgresql' check (log in ('postgresql', 'kafka')),
    add column if not exists master bytea,
    add column if not exists secret bytea,
    add column if not exists follows boolean;

create table if not exists headwater.partitions (
    context         text not null,
    partition       int not null,
    sequence        bigint not null default 0,
    hash            bytea not null,
    next_offset     bigint not null default 0,
    primary key (context, partition)
) with (fillfactor = 50);

create table if not exists headwater.journal (
    context         text not null,
    partition       int not null,
    sequence        bigint not null,
    event_id        uuid not null,
    key             text not null,
    stream          text not null,
    version         bigint not null,
    name            text not null,
    subject         text,
    data            bytea not null,
    command_id      uuid not null,
    causation_id    uuid,
    correlation_id  uuid not null,
    actor           text not null,
    at              timestamptz not null,
    hash            bytea not null,
    primary key (context, partition, sequence),
    unique (context, stream, version)
);
create index if not exists journal_subject on headwater.journal (subject) where subject is not null;

create table if not exists headwater.snapshots (
    context         text not null,
    stream          text not null,
    key             text not null,
    version         bigint not null,
    schema          text not null,
    state           bytea not null,
    primary key (context, stream)
);
create index if not exists snapshots_key on headwater.snapshots (context, key);

create table if not exists headwater.subject_keys (
    subject         text primary key,
    wrapped         bytea,
    created_at      timestamptz not null default now(),
    destroyed_at    timestamptz
);

create table if not exists headwater.projections (
    table_name      text primary key,
    name            text not null,
    version         int not null,
    context         text not null,
    state           text not null check (state in ('live', 'building', 'shadow', 'retired')),
    halted_at       text,
    error           text,
    created_at      timestamptz not null default now()
);
alter table headwater.projections
    add column if not exists subject text,
    add column if not exists personal text[] not null default '{}';
create unique index if not exists projections_live on headwater.projections (name) where state = 'live';

create table if not exists headwater.projection_checkpoints (
    table_name      text not null references headwater.projections on delete cascade,
    partition       int not null,
    sequence        bigint not null,
    primary key (table_name, partition)
) with (fillfactor = 50);

create table if not exists headwater.tasks (
    id              uuid primary key,
    context         text not null,
    kind            text not null check (kind in ('timer', 'call')),
    state           text not null default 'waiting',
    due_at          timestamptz not null,
    name            text not null,
    body            json not null,
    subject         text,
    reply_name      text,
    reply_body      json,
    reply_subject   text,
    correlation_id  uuid not null,
    event_id        uuid not null,
    attempts        int not null default 0,
    owner           text,
    lease_until     timestamptz
) with (fillfactor = 70);
create index if not exists tasks_running on headwater.tasks (lease_until) where state = 'running';
alter table headwater.tasks
    add column if not exists key text not null default '-',
    add column if not exists answered boolean not null default false,
    add column if not exists doubt jsonb,
    add column if not exists begun boolean not null default true,
    add column if not exists error text;
do $$ begin
    if not exists (select from pg_constraint
                    where conrelid = 'headwater.tasks'::regclass and conname = 'tasks_states') then
        alter table headwater.tasks drop constraint if exists tasks_state_check, add constraint tasks_states
              check (state in ('waiting', 'running', 'failed', 'unreadable')) not valid;
    end if;
end $$;

create table if not exists headwater.log_halts (
    context         text not null,
    partition       int not null,
    role            text not null,
    error           text not null,
    since           timestamptz not null default now(),
    primary key (context, partition, role)
);

create table if not exists headwater.heartbeats (
    role            text not null,
    instance        text not null,
    seen_at         timestamptz not null default now(),
    primary key (role, instance)
);

create table if not exists headwater.edges (
    context         text not null,
    node            uuid not null,
    renewals        bigint not null default 0,
    lost            boolean not null default false,
    seen_at         timestamptz not null default now(),
    primary key (context, node)
) with (fillfactor = 50);

create table if not exists headwater.objects (
    content         uuid primary key,
    id              uuid not null,
    context         text not null,
    key             text not null,
    subject         text,
    put_at          timestamptz not null,
    kept            boolean not null default false,
    size            bigint,
    sha256          bytea,
    wrapped         bytea
);
create unique index if not exists objects_whole on headwater.objects (id) where wrapped is not null;
create index if not exists objects_subject on headwater.objects (subject) where subject is not null;
create index if not exists objects_unkept on headwater.objects (put_at) where not kept;

create table if not exists headwater.object_parts (
    content         uuid not null references headwater.objects on delete cascade,
    number          int not null,
    sealed          bytea not null,
    primary key (content, number)
);

create table if not exists headwater.vault (
    id              uuid primary key,
    context         text not null,
    key             text not null,
    subject         text,
    put_at          timestamptz not null,
    kept            boolean not null default false,
    sealed          bytea not null
);
create index if not exists vault_subject on headwater.vault (subject) where subject is not null;
create index if not exists vault_unkept on headwater.vault (put_at) where not kept;

create table if not exists headwater.clock (
    single          boolean primary key default true check (single),
    now             timestamptz not null
);

create table if not exists headwater.probe (
    single          boolean primary key default true check (single),
    at              timestamptz not null
) with (fillfactor = 10);
insert into headwater.probe (at) values (now()) on conflict do nothing;

create unlogged table if not exists headwater.rate_windows (
    key             text primary key,
    hits            int not null,
    moments         timestamptz[],
    ends_at         timestamptz not null
) with (fillfactor = 50);

create unlogged table if not exists headwater.claims (
    command_id      uuid primary key,
    fingerprint     text not null,
    claimed_at      timestamptz not null default now()
);

create or replace function headwater.advance(heads json, written_under bigint) returns void
language plpgsql as $$
declare wanted int; moved int;
begin
    update headwater.partitions p set sequence = h.sequence, hash = decode(h.hash, 'hex'),
           next_offset = coalesce(h.next_offset, p.next_offset)
      from json_to_recordset(heads) as h(context text, partition int, old_sequence bigint, old_hash text,
                                         sequence bigint, hash text, next_offset bigint)
     where p.context = h.context and p.partition = h.partition
       and p.sequence = h.old_sequence and p.hash = decode(h.old_hash, 'hex');
    get diagnostics moved = row_count;
    select json_array_length(heads) into wanted;
    if moved <> wanted then
        raise exception 'the log has moved on: another writer owns a partition' using errcode = 'ZH001';
    end if;
    if not exists (select 1 from headwater.installation where epoch = written_under) then
        raise exception 'the set of projections has changed' using errcode = 'ZH002';
    end if;
    perform pg_notify('headwater', '');
end $$;

create or replace function headwater.append(heads json, written_under bigint, lines json, tables text[]) returns void
language plpgsql as $$
begin
    perform headwater.advance(heads, written_under);
    insert into headwater.journal
    select context, partition, sequence, event_id, key, stream, version, name, subject, convert_to(data, 'UTF8'),
           command_id, causation_id, correlation_id, actor, at, decode(hash, 'hex')
      from json_to_recordset(lines) as r(
           context text, partition int, sequence bigint, event_id uuid, key text, stream text, version bigint,
           name text, subject text, data text, command_id uuid, causation_id uuid, correlation_id uuid,
           actor text, at timestamptz, hash text);
    perform headwater.projected(heads, tables);
end $$;

create or replace function headwater.projected(heads json, tables text[]) returns void
language sql as $$
    update headwater.projection_checkpoints c set sequence = m.sequence
      from json_to_recordset(heads) as m(context text, partition int, sequence bigint)
      join headwater.projections p on p.context = m.context
     where c.table_name = p.table_name and c.partition = m.partition and c.table_name = any(tables)
$$;

create or replace function headwater.hold_keys(subjects text[]) returns void
language plpgsql as $$
begin
    perform from headwater.subject_keys where subject = any(subjects) order by subject for share;
    if exists (select from headwater.subject_keys where subject = any(subjects) and wrapped is null) then
        raise exception 'a subject has been erased meanwhile' using errcode = 'ZH003';
    end if;
end $$;

create or replace function headwater.add_keys(keys json) returns void
language plpgsql as $$
declare added int;
begin
    insert into headwater.subject_keys (subject, wrapped)
    select subject, decode(wrapped, 'hex') from json_to_recordset(keys) as k(subject text, wrapped text)
        on conflict (subject) do nothing;
    get diagnostics added = row_count;
    if added <> json_array_length(keys) then
        raise exception 'a key has been stored meanwhile' using errcode = 'ZH004';
    end if;
end $$;

create or replace view headwater.events as
    select context, partition, sequence, at, name, stream, version, key, actor, subject,
           -- what the eventsourcing library's own applications store need be no JSON
           case when actor <> 'recorder' then convert_from(data, 'UTF8')::json end as data, event_id, command_id,
           causation_id, correlation_id,
           encode(hash, 'hex') as hash
      from headwater.journal;
"""

INDEXES = {
    "tasks_timers": "headwater.tasks (due_at) where kind = 'timer' and state = 'waiting'",
    "tasks_calls": "headwater.tasks (name, due_at) where kind = 'call' and state = 'waiting'",
    "tasks_keys": "headwater.tasks (name, key, due_at) where kind = 'call' and state = 'waiting'",
}
"""Indexes of tables that may be large when they come: made with a new installation, else in the background."""

FORMER_INDEXES = ("tasks_due",)
"""Indexes of former releases, dropped once those above are there."""

FENCED = "ZH001"
"""SQLSTATE: a partition's head differs from this writer's last one; another writer has moved it."""

ERASED_MEANWHILE = "ZH003"
"""SQLSTATE: another projector has destroyed the key of a subject in the batch being projected."""

KEY_STORED = "ZH004"
"""SQLSTATE: the key of a subject in the batch has been stored meanwhile, with an object of that subject."""

EPOCH_CHANGED = "ZH002"
"""SQLSTATE: a projection was added, swapped or dropped since this writer loaded the registry."""
