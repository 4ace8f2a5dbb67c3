"""/metrics/probes: the answers to probes (pkg/kubelet/prober of Kubernetes)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from firkin.kubelet.metrics.text import Family, Sample
from firkin.kubelet.probes.manager import Tallied
from firkin.kubelet.probes.tally import BOUNDS

__all__ = ["probe_families"]


def probe_families(tallies: Iterable[Tallied]) -> list[Family]:
    """Counts and durations of the answers, by container and probe."""
    counts: list[Sample] = []
    durations: list[Sample] = []
    for one in tallies:
        meta, tally = one.pod.metadata, one.tally
        labels = {
            "container": one.container,
            "namespace": meta.namespace,
            "pod": meta.name,
            "probe_type": one.kind.value,
        }
        for result in ("successful", "failed", "unknown"):
            if count := getattr(tally, result):
                counts.append(Sample({**labels, "pod_uid": meta.uid, "result": result}, count))
        if tally.successful:
            durations += _histogram(labels, tally.buckets, tally.seconds)
    return [
        Family(
            "prober_probe_total",
            "counter",
            "[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.",
            counts,
        ),
        Family(
            "prober_probe_duration_seconds",
            "histogram",
            "[ALPHA] Duration in seconds for a probe response.",
            durations,
        ),
    ]


def _histogram(labels: dict[str, str], buckets: list[int], seconds: float) -> Iterator[Sample]:
    total = 0
    for bound, count in zip((*(f"{bound:g}" for bound in BOUNDS), "+Inf"), buckets, strict=True):
        total += count
        yield Sample({**labels, "le": bound}, total, suffix="_bucket")
    yield Sample(labels, seconds, suffix="_sum")
    yield Sample(labels, total, suffix="_count")
