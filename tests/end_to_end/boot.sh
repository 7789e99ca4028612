#!/bin/sh
# A machine of its own for the unit: systemd as process 1 of new namespaces, on the host's system with a layer of memory
# above it that takes what is written. Arguments: the folder that it is laid out from, and those of the interpreter, the
# packages and the program.
set -eu
folder=$1 python=$2 packages=$3 source=$4

read -r pid _ </proc/self/stat
echo "$pid" >"$folder/pid"

mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/written /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/written,workdir=/mnt/work /mnt/root
cd /mnt/root

# The program, laid out as `python3 -m venv /opt/monitor` and `pip install` do.
mkdir -p opt/monitor/bin opt/monitor/python opt/monitor/packages opt/monitor/source/monitor
mount --bind "$python" opt/monitor/python
mount --bind "$packages" opt/monitor/packages
mount --bind "$source" opt/monitor/source/monitor
cp -r "$folder/venv/." opt/monitor
cp -r "$folder/etc/." etc

# What the service keeps is seen from outside.
mkdir -m 755 "$folder/lib"
mkdir -m 700 "$folder/lib/private" "$folder/lib/private/monitor"
mount --bind "$folder/lib" var/lib
for place in run tmp var/tmp; do mount -t tmpfs tmpfs "$place"; done
cp -r "$folder/units" run/units

# Nothing of the host's kernel is set from there; and as in containers, what systemd mounts for a unit is seen by the unit.
mount --rbind /dev dev
mount -t tmpfs tmpfs dev/shm
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount --bind /sys sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mkdir run/host
pivot_root . run/host
umount -l /run/host
mount --make-rshared /

exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test SYSTEMD_UNIT_PATH=/run/units SYSTEMD_GENERATOR_PATH=/run/none \
  /lib/systemd/systemd --system --unit=test.target --show-status=no --log-target=console
