"""CreateContainer: a request becomes a root file system, a configuration, and a plan that is ready to run.

Nothing runs yet. The plan lies in the container's directory, so that a server that is started anew can run it too.
"""

from __future__ import annotations

import os
import time

from firkin.cri import faults
from firkin.cri.api.container_pb2 import ContainerConfig, CreateContainerRequest, CreateContainerResponse
from firkin.cri.api.events_pb2 import ContainerEventType
from firkin.cri.cdi.apply import apply_edits
from firkin.cri.cdi.registry import edits_of
from firkin.cri.containers.filesystem import FileSystem
from firkin.cri.containers.gather import ids_of, images_of, inputs_of, process_of_image, volumes_of
from firkin.cri.handlers.handler import Handler
from firkin.cri.images.catalog import CatalogEntry
from firkin.cri.node import Node
from firkin.cri.records.container import Container, ContainerFacts, container_name
from firkin.cri.records.creations import check_same
from firkin.cri.records.sandbox import Sandbox
from firkin.cri.records.table import new_id
from firkin.cri.rollback import Rollback
from firkin.cri.signals import stop_signal
from firkin.cri.spec.cgroups import container_place
from firkin.cri.spec.container import configuration_of
from firkin.cri.spec.inputs import DOCUMENT, Inputs, invalid
from firkin.errors import ConfigError, StateError, UnsupportedError
from firkin.oci.runtime_spec import Config
from firkin.oci.snapshots.trees import remove_tree
from firkin.oci.validate import validate

__all__ = ["create_container", "write_plan"]


async def create_container(node: Node, request: CreateContainerRequest) -> CreateContainerResponse:
    """Make a container. A request that is repeated is answered with the container that it made.

    Raises ConfigError, NotFoundError, AlreadyExistsError, StateError, ImageError, KernelError; then nothing is left.
    """
    sandbox = node.sandboxes.get(request.pod_sandbox_id)
    if not request.config.metadata.name:
        raise invalid("config.metadata.name", "is empty")
    name = container_name(request.config, sandbox.id)
    made = node.containers.by_name(name)
    if made is not None:
        check_same("container", made.id, made.config, request.config)
        return CreateContainerResponse(container_id=made.id)
    id = await node.creations.join(name, request, lambda: _create(node, sandbox, request.config))
    return CreateContainerResponse(container_id=id)


async def _create(node: Node, sandbox: Sandbox, config: ContainerConfig) -> str:
    if not sandbox.facts.is_ready:
        raise StateError(f"pod sandbox {sandbox.id}: is not ready")
    _check_features(node.handlers.of_record(sandbox.facts.handler), config)
    image = await node.catalog.allowed(config.image.image)
    mounted = await images_of(node, config)
    id = new_id()
    directory = node.places.container(id)
    async with Rollback() as undo:
        undo.add("directory", lambda: _remove(directory))
        os.mkdir(directory, 0o700)
        faults.reach("directory")
        files = await node.file_systems.make(
            f"{directory}/holding",
            id,
            image.local,
            volumes=volumes_of(image.local, config),
            images={place: (entry.local, path) for place, (entry, path) in mounted.items()},
            ids=ids_of(sandbox),
        )
        undo.add("file system", lambda: node.file_systems.remove(files.holding))
        faults.reach("file-system")
        inputs = inputs_of(node, sandbox, config, id, image.local, files)
        found = _configuration(inputs)
        ids = {place: entry.id for place, (entry, _) in mounted.items()}
        container = _record(node, sandbox, config, id, image, files, found, ids)
        write_plan(node, container, found, files)
        faults.reach("plan")
        container.prepared = found, files
        container.update(created_at=time.time_ns())
    node.containers.add(container)
    node.tell(ContainerEventType.CONTAINER_CREATED_EVENT, id, sandbox)
    return id


def _check_features(handler: Handler, config: ContainerConfig) -> None:
    if handler.features.recursive_read_only_mounts:
        return
    for index, mount in enumerate(config.mounts):
        if mount.recursive_read_only:
            place = f"config.mounts[{index}].recursive_read_only"
            raise UnsupportedError(place, f"is nothing that the runtime handler {handler.name} has", document=DOCUMENT)


async def _remove(directory: str) -> None:
    remove_tree(directory)


def _configuration(inputs: Inputs) -> Config:
    config = configuration_of(inputs)
    names = [device.name for device in inputs.container.CDI_devices]
    if names:
        config = apply_edits(config, edits_of(names))
    validate(config)
    for index, mount in enumerate(inputs.container.mounts):
        if mount.host_path and not os.path.exists(mount.host_path):
            raise invalid(f"config.mounts[{index}].host_path", f"{mount.host_path!r} does not exist")
    return config


def _record(
    node: Node,
    sandbox: Sandbox,
    config: ContainerConfig,
    id: str,
    image: CatalogEntry,
    files: FileSystem,
    found: Config,
    mounted: dict[str, str],
) -> Container:
    user = found.process.user if found.process else None
    log = ""
    if config.log_path:
        if not sandbox.config.log_directory and not os.path.isabs(config.log_path):
            raise ConfigError("config.log_path", "is relative, and the sandbox has no log_directory")
        log = os.path.join(sandbox.config.log_directory, config.log_path)
    facts = ContainerFacts(
        sandbox=sandbox.id,
        image_id=image.id,
        image_name=image.tags[0] if image.tags else (image.digests or (image.id,))[0],
        log_path=log,
        cgroup=container_place(found.linux.cgroups_path, id, node.facts) if found.linux else "",
        user=(user.uid, user.gid, *user.additional_gids) if user else (),
        stop_signal=stop_signal(config.stop_signal, process_of_image(image.local).stop_signal),
        snapshot=files.holding,
        mounted_images=mounted,
        handler=sandbox.facts.handler,
    )
    return Container(id, config, facts, node.database)


def write_plan(node: Node, container: Container, found: Config, files: FileSystem) -> None:
    """Write what starts the container, as it is configured. Raises ConfigError, UnsupportedError, OSError."""
    directory = node.places.container(container.id)
    plan = node.handler_of(container).plan(container.id, found, files)
    with open(f"{directory}/plan.new", "wb") as file:
        file.write(plan)
    os.rename(f"{directory}/plan.new", f"{directory}/plan")
