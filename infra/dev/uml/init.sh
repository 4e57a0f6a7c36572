#!/bin/sh
# The first process of the kernel that run.sh boots.
here=$(dirname "$0")
. "$here/settings"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tmpfs -o size=1g,mode=1777 tmp /tmp
ip link set lo up 2>/dev/null
mkdir -p /tmp/package
cp -r "$package/testdata" /tmp/package/
cp "$dir/sandbox.test" /tmp/
chmod -R a+rX /tmp/package /tmp/sandbox.test
export HOME=/tmp TMPDIR=/tmp RUNLEASE_GUARDED=machine RUNLEASE_TIME_FACTOR=10 RUNLEASE_LONG="$long"
cd /tmp/package
run() {
  "$@" /tmp/sandbox.test -test.v -test.timeout "$most" -test.run "$tests" && echo "== passed" || echo "== failed"
}
echo "== root, control groups of version 2"
run env
echo "== a service's user with a delegated group, as in a unit with Delegate=yes"
echo '+memory +pids +cpu' > /sys/fs/cgroup/cgroup.subtree_control
unit=/sys/fs/cgroup/system.slice
mkdir "$unit"
echo '+memory +pids +cpu' > "$unit/cgroup.subtree_control"
mkdir "$unit/runner.service"
for file in . cgroup.procs cgroup.subtree_control cgroup.threads; do chown 65533:65533 "$unit/runner.service/$file"; done
run sh -c "echo \$\$ > $unit/runner.service/cgroup.procs; exec setpriv --reuid 65533 --regid 65533 --clear-groups \"\$@\"" sh
echo "== end"
poweroff -f
