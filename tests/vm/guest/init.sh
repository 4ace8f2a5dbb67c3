#!/bin/busybox sh
# PID 1 of the initramfs: builds the root of the guest and hands over to /run/vm/command or to systemd.
# /env sets SHARE, KERNEL, MODULES, SYSTEMD and SWAP; /modules lists what to load; /writable the --rw directories.
/bin/busybox --install -s /bin
export PATH=/bin
. /env
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev

die() {
	echo "tests.vm: init: $*" >/dev/console
	reboot -f
}

# share TAG DIRECTORY ro|rw
share() {
	case $SHARE in
	9p) mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2" ;;
	*) mount -t virtiofs -o "$3" "$1" "$2" ;;
	esac
}

while read -r module; do insmod "$module" || die "insmod $module"; done </modules

mkdir -p /lower /upper /root
share root /lower ro || die "mount the root"
mount -t tmpfs -o size=90%,mode=755 tmpfs /upper && mkdir /upper/data /upper/work || die "mount a tmpfs"
mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work overlay /root || die "mount the overlay"
for place in dev proc sys; do
	mkdir -p /root/$place && mount -o move /$place /root/$place || die "move /$place"
done

# An overlay can not be the upper layer of another: what tests write lies in /run.
mkdir -p /root/dev/pts /root/dev/shm /root/dev/mqueue /root/run "/root/lib/modules/$KERNEL"
mount -t tmpfs -o mode=755 tmpfs /root/run
mount -t tmpfs -o mode=1777 tmpfs /root/dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /root/dev/pts
mount -t mqueue mqueue /root/dev/mqueue
mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /root/sys/fs/cgroup || die "mount cgroup2"
mount -t bpf bpf /root/sys/fs/bpf
mount -t tracefs tracefs /root/sys/kernel/tracing
mount -t securityfs securityfs /root/sys/kernel/security
[ -e "/root/lib/modules/$KERNEL/modules.dep" ] || mount -o bind "/lower$MODULES" "/root/lib/modules/$KERNEL"
ln -sfn /proc/self/fd /root/dev/fd
for stream in stdin:0 stdout:1 stderr:2; do ln -sfn "fd/${stream#*:}" "/root/dev/${stream%:*}"; done

number=0
while read -r directory; do
	mkdir -p "/root$directory"
	share "rw$number" "/root$directory" rw || die "mount $directory"
	number=$((number + 1))
done </writable

hostname firkin-guest
ifconfig lo up
: >/root/etc/fstab
[ -z "$SWAP" ] || { mkswap "/root$SWAP" && swapon "/root$SWAP"; } >/dev/null || die "swap on $SWAP"

mkdir -p /root/run/vm/port
cp /command /env /bin/busybox /root/run/vm/
for port in /root/sys/class/virtio-ports/*; do
	ln -s "/dev/${port##*/}" "/root/run/vm/port/$(cat "$port/name")"
done
[ "$SYSTEMD" ] || exec switch_root -c /dev/console /root /run/vm/command

# Units that the machine enabled are not wanted here: systemd-tmpfiles-setup empties /tmp, others wait for hardware.
rm -rf /root/lib/systemd/system/*.wants /root/etc/systemd/system/*.wants
mkdir -p /root/run/systemd/system
cp /vm.service /root/run/systemd/system/
exec switch_root -c /dev/console /root /lib/systemd/systemd --unit=vm.service
