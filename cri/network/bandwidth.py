"""The limits of a pod's traffic, from its annotations.

Source: Kubernetes, "Network Plugins", traffic shaping; "Resource Management", units of quantities.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from firkin.cri.network.model import Bandwidth
from firkin.errors import ConfigError

__all__ = ["bandwidth_of"]

_PREFIX = "kubernetes.io/"
_QUANTITY = re.compile(r"([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(?:([eE][+-]?[0-9]{1,2})|([A-Za-z]{0,2}))")
_UNITS = {"m": Decimal("0.001"), "": Decimal(1)}
_UNITS |= {letter: Decimal(10) ** (3 * power) for power, letter in enumerate("kMGTPE", 1)}
_UNITS |= {f"{letter}i": Decimal(2) ** (10 * power) for power, letter in enumerate("KMGTPE", 1)}
_LEAST, _MOST = 10**3, 10**15


def bandwidth_of(annotations: Mapping[str, str]) -> Bandwidth:
    """What `kubernetes.io/ingress-bandwidth` and `kubernetes.io/egress-bandwidth` say, in bits per second.

    Raises ConfigError for what is no quantity from 1k to 1P, the range that Kubernetes allows.
    """
    return Bandwidth(*(_rate(annotations, f"{_PREFIX}{way}-bandwidth") for way in ("ingress", "egress")))


def _rate(annotations: Mapping[str, str], key: str) -> int:
    text = annotations.get(key)
    if text is None:
        return 0
    match = _QUANTITY.fullmatch(text)
    unit = _UNITS.get(match[3] or "") if match else None
    if match is None or unit is None:
        raise ConfigError(f'annotations["{key}"]', f"{text!r} is not a quantity such as 10M", document="pod sandbox")
    rate = Decimal(match[1] + (match[2] or "")) * unit
    if not _LEAST <= rate <= _MOST:
        raise ConfigError(f'annotations["{key}"]', f"{text!r} is not from 1k to 1P", document="pod sandbox")
    return int(rate)
