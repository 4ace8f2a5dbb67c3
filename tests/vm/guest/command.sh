#!/run/vm/busybox sh
# PID 1 of the guest, or the main process of systemd's vm.service: runs the command, reports, ends the guest.
# /run/vm/env sets INODES and defines run_command.
box=/run/vm/busybox
cd /run/vm || exit
. ./env
ulimit -Hn 524288
$box mount --make-rshared /  # as systemd has it; the kernel starts with private mounts

# virtiofsd holds a descriptor for each inode that the guest has cached, and its limit may be low. Nothing tells when
# the count grows, so it is looked at each second: `read` waits, and the loop starts no process.
$box mkfifo tick stdout stderr
exec 4<>tick
if [ "$INODES" ]; then
	while ! read -r -t 1 _ <&4; do
		read -r inodes _ </proc/sys/fs/inode-nr
		[ "$inodes" -lt "$INODES" ] || echo 2 >/proc/sys/vm/drop_caches
	done &
fi

# A port can be opened once only, and a command may open /dev/stderr: it gets pipes.
$box cat <stdout >port/stdout &
relays=$!
$box cat <stderr >port/stderr &
relays="$relays $!"
exec 3>port/status
echo started >&3
(
	exec 3>&- 4>&-
	run_command
) </dev/null >stdout 2>stderr
status=$?

# The relays end with the last writer; a daemon that the command left behind would hold them for ever.
{ $box sleep 2; kill $relays; } 2>/dev/null &
wait $relays
$box sync
echo "exit $status" >&3
$box reboot -f
