#!/bin/sh
# The second part of the tour: a machine that runs pods, and a pod of two containers from a manifest. As root.
set -eu

FIRKIN=${FIRKIN:-firkin}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
socket=$work/run/kubelet.sock
node=

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
firkin() { command=$1; shift; "$FIRKIN" "$command" --socket "$socket" "$@"; }

clean_up() {
    if [ -n "$node" ]; then
        firkin delete -f "$here/pods/web.yaml" >/dev/null 2>&1 || true
        kill "$node" && wait "$node" || true
    fi
    rm -rf "$work"
}
trap clean_up EXIT

say "An image of busybox"
mkdir -p "$work/layer/bin"
cp /bin/busybox "$work/layer/bin/"
for applet in $(/bin/busybox --list); do [ "$applet" = busybox ] || ln -s busybox "$work/layer/bin/$applet"; done
python3 "$here/image.py" "$work/layer" "$work/image" registry.example/busybox:1
"$FIRKIN" import --store "$work/root" "$work/image"

say "firkin node: the runtime and the agent, in one process"
cat >"$work/config.toml" <<CONFIG
[cri]
root = "$work/root"
state = "$work/cri"
socket = "$work/cri.sock"
log_level = "error"
[cri.network]
config_directory = "$work/cni"
bridge = "firkin-demo"
table = "firkin-demo"
pod_cidrs = ["10.213.0.0/24"]
[kubelet]
root = "$work/kubelet"
state = "$work/run"
logs = "$work/pods"
log_level = "error"
[kubelet.container_logs]
links = ""
[kubelet.sources]
manifests = "$work/manifests"
CONFIG
mkdir -p "$work/manifests"
"$FIRKIN" node --config "$work/config.toml" &
node=$!
until firkin get pods >/dev/null 2>&1; do kill -0 "$node"; sleep 0.2; done

say "firkin apply -f web.yaml: a ConfigMap, a Secret, and a pod with a web server and a sidecar"
firkin apply -f "$here/pods/web.yaml"
until firkin get pod web | grep -q 2/2; do kill -0 "$node"; sleep 0.2; done

say "firkin get pod web -o wide"
firkin get pod web -o wide

say "curl of the port that the pod has of this machine"
curl -sS http://127.0.0.1:18080/index.html || python3 -c \
    "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:18080/index.html').read().decode(), end='')"

say "firkin logs web -c web"
firkin logs web -c web | head -n 3

say "firkin exec web -c web: the secret, and the container's cgroup"
firkin exec -c web web -- sh -c 'ls -l /etc/web/key; cat /proc/self/cgroup | grep ^0:'

say "its limits, where cgroup v2 has the controllers"
group=$(find /sys/fs/cgroup -type d -path "*kubepods*pod*" 2>/dev/null | head -n 1)
for file in cpu.max cpu.weight memory.max; do
    [ ! -e "$group/$file" ] || echo "$file: $(cat "$group/$file")"
done
echo "$group"

say "firkin describe pod web: what happened"
firkin describe pod web | sed -n '/^Events/,$p'

say "firkin delete -f web.yaml"
firkin delete -f "$here/pods/web.yaml"
