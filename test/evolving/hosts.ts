// An evolution that several tests try statements on: a rename, a conversion, and a split.

export const HOSTS_CHANGES = `changes:
  - rename_column: { table: labels, column: title, to: caption }
  - convert_column:
      table: hosts
      column: memory_mb
      to: memory_bytes
      up: memory_mb::bigint * 1048576
      down: (memory_bytes / 1048576)::int
  - split_table:
      table: hosts
      into:
        hosts: {}
        heartbeats: { key: { host_id: id }, when: last_seen is not null }
`;
