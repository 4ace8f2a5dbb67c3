"""The settings of property tests."""

from __future__ import annotations

import hypothesis

# How long an example takes, or the making of one, says nothing on a busy machine.
hypothesis.settings.register_profile("firkin", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("firkin")
