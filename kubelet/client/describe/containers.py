"""Containers and volumes of a pod, or of the template of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from firkin.kubelet.client.describe.writer import Writer, when

__all__ = ["containers", "volumes"]

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")


def containers(out: Writer, level: int, title: str, specs: Sequence[Any], statuses: Sequence[Any] | None) -> None:
    """Some containers; `statuses` is None for those of a template."""
    if not specs:
        return
    known = {one["name"]: one for one in statuses or ()}
    out.line(level, f"{title}:")
    for spec in specs:
        out.line(level + 1, f"{spec['name']}:")
        _container(out, level + 2, spec, known.get(spec["name"]), is_template=statuses is None)


def _container(out: Writer, level: int, spec: Any, status: Any, *, is_template: bool) -> None:
    if status:
        out.line(level, "Container ID:", status.get("containerID", ""))
    out.line(level, "Image:", spec.get("image", ""))
    if status:
        out.line(level, "Image ID:", status.get("imageID", ""))
    ports = spec.get("ports", ())
    shown = [f"{one['containerPort']}/{one.get('protocol', 'TCP')}" for one in ports]
    hosts = [f"{one.get('hostPort', 0)}/{one.get('protocol', 'TCP')}" for one in ports]
    plural = "s" if len(ports) > 1 else ""
    out.line(level, f"Port{plural}:", ", ".join(shown) or "<none>")
    out.line(level, f"Host Port{plural}:", ", ".join(hosts) or "<none>")
    for title, name in (("Command", "command"), ("Args", "args")):
        if spec.get(name):
            out.line(level, f"{title}:")
            for word in spec[name]:
                for line in str(word).split("\n"):
                    out.line(level + 1, line)
    if not is_template:
        _state(out, level, "State", (status or {}).get("state") or {})
        if (status or {}).get("lastState"):
            _state(out, level, "Last State", status["lastState"])
        out.line(level, "Ready:", str(bool(status and status.get("ready"))))
        out.line(level, "Restart Count:", (status or {}).get("restartCount", 0))
    for title, name in (("Limits", "limits"), ("Requests", "requests")):
        amounts = spec.get("resources", {}).get(name)
        if amounts:
            out.line(level, f"{title}:")
            for key, amount in sorted(amounts.items()):
                out.line(level + 1, f"{key}:", amount)
    for title, name in (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")):
        if spec.get(name):
            out.line(level, f"{title}:", _probe(spec[name]))
    _environment(out, level, spec)
    mounts = [_mount(one) for one in sorted(spec.get("volumeMounts", ()), key=lambda one: str(one["mountPath"]))]
    if mounts:
        out.line(level, "Mounts:")
        for mount in mounts:
            out.line(level + 1, mount)
    else:
        out.line(level, "Mounts:", "<none>")


def _state(out: Writer, level: int, title: str, state: Mapping[str, Any]) -> None:
    if running := state.get("running"):
        out.line(level, f"{title}:", "Running")
        out.line(level + 1, "Started:", when(running.get("startedAt")))
    elif ended := state.get("terminated"):
        out.line(level, f"{title}:", "Terminated")
        for name, key in (("Reason", "reason"), ("Message", "message")):
            if ended.get(key):
                out.line(level + 1, f"{name}:", ended[key])
        out.line(level + 1, "Exit Code:", ended["exitCode"])
        if ended.get("signal"):
            out.line(level + 1, "Signal:", ended["signal"])
        out.line(level + 1, "Started:", when(ended.get("startedAt")))
        out.line(level + 1, "Finished:", when(ended.get("finishedAt")))
    else:
        out.line(level, f"{title}:", "Waiting")
        if reason := state.get("waiting", {}).get("reason"):
            out.line(level + 1, "Reason:", reason)


def _probe(probe: Any) -> str:
    times = (
        f"delay={probe.get('initialDelaySeconds', 0)}s timeout={probe.get('timeoutSeconds', 1)}s "
        f"period={probe.get('periodSeconds', 10)}s #success={probe.get('successThreshold', 1)} "
        f"#failure={probe.get('failureThreshold', 3)}"
    )
    kind = next((name for name in _HANDLERS if probe.get(name)), "unknown")
    action = probe.get(kind, {})
    match kind:
        case "exec":
            text = f"exec [{' '.join(action.get('command', ()))}]"
        case "httpGet":
            scheme = action.get("scheme", "HTTP").lower()
            text = f"http-get {scheme}://{action.get('host', '')}:{action['port']}{action.get('path', '')}"
        case "tcpSocket":
            text = f"tcp-socket {action.get('host', '')}:{action['port']}"
        case "grpc":
            text = f"grpc <pod>:{action['port']} {action.get('service') or ''}"
        case _:
            text = kind
    return f"{text} {times}"


def _environment(out: Writer, level: int, spec: Any) -> None:
    if sources := spec.get("envFrom"):
        out.line(level, "Environment Variables from:")
        for one in sources:
            kind, source = ("ConfigMap", one["configMapRef"]) if "configMapRef" in one else ("Secret", one["secretRef"])
            prefix = f" with prefix '{one['prefix']}'" if one.get("prefix") else ""
            optional = str(bool(source.get("optional"))).lower()
            out.line(level + 1, source.get("name", ""), f"{kind}{prefix}", f"Optional: {optional}")
    variables = spec.get("env", ())
    if not variables:
        out.line(level, "Environment:", "<none>")
        return
    out.line(level, "Environment:")
    for one in variables:
        out.line(level + 1, f"{one['name']}:", _variable(one))


def _variable(variable: Any) -> str:
    source = variable.get("valueFrom")
    if not source:
        return str(variable.get("value", "")).replace("\n", "\n\t")
    if field := source.get("fieldRef"):
        return f" ({field.get('apiVersion', 'v1')}:{field['fieldPath']})"
    if resource := source.get("resourceFieldRef"):
        return f" ({resource['resource']})"
    for name, text in (("configMapKeyRef", "of config map"), ("secretKeyRef", "in secret")):
        if ref := source.get(name):
            optional = str(bool(ref.get("optional"))).lower()
            return f"<set to the key '{ref['key']}' {text} '{ref['name']}'>  Optional: {optional}"
    return ""


def _mount(mount: Any) -> str:
    flags = ["ro" if mount.get("readOnly") else "rw"]
    if mount.get("subPath"):
        flags.append(f'path="{mount["subPath"]}"')
    return f"{mount['mountPath']} from {mount['name']} ({','.join(flags)})"


def volumes(out: Writer, level: int, values: Sequence[Any]) -> None:
    """The volumes of a pod."""
    if not values:
        out.line(level, "Volumes:", "<none>")
        return
    out.line(level, "Volumes:")
    for volume in values:
        out.line(level + 1, f"{volume['name']}:")
        kind = next((name for name in volume if name != "name"), "")
        title, about = _VOLUMES.get(kind, (kind, ""))
        out.line(level + 2, "Type:", f"{title} ({about})" if about else title)
        _source(out, level + 2, kind, volume.get(kind, {}))


_VOLUMES = {
    "emptyDir": ("EmptyDir", "a temporary directory that shares a pod's lifetime"),
    "hostPath": ("HostPath", "bare host directory volume"),
    "configMap": ("ConfigMap", "a volume populated by a ConfigMap"),
    "secret": ("Secret", "a volume populated by a Secret"),
    "downwardAPI": ("DownwardAPI", "a volume populated by information about the pod"),
    "projected": ("Projected", "a volume that contains injected data from multiple sources"),
    "image": ("Image", "a container image or OCI artifact"),
}


def _source(out: Writer, level: int, kind: str, source: Any) -> None:
    optional = str(bool(source.get("optional"))).lower()
    match kind:
        case "emptyDir":
            out.line(level, "Medium:", source.get("medium", ""))
            out.line(level, "SizeLimit:", source.get("sizeLimit", "<unset>"))
        case "hostPath":
            out.line(level, "Path:", source.get("path", ""))
            out.line(level, "HostPathType:", source.get("type", ""))
        case "configMap":
            out.line(level, "Name:", source.get("name", ""))
            out.line(level, "Optional:", optional)
        case "secret":
            out.line(level, "SecretName:", source.get("secretName", ""))
            out.line(level, "Optional:", optional)
        case "image":
            out.line(level, "Reference:", source.get("reference", ""))
            out.line(level, "PullPolicy:", source.get("pullPolicy", ""))
        case "projected":
            for one in source.get("sources", ()):
                for name, title in (("configMap", "ConfigMapName:"), ("secret", "SecretName:")):
                    if name in one:
                        out.line(level, title, one[name].get("name", ""))
                if "downwardAPI" in one:
                    out.line(level, "DownwardAPI:", "true")
        case "downwardAPI":
            out.line(level, "Items:")
            for item in source.get("items", ()):
                ref = item.get("fieldRef", {}).get("fieldPath") or item.get("resourceFieldRef", {}).get("resource", "")
                out.line(level + 1, f"{ref} -> {item['path']}")
