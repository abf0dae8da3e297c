-- TPC-B on five accounts only, so that clients of both releases meet on the same rows all the time.
\set aid random(1, 5)
\set tid random(1, 10)
\set delta random(-5000, 5000)
begin;
update pgbench_accounts set abalance = abalance + :delta where aid = :aid;
select abalance from pgbench_accounts where aid = :aid;
update pgbench_tellers set tbalance = tbalance + :delta where tid = :tid;
update pgbench_branches set bbalance = bbalance + :delta where bid = 1;
insert into pgbench_history (tid, bid, aid, delta, mtime)
values (:tid, 1, :aid, :delta, current_timestamp);
end;
