-- pgbench's built-in TPC-B script, as release 2.0 would write it.
\set aid random(1, 100000 * :scale)
\set bid random(1, 1 * :scale)
\set tid random(1, 10 * :scale)
\set delta random(-5000, 5000)
begin;
update pgbench_account_balances set abalance = abalance + :delta where aid = :aid;
select abalance from pgbench_account_balances where aid = :aid;
update pgbench_tellers set balance = balance + :delta where teller = :tid;
update pgbench_branches set bbalance = bbalance + :delta where bid = :bid;
insert into pgbench_history (tid, bid, aid, delta, mtime)
values (:tid, :bid, :aid, :delta, current_timestamp);
end;
