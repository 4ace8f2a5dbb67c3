"""Attaching pods by the plug-ins of a network: in order for ADD, in the other order for DEL.

Source: CNI specification, section 3, "Execution of Network Configurations".
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from firkin.cri import faults
from firkin.cri.network.cni.cache import Cache, Cached
from firkin.cri.network.cni.configuration import Configuration, Plugin
from firkin.cri.network.cni.interface import is_put_aside, put_aside
from firkin.cri.network.cni.interruption import uninterrupted
from firkin.cri.network.cni.plugin import UNKNOWN_CONTAINER, Call, PluginError, find_plugin, run_plugin
from firkin.cri.network.cni.request import Attachment, arguments_of, capabilities_of, environment, request
from firkin.cri.network.cni.result import parse_result, pod_network
from firkin.cri.network.cni.version import is_at_least
from firkin.cri.network.model import INTERFACE, PodNetwork, Sandbox
from firkin.cri.network.netlink.namespace import is_namespace
from firkin.cri.network.options import Options
from firkin.cri.network.steps import Step, run_steps
from firkin.errors import AlreadyExistsError, FirkinError, NetworkError, NotFoundError
from firkin.oci.record import NOTHING

__all__ = ["CniNetwork"]

_log = logging.getLogger(__name__)
_STATUS_TIMEOUT = 10.0


class CniNetwork:
    """What plug-ins attached, and how they do it. Its methods block, and may run for different pods at a time.

    `plugins` are the directories of the programs, which may be replaced.
    Raises OSError if the cache can not be read.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self.plugins = options.cni_plugins
        self._cache = Cache(options.cni_cache)
        self._attached, faults = self._cache.load()
        for fault in faults:
            _log.error("%s", fault)

    @property
    def sandboxes(self) -> frozenset[str]:
        """The ids of the sandboxes that are attached, or were begun to be."""
        return frozenset(self._attached)

    def attach(self, sandbox: Sandbox, network: Configuration) -> PodNetwork:
        """Attach a pod to a network. If a plug-in fails, all are told to undo what they did.

        Raises AlreadyExistsError if it is attached, NetworkError (transient if a plug-in says so), ConfigError,
        OSError.
        """
        if sandbox.id in self._attached:
            raise AlreadyExistsError(f"attach sandbox {sandbox.id}: it is attached already")
        attachment = Attachment(sandbox.id, sandbox.netns, INTERFACE, arguments_of(sandbox), capabilities_of(sandbox))
        begun = Cached(attachment, network)
        results: list[dict[str, Any]] = []
        run_steps(self.steps(begun, results))
        return pod_network(results[-1], network.version, INTERFACE, network.name)

    def steps(self, begun: Cached, results: list[dict[str, Any]]) -> list[Step]:
        """The steps that attach a pod, in their order; each plug-in's result is added to `results`."""

        def add(plugin: Plugin) -> None:
            results.append(self._add(begun, plugin, results[-1] if results else None))

        def complete() -> None:
            pod_network(results[-1], begun.network.version, INTERFACE, begun.network.name)
            self._remember(replace(begun, result=results[-1]))

        def delete(plugin: Plugin) -> None:
            self._delete(begun, plugin, results[-1] if results else None)

        plugins = [
            Step(f"plug-in {plugin.type}", partial(add, plugin), partial(delete, plugin), "plugin")
            for plugin in begun.network.plugins
        ]
        return [
            Step("record", lambda: self._remember(begun), lambda: self._forget(begun)),
            *plugins,
            Step("result", complete, lambda: None),
        ]

    def detach(self, sandbox: str) -> None:
        """Tell the plug-ins of an attached pod to undo it, if it is attached. Raises NetworkError, OSError.

        The configuration is that of when it was attached. If a plug-in fails, all is as it was for another try.
        """
        cached = self._attached.get(sandbox)
        if cached is None:
            return
        for plugin in reversed(cached.network.plugins):
            self._delete(cached, plugin, cached.result)
            faults.reach("network-plugin")
        self._forget(cached)
        faults.reach("network-forgotten")

    def check(self, sandbox: str) -> None:
        """Ask the plug-ins of an attached pod whether all is as they made it; those before 0.4.0 can not tell.

        Raises NetworkError, NotFoundError.
        """
        cached = self._attached.get(sandbox)
        if cached is None:
            raise NotFoundError(f"check sandbox {sandbox}: it is not attached")
        if cached.network.disable_check or not is_at_least(cached.network.version, "0.4.0"):
            return
        for plugin in cached.network.plugins:
            self._call("CHECK", cached.network, plugin, cached.attachment, cached.result)

    def status(self, network: Configuration) -> None:
        """See that the network can take pods: its plug-ins are there, and since 1.1.0 say so themselves.

        Raises PluginError.
        """
        for plugin in network.plugins:
            find_plugin(plugin.type, self.plugins)
        if is_at_least(network.version, "1.1.0"):
            for plugin in network.plugins:
                self._call("STATUS", network, plugin, timeout=_STATUS_TIMEOUT)

    def collect(self, dead: Iterable[str], network: Configuration | None) -> list[str]:
        """Detach `dead`, and let the plug-ins of the network collect what nobody has: what was done, in words.

        Everything is tried. Raises NetworkError with all that failed, OSError.
        """
        said, failures = [], []
        for sandbox in dead:
            if sandbox in self._attached:
                said.append(f"sandbox {sandbox}")
                try:
                    self.detach(sandbox)
                except FirkinError as error:
                    failures.append(str(error))
        if network and not network.disable_gc and is_at_least(network.version, "1.1.0"):
            failures += self._collect_garbage(network)
        if failures:
            raise NetworkError("; ".join(failures))
        return said

    def _collect_garbage(self, network: Configuration) -> list[str]:
        valid = self._cache.attachments(network.name)
        # The second key is what a draft of the specification called it.
        additions: Mapping[str, object] = {"cni.dev/valid-attachments": valid, "cni.dev/attachments": valid}
        failures = []
        for plugin in network.plugins:
            try:
                self._call("GC", network, plugin, additions=additions)
            except PluginError as error:
                failures.append(str(error))
        return failures

    def _add(self, begun: Cached, plugin: Plugin, previous: object) -> dict[str, Any]:
        output = self._call("ADD", begun.network, plugin, begun.attachment, previous)
        return parse_result(output, f"CNI plug-in {plugin.type}, ADD of sandbox {begun.attachment.container}")

    def _delete(self, cached: Cached, plugin: Plugin, result: object) -> None:
        attachment = cached.attachment
        if not is_namespace(attachment.netns):
            # Of a namespace that is gone plug-ins clean up what is outside of it.
            attachment = replace(attachment, netns="")
        elif is_put_aside(plugin):
            put_aside(attachment.netns, attachment.interface)
        previous = result if is_at_least(cached.network.version, "0.4.0") else None
        try:
            self._call("DEL", cached.network, plugin, attachment, previous)
        except PluginError as error:
            if error.code != UNKNOWN_CONTAINER:
                raise

    def _call(
        self,
        command: str,
        network: Configuration,
        plugin: Plugin,
        attachment: Attachment | None = None,
        previous: object = None,
        timeout: float | None = None,
        additions: Mapping[str, object] = NOTHING,
    ) -> bytes:
        directories = self.plugins
        whom = f" of sandbox {attachment.container}" if attachment else f" of network {network.name}"
        call = Call(
            path=find_plugin(plugin.type, directories),
            what=f"CNI plug-in {plugin.type}, {command}{whom}",
            environment=environment(command, directories, attachment),
            input=request(network, plugin, attachment, previous, additions),
            timeout=timeout or self._options.plugin_timeout,
        )
        if attachment is None:
            return run_plugin(call)
        with uninterrupted(f"{self._options.state}/calls/{attachment.container}") as lock:
            return run_plugin(replace(call, inherited=lock))

    def _remember(self, cached: Cached) -> None:
        self._attached[cached.attachment.container] = cached
        self._cache.save(cached)

    def _forget(self, cached: Cached) -> None:
        self._cache.remove(cached)
        self._attached.pop(cached.attachment.container, None)
