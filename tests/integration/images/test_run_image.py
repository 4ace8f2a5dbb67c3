"""`firkin run IMAGE`: from a name to a running container, and nothing left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firkin.oci.store.images import ImageStore
from tests.support.archives import Archive
from tests.support.bundle import Firkin, wait_stopped
from tests.support.local_image import add_image
from tests.support.mountinfo import parse_mountinfo
from tests.support.overlays import overlay_place
from tests.support.pidfds import PidfdTaker
from tests.support.terminal import Terminal
from tests.support.waiting import SECONDS, eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "busybox", "overlay")

APP = "test.example/app:1"
BASE = "test.example/base:1"
PASSWD = b"root:x:0:0:root:/root:/bin/sh\ncooper:x:1000:1001:Cooper:/home/cooper:/bin/sh\n"
GROUP = b"root:x:0:\ncoopers:x:1001:\nguild:x:50:cooper\n"
APPLETS = (
    "sh",
    "cat",
    "id",
    "ls",
    "env",
    "pwd",
    "stat",
    "hostname",
    "touch",
    "tty",
    "sleep",
    "grep",
    "echo",
    "rm",
    "true",
    "wc",
)


def base_layer() -> bytes:
    archive = Archive().directory("bin").add("bin/busybox", Path("/bin/busybox").read_bytes(), mode=0o755)
    for name in APPLETS:
        archive.link(f"bin/{name}", "busybox")
    archive.directory("etc").add("etc/passwd", PASSWD).add("etc/group", GROUP)
    archive.directory("home").directory("home/cooper", uid=1000, gid=1001).directory("tmp", mode=0o1777)
    archive.directory("data", uid=1000, gid=1001).add("data/seed", b"seed", uid=1000, gid=1001)
    return archive.add("suid", b"", mode=0o4755, uid=1000).add("note", b"lower").finish()


def app_layer() -> bytes:
    archive = Archive().add("note", b"upper").directory("srv").add("srv/page", b"page").directory("etc", mode=0o755)
    # Whatever it points to on the host is not what a container gets mounted over.
    return archive.link("etc/hosts", "/../../../../etc/hosts-of-the-image").finish()


CONFIG: dict[str, Any] = {
    "User": "cooper",
    "Env": ["A=image", "PATH=/bin"],
    "Entrypoint": ["/bin/sh", "-c"],
    "Cmd": ["id; echo $A $HOME; pwd; cat note"],
    "WorkingDir": "/home/cooper/../..",
    "Volumes": {"/data": {}},
    "StopSignal": "SIGINT",
    "Labels": {"maker": "cooper"},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with overlay_place(tmp_path_factory.mktemp("images") / "store") as place:
        layer = base_layer()
        with ImageStore(str(place)) as images:
            add_image(images, BASE, [layer], {"Cmd": ["sh"], "Env": ["PATH=/bin"]})
            add_image(images, APP, [layer, app_layer()], CONFIG)
        yield place


class Runner:
    """`firkin run` of images of one store."""

    def __init__(self, firkin: Firkin, store: Path) -> None:
        self.firkin = firkin
        self.store = store

    def __call__(self, *words: str | Path, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        return self.firkin("run", "--store", self.store, "--name", self.firkin.new_id(), *words, check=check, **options)

    def base(self, script: str, *words: str | Path) -> str:
        """Run a script of the shell in the base image: its output."""
        return self(*words, BASE, "sh", "-c", script).stdout

    def command(self, *words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Another command on the store."""
        return self.firkin(words[0], "--store", self.store, *words[1:], check=check)

    def holdings(self) -> list[Path]:
        return sorted((self.store / "containers").glob("*"))


@pytest.fixture
def run(firkin: Firkin, store: Path) -> Iterator[Runner]:
    runner = Runner(firkin, store)
    yield runner
    for id in firkin.ids:
        firkin("delete", "--force", id)
    assert runner.holdings() == []
    for name in ("new", "trash"):
        assert os.listdir(store / "snapshots" / name) == []


@pytest.mark.guest
def test_what_the_image_says_is_run(run: Runner) -> None:
    assert run(APP).stdout.splitlines() == [
        "uid=1000(cooper) gid=1001(coopers) groups=50(guild)",
        "image /home/cooper",
        "/",
        "upper",
    ]
    assert run("--entrypoint", "", APP, "cat", "/note").stdout == "upper"
    assert run("--entrypoint", "/bin/echo", APP, "-n", "x").stdout == "x"
    assert run(APP, "exit 7", check=False).returncode == 7


def test_its_pidfd_is_sent_and_lines_of_a_terminal_are_plain_in_a_pipe(run: Runner, tmp_path: Path) -> None:
    with PidfdTaker(tmp_path / "socket") as taker:
        run("--pidfd-socket", taker.path, BASE, "true")
    assert taker.fd >= 0
    os.close(taker.fd)
    words = ("run", "--store", run.store, "--name", run.firkin.new_id(), "-t", BASE, "echo", "line")
    done = subprocess.run(run.firkin.command(*words), stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert done.stdout == b"line\n"


@pytest.mark.requires("docker-registry", "skopeo")
def test_one_command_from_a_registry(firkin: Firkin, tmp_path: Path) -> None:
    from tests.integration.images.test_image_commands import make_layout
    from tests.support.registry import RealRegistry

    with RealRegistry(tmp_path / "registry") as registry:
        layers = [base_layer(), Archive().directory("etc").add("etc/os-release", b"NAME=cask\n").finish()]
        registry.fill(make_layout(tmp_path / "layout", layers, {"Env": ["PATH=/bin"]}), "debian:latest")
        name, words = f"docker://{registry.host}/debian", ("--store", str(tmp_path / "images"))
        done = firkin("run", *words, name, "cat", "/etc/os-release")
        assert (done.stdout, done.stderr) == ("NAME=cask\n", "")
        assert firkin("run", *words, "--pull", "always", name, "cat", "/note").stdout == "lower"
        for image in firkin("images", *words, "-q").stdout.split():
            firkin("rmi", *words, image)
        done = firkin("run", *words, "--pull", "never", name, "cat", "/note", check=False)
        assert done.returncode == 1 and "is not here" in done.stderr
        with Terminal(firkin.command("run", *words, name, "cat", "/etc/os-release")) as terminal:
            terminal.expect(b"NAME=cask")
            assert terminal.process.wait(SECONDS) == 0
        shown = terminal.seen.partition(b"NAME=cask")[0]
        assert b"asking" in shown and b"unpacked 1 of 2 layers" in shown
    # The registry is gone, the image is not.
    assert firkin("run", *words, name, "cat", "/note").stdout == "lower"


def test_the_image_stays_as_it_is(run: Runner) -> None:
    script = "echo changed > /note; rm -r /home; echo new > /new; cat /note /new"
    assert run.base(script) == "changed\nnew\n"
    assert run.base("cat /note; ls -d /home") == "lower/home\n"
    assert run("--read-only", BASE, "touch", "/new", check=False).stderr == "touch: /new: Read-only file system\n"


def test_who_runs_where_and_with_what(run: Runner) -> None:
    assert run("-u", "cooper", BASE, "id").stdout == "uid=1000(cooper) gid=1001(coopers) groups=50(guild)\n"
    assert run("-u", "7:8", BASE, "id").stdout == "uid=7 gid=8\n"
    script = "pwd; echo $B $C $D; hostname; cat /etc/hostname; grep -c '^Cap.*0000000000000000$' /proc/self/status"
    words = ("-w", "/made/here", "-e", "B=1", "-e", "C", "-e", "D=", "--hostname", "cask", "--cap-drop", "ALL")
    done = run(*words, BASE, "sh", "-c", script, env={**os.environ, "C": "caller's"})
    assert done.stdout.splitlines() == ["/made/here", "1 caller's", "cask", "cask", "5"]
    filtered = "grep Seccomp: /proc/self/status"
    assert run.base(filtered) == "Seccomp:\t2\n"
    assert run.base(filtered, "--seccomp", "unconfined") == "Seccomp:\t0\n"
    bounding = "grep CapBnd /proc/self/status"
    assert run.base(bounding, "--cap-drop", "ALL", "--cap-add", "chown") == "CapBnd:\t0000000000000001\n"
    assert run.base(bounding) == "CapBnd:\t00000000a80425fb\n"


def test_the_network(run: Runner) -> None:
    script = "ls /sys/class/net; cat /etc/hosts"
    shown = run.base(script, "--hostname", "cask")
    assert shown.startswith("lo\n127.0.0.1\tlocalhost\n") and shown.endswith("127.0.1.1\tcask\n")
    shown = run.base(f"{script}; cat /etc/resolv.conf; hostname", "--net", "host")
    assert shown.split("\n")[: len(os.listdir("/sys/class/net"))] == sorted(os.listdir("/sys/class/net"))
    for path in ("/etc/hosts", "/etc/resolv.conf"):
        assert Path(path).read_text() in shown
    assert shown.endswith(f"{os.uname().nodename}\n")


def test_directories_of_the_host_and_of_memory(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/file").write_text("the host's")
    words = ("-v", f"{tmp_path}/dir:/mnt/in/side", "-v", f"{tmp_path}/dir/file:/note:ro")
    tmpfs = ("--mount", "type=tmpfs,target=/mnt,size=1m")
    script = "cat /note /mnt/in/side/file; touch /note; echo w > /mnt/in/side/new; cat /proc/self/mountinfo"
    shown = run(*words, *tmpfs, BASE, "sh", "-c", script).stdout
    assert shown.startswith("the host'sthe host's")
    assert (tmp_path / "dir/new").read_text() == "w\n"
    found = parse_mountinfo(shown)
    assert (found["/mnt"].type, "size=1024k" in found["/mnt"].super_options) == ("tmpfs", True)
    assert "ro" in found["/note"].options


@pytest.mark.guest
def test_images_as_mounts(run: Runner) -> None:
    words = ("--mount", f"type=image,source={APP},target=/all", "--mount",
             f"type=image,src={APP},dst=/part,subpath=srv")  # fmt: skip
    script = "cat /all/note /part/page; ls /part; touch /all/x /part/x; cat /proc/self/mountinfo"
    shown = run(*words, BASE, "sh", "-c", script).stdout
    assert shown.startswith("upperpagepage\n")
    found = parse_mountinfo(shown)
    for place in ("/all", "/part"):
        assert {"ro", "nosuid", "nodev"} <= found[place].options and found[place].type == "overlay"
    assert found["/part"].root == "/srv"
    bad = f"type=image,source={APP},target=/x,subpath="
    for path, message in (("none", "no such file"), ("../../../../etc/shadow", "no such file")):
        done = run("--mount", f"{bad}{path}", BASE, "true", check=False)
        assert done.returncode == 1 and message in done.stderr and done.stderr.count("\n") == 1


def test_volumes_of_the_image(run: Runner, tmp_path: Path) -> None:
    script = "cat /data/seed; echo mine > /data/mine; grep ' /data ' /proc/self/mountinfo"
    words = ("--entrypoint", "/bin/sh", APP, "-c")
    shown = run(*words, script).stdout
    assert shown.startswith("seed") and "/volumes/0 /data rw" in shown
    # The next container has one of its own, and a directory of the host comes before that.
    assert run(*words, "ls /data").stdout == "seed\n"
    (tmp_path / "mine").mkdir(mode=0o755)
    assert run("-v", f"{tmp_path}/mine:/data", *words, "ls /data").stdout == ""


def test_a_user_namespace(run: Runner) -> None:
    script = (
        "id; cat /proc/self/uid_map; stat -c '%u %a' /suid /data/seed /etc; echo x > /root-made; stat -c %u /root-made"
    )
    words = ("--userns", "100000", "--entrypoint", "/bin/sh", "-u", "0", APP, "-c")
    assert run(*words, script).stdout.split("\n")[0].startswith("uid=0(root)")
    id = run.firkin.new_id()
    run.firkin("run", "--store", run.store, "--name", id, "--keep", *words, script)
    (holding,) = run.holdings()
    # What it wrote belongs to nobody of the host.
    assert ((holding / "upper/root-made").stat().st_uid, (holding / "upper").stat().st_uid) == (100_000, 100_000)
    assert (holding / "volumes/0/seed").stat().st_uid == 101_000
    mounted = ("--mount", f"type=image,source={BASE},target=/img", *words)
    assert run(*mounted, "stat -c %u /suid /img/suid /data/seed; cat /proc/self/uid_map").stdout.split() == [
        "1000", "1000", "1000", "0", "100000", "65536",
    ]  # fmt: skip


def test_a_terminal(run: Runner) -> None:
    argv = run.firkin.command("run", "--store", run.store, "--name", run.firkin.new_id(), "-it", BASE)
    with Terminal(argv, rows=33, columns=77) as terminal:
        terminal.type(b"tty; echo $TERM; stat -c %a /dev/console; exit 3\r")
        terminal.expect(b"/dev/pts/0")
        terminal.expect(b"xterm")
        assert terminal.process.wait(SECONDS) == 3


def test_in_the_background(run: Runner) -> None:
    id = run.firkin.new_id()
    script = "echo started; echo complains >&2; cat; exec sleep 1000"
    done = run.firkin("run", "--store", run.store, "-d", "--name", id, BASE, "sh", "-c", script)
    assert (done.stdout, done.stderr) == (f"{id}\n", "")
    (holding,) = run.holdings()
    before = Path("/proc/self/mountinfo").read_text()
    assert str(run.store) not in before
    state = run.firkin.state(id)
    assert (state["status"], state["bundle"]) == ("running", str(holding))
    run.firkin(
        "exec",
        id,
        "sh",
        "-c",
        "until grep -q complains /proc/1/fd/1 2>/dev/null; do :; done; echo x > /made",
        timeout=SECONDS,
    )
    assert (holding / "output").read_text() == "started\ncomplains\n"
    assert (holding / "upper/made").read_text() == "x\n"
    assert run.firkin("exec", id, "cat", "/made", "/note").stdout == "x\nlower"
    run.firkin("kill", id, "KILL")
    wait_stopped(run.firkin, id)
    run.firkin("delete", id)
    assert run.holdings() == []


@pytest.mark.requires("memory", "cpu", "pids")
def test_limits(run: Runner) -> None:
    words = ("--memory", "64m", "--cpus", "0.5", "--pids-limit", "20")
    script = "cd /sys/fs/cgroup; cat memory.max cpu.max pids.max"
    assert run.base(script, *words).split() == ["67108864", "50000", "100000", "20"]


def test_doctor_tells_what_images_become(firkin: Firkin) -> None:
    (line,) = [line for line in firkin("doctor").stdout.splitlines() if " images " in line]
    assert line.startswith(("ok      images      overlays", "note    images      overlays"))


def test_a_strict_umask_is_none_of_the_containers(run: Runner) -> None:
    script = "stat -c %a / /data /etc/hostname; umask"
    done = run("--entrypoint", "/bin/sh", APP, "-c", script, umask=0o077)
    assert done.stdout.split() == ["755", "755", "644", "0022"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(firkin: Firkin, tmp_path: Path, number: signal.Signals) -> None:
    status = 0
    # It may have come to its end before the signal came.
    for attempt in range(10):
        with overlay_place(tmp_path / f"images{attempt}") as place:
            status = _interrupted(firkin, place, number)
            assert os.listdir(place / "containers") == os.listdir(place / "snapshots/new") == []
            assert firkin("fsck", "--store", place).stdout == ""
        if status:
            break
    assert status == 128 + number


def _interrupted(firkin: Firkin, place: Path, number: signal.Signals) -> int:
    # The exit status of a run to which a signal is sent while it unpacks a large file.
    with ImageStore(str(place)) as images:
        add_image(images, BASE, [base_layer(), Archive().add("zeros", bytes(256 << 20)).finish()])
    argv = firkin.command("run", "--store", place, BASE, "sh")
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        eventually(lambda: list((place / "snapshots").glob("*/layer-*/fs/zeros")) or process.poll() is not None)
        process.send_signal(number)
        assert process.stderr and process.stderr.read() == b""
    return process.returncode


def test_images_know_their_containers(firkin: Firkin, tmp_path: Path) -> None:
    with ImageStore(str(tmp_path / "images")) as images:
        add_image(images, BASE, [base_layer()], {"Cmd": ["sleep", "1000"], "Env": ["PATH=/bin"]})
        add_image(images, "test.example/other:1", [base_layer(), app_layer()], {"Cmd": ["true"], "Env": ["PATH=/bin"]})
    run = Runner(firkin, tmp_path / "images")
    id = firkin.new_id()
    firkin("run", "--store", run.store, "-d", "--name", id, BASE)
    run("test.example/other:1")
    rows = {row["name"]: row["containers"] for row in json.loads(run.command("images", "--json").stdout)}
    assert rows == {BASE: [id], "test.example/other:1": []}
    assert f" {id}\n" in run.command("images").stdout
    done = run.command("rmi", BASE, check=False)
    assert done.returncode == 1 and done.stderr.startswith(
        f"firkin: error: image {BASE}: is used by the container {id} ("
    )
    assert ", 1 layers, " in run.command("rmi", "test.example/other:1").stdout
    forced = run.command("rmi", "--force", BASE)
    assert ", 0 layers, 0 B" in forced.stdout
    assert firkin("exec", id, "cat", "/note").stdout == "lower"
    assert ", 0 trees" in run.command("prune").stdout
    assert run.command("fsck").stdout == ""
    firkin("delete", "--force", id)
    assert run.command("prune").stdout.splitlines()[1].startswith("1 layers, ")
    assert os.listdir(run.store / "snapshots/layers") == []


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((BASE, "nowhere"), 127, "no such file or directory"),
        ((BASE, "/note"), 126, "permission denied"),
        (("-u", "nobody", BASE, "true"), 1, "there is no 'nobody' in /etc/passwd of the image"),
        (("-v", "/nonexistent/x:/x", BASE, "true"), 1, "/nonexistent/x"),
        (("-v", "name:/x", BASE, "true"), 1, "volumes by name are not supported"),
        (("--mount", "type=image,source=UPPER,target=/x", BASE, "true"), 1, "is not a path of lower-case"),
        (("--mount", "type=tmpfs,target=x", BASE, "true"), 1, "no target that is an absolute path"),
        (("--memory", "much", BASE, "true"), 1, "is not a size"),
        (("--userns", "4294967290:65536", BASE, "true"), 1, "is not ID or ID:COUNT"),
        (("--cap-add", "FLY", BASE, "true"), 1, "is no capability"),
        (("-w", "x", BASE, "true"), 1, "is not an absolute path"),
        (("-b", "/b", BASE, "true"), 1, "is for images, --bundle is for containers of a bundle"),
        (("--pull", "never", "test.example/none:1"), 1, "is not here"),
        (("--platform", "linux/s390x", "--pull", "never", BASE), 1, "s390x"),
        (("-d", "--rm", BASE), 1, "nobody stays to delete it"),
        (("-d", "-i", BASE), 1, "nobody stays to pass standard input on"),
        (("-d", "-t", BASE), 1, "--console-socket"),
    ],
)
def test_what_goes_wrong_is_one_line_and_leaves_nothing(
    run: Runner, words: tuple[str, ...], code: int, message: str
) -> None:
    done = run(*words, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert run.holdings() == []
    assert run.firkin("list", "-q").stdout == ""


def test_a_name_that_is_taken(run: Runner) -> None:
    id = run.firkin.new_id()
    run.firkin("run", "--store", run.store, "-d", "--name", id, BASE, "sleep", "1000")
    done = run.firkin("run", "--store", run.store, "--name", id, BASE, "true", check=False)
    assert done.stderr == f"firkin: error: container with id {id} already exists\n"
    assert len(run.holdings()) == 1


def test_hostile_images_reach_nothing_outside(firkin: Firkin, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "passwd").write_text("root:x:0:0::/:/bin/sh\nspy:x:0:0::/:/bin/sh\n")
    up = "../" * 20
    layer = Archive().directory("bin").add("bin/busybox", Path("/bin/busybox").read_bytes(), mode=0o755)
    layer.link("bin/sh", "busybox").link("etc", f"{up}{secret}").link("proc", f"{up}{secret}").link("dev", "/etc")
    layer.link("data", str(secret)).add("x", kind=tarfile.FIFOTYPE)
    with ImageStore(str(tmp_path / "images")) as images:
        add_image(images, BASE, [layer.finish()], {"Cmd": ["/bin/sh"], "Volumes": {"/data": {}, "/data/../../x": {}}})
    run = Runner(firkin, tmp_path / "images")
    for words in (("-u", "spy", BASE), (BASE, "/bin/sh", "-c", "true"), ("--entrypoint", "/bin/sh", BASE)):
        assert run(*words, check=False).returncode in (1, 126, 127)
    assert os.listdir(secret) == ["passwd"]
    assert run.holdings() == []


@pytest.mark.requires("strace")
def test_killed_at_any_step_nothing_stays(firkin: Firkin, store: Path, tmp_path: Path) -> None:
    calls = "mkdir,mkdirat,rename,renameat2,openat,clone3,recvmsg,fsmount,unlinkat"
    output = tmp_path / "trace"

    def traced(id: str, *inject: str) -> int:
        strace = ["strace", "-o", str(output), "-e", f"trace={calls}", *inject]
        argv = firkin.command("run", "--store", store, "--name", id, "-d", BASE, "sleep", "1000")
        null = subprocess.DEVNULL
        return subprocess.run(
            [*strace, *argv], stdin=null, stdout=null, stderr=null, check=False, timeout=SECONDS
        ).returncode

    assert traced(firkin.new_id()) == 0
    trace = output.read_text().splitlines()
    names = [line.partition("(")[0] for line in trace]
    # From the first directory of the container's own on.
    first = next(index for index, line in enumerate(trace) if "mkdir" in line and "/containers/" in line)
    killed = 0
    for index in range(first, len(names)):
        # Files that are only read are no steps.
        if names[index] == "openat" and "O_CREAT" not in trace[index]:
            continue
        id = firkin.new_id()
        number = names[: index + 1].count(names[index])
        killed += traced(id, "-e", f"inject={names[index]}:signal=SIGKILL:when={number}") != 0
        firkin("delete", "--force", id)
        assert firkin.leftovers(id) == [], trace[index]
    assert killed > 20
    for id in firkin.ids:
        firkin("delete", "--force", id)
    firkin("prune", "--store", store)
    assert os.listdir(store / "containers") == []
    assert firkin("fsck", "--store", store).stdout == ""
    mounts = parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    assert [place for place in mounts if place.startswith(f"{store}/")] == []
