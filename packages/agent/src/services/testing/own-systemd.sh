#!/bin/sh
# The first process of namespaces of their own (user, process, mount, network, control group): makes
# a root that holds nothing of the machine's but /usr, which cannot be written there, moves into it,
# and becomes systemd, which finds no units but those of the test. What is under /state outlives it.
#
#   own-systemd.sh DIRECTORY   DIRECTORY has `units/`, `state`, and `ready`, a named pipe; `root/` is
#                              free.
set -eu
directory=$1
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$directory/root"
cd "$directory/root"
mkdir -p usr etc/systemd proc sys dev run tmp root var/log old state
mount --bind "$directory/state" state
for name in bin sbin lib lib64; do ln -s "usr/$name" "$name"; done
mount --bind /usr usr
mount -o remount,bind,ro usr
cp -r "$directory/units" etc/systemd/system
for unit in systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket; do
  cp "/usr/lib/systemd/system/$unit" etc/systemd/system/
done
cp /etc/ld.so.cache etc/
echo root:x:0:0:root:/root:/bin/sh >etc/passwd
echo root:x:0: >etc/group
echo 0123456789abcdef0123456789abcdef >etc/machine-id
printf 'ID=own\nPRETTY_NAME="Of its own"\n' >etc/os-release
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
  : >"dev/$name"
  mount --bind "/dev/$name" "dev/$name"
done
mkdir dev/shm
: >dev/ready
mount --bind "$directory/ready" dev/ready
mount -t tmpfs -o mode=755 tmpfs run
mount -t proc proc proc
mount --bind proc/sys proc/sys
# The kernel's would stay the same.
cat proc/sys/kernel/random/uuid >run/boot-id
mount --bind run/boot-id proc/sys/kernel/random/boot_id
mount -o remount,bind,ro proc/sys
mount -t tmpfs -o mode=755 tmpfs sys
mkdir -p sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
pivot_root . old
cd /
umount -l /old
rmdir /old
# systemd sets up the whole root that it finds, so it must never find the machine's.
test "$(stat -f -c %T /)" = tmpfs
test ! -w /usr
exec env -i container=own PATH=/usr/sbin:/usr/bin SYSTEMD_UNIT_PATH=/etc/systemd/system \
  /usr/lib/systemd/systemd --system --unit=basic.target
