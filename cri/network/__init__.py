"""Networks of pods: CNI plug-ins where they are configured, else a bridge of firkin's own.

networks = Networks(Options())
await networks.start()
network = await networks.attach(Sandbox("5f0c...", "/run/firkin/netns/5f0c...", namespace="shop", name="db"))
print(network.ips)
await networks.detach("5f0c...")
"""

from __future__ import annotations

from firkin.cri.network.model import Bandwidth, PodNetwork, PortMapping, Sandbox, Status
from firkin.cri.network.networks import Networks
from firkin.cri.network.options import Options

__all__ = ["Bandwidth", "Networks", "Options", "PodNetwork", "PortMapping", "Sandbox", "Status"]
