#!/bin/sh
# A tour: makes a bundle with a busybox root file system, shows what would be done with it, and runs it.
set -eu

FIRKIN=${FIRKIN:-firkin}
bundle=$(mktemp -d)
trap 'rm -rf "$bundle"' EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "A bundle in $bundle: a root file system with busybox, and a config.json"
mkdir -p "$bundle/rootfs/bin" "$bundle/rootfs/proc" "$bundle/rootfs/dev" "$bundle/rootfs/sys"
cp /bin/busybox "$bundle/rootfs/bin/"
for applet in sh id ps mount hostname cat grep ls; do ln -s busybox "$bundle/rootfs/bin/$applet"; done
"$FIRKIN" spec --bundle "$bundle"
cat >"$bundle/hello.sh" <<'HELLO'
echo "hostname: $(hostname)"
echo "ids:      $(id)"
echo "cgroup:   $(cat /proc/self/cgroup | grep ^0:)"
echo "process 1 and its children:"
ps
echo "descriptors of process 1:"
ls -l /proc/1/fd
echo "mounts:"
mount
exit 7
HELLO
python3 - "$bundle" <<'EDIT'
import json, sys
bundle = sys.argv[1]
config = json.load(open(f"{bundle}/config.json"))
config["process"]["terminal"] = False
config["process"]["args"] = ["/bin/sh", "-c", open(f"{bundle}/hello.sh").read()]
config["process"]["rlimits"] = []
config["hostname"] = "firkin-demo"
json.dump(config, open(f"{bundle}/config.json", "w"), indent=2)
EDIT

say "firkin explain: the first lines of the plan"
"$FIRKIN" explain "$bundle" | head -n 24 | cut -c -150

say "firkin run: the container speaks"
code=0
"$FIRKIN" run --bundle "$bundle" demo || code=$?

say "and its exit code came back: $code"
[ "$code" = 7 ]
