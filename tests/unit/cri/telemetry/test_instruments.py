"""Instruments and their text, which the parser of Prometheus' own client reads."""

from __future__ import annotations

from collections.abc import Iterable

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from firkin.cri.calls import calls
from firkin.cri.telemetry.instruments import Counter, Gauge, Histogram, sample
from firkin.cri.telemetry.meters import SET_UP, Meters, code_name
from firkin.cri.telemetry.process import process_lines
from firkin.errors import NetworkError, RegistryMissingError

CALLS = {call.name: call for call in calls()}


def read(lines: Iterable[str]) -> dict[tuple[str, ...], float]:
    """The values by the name and those of the labels, which are sorted."""
    families = text_string_to_metric_families("\n".join(lines) + "\n")
    return {
        (one.name, *(f"{key}={one.labels[key]}" for key in sorted(one.labels))): one.value
        for family in families
        for one in family.samples
    }


def test_a_counter_has_a_sum_for_each_label() -> None:
    counter = Counter("things_total", "Things", ("kind",))
    assert list(counter.lines()) == ["# HELP things_total Things", "# TYPE things_total counter"]
    counter.add("a")
    counter.add("a", amount=0.5)
    counter.add("b")
    assert list(counter.lines())[2:] == ['things_total{kind="a"} 1.5', 'things_total{kind="b"} 1']


def test_without_labels_there_is_a_value_from_the_beginning() -> None:
    gauge = Gauge("height", "Height")
    assert list(gauge.lines()) == ["# HELP height Height", "# TYPE height gauge", "height 0"]
    gauge.add(amount=-2)
    gauge.set(to=7)
    assert read(gauge.lines()) == {("height",): 7}


def test_a_histogram_counts_what_is_at_or_below_each_bound() -> None:
    histogram = Histogram("wait_seconds", "Wait", ("call",), bounds=(0.5, 1))
    for seconds in (0.25, 0.5, 0.75, 2):
        histogram.observe(seconds, "List")
    assert read(histogram.lines()) == {
        ("wait_seconds_bucket", "call=List", "le=0.5"): 2,
        ("wait_seconds_bucket", "call=List", "le=1"): 3,
        ("wait_seconds_bucket", "call=List", "le=+Inf"): 4,
        ("wait_seconds_sum", "call=List"): 3.5,
        ("wait_seconds_count", "call=List"): 4,
    }


@pytest.mark.parametrize("value", ['a"b', "a\\b", "a\nb", "\\n", ""])
def test_what_stands_in_a_label_ends_neither_it_nor_the_line(value: str) -> None:
    counter = Counter("things_total", "Things", ("kind",))
    counter.add(value)
    assert read(counter.lines()) == {("things_total", f"kind={value}"): 1}
    assert "\n" not in sample("things", [("kind", value)], 1)


def test_codes_are_spelled_as_in_go() -> None:
    names = [code_name(code) for code in (grpc.StatusCode.OK, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.CANCELLED)]
    assert names == ["OK", "NotFound", "Canceled"]


def test_calls_are_counted_by_method_and_code() -> None:
    meters, call = Meters(), CALLS["StopContainer"]
    meters.call_began(call)
    meters.call_ended(call, grpc.StatusCode.NOT_FOUND, 0.003)
    found = read(meters.lines())
    labels = ("grpc_method=StopContainer", "grpc_service=runtime.v1.RuntimeService", "grpc_type=unary")
    assert found["grpc_server_started_total", *labels] == 1
    assert found["grpc_server_handled_total", "grpc_code=NotFound", *labels] == 1
    assert found["grpc_server_handling_seconds_count", "grpc_code=NotFound", *labels] == 1
    assert found["grpc_server_handling_seconds_bucket", "grpc_code=NotFound", *labels, "le=0.0025"] == 0
    assert found["grpc_server_handling_seconds_bucket", "grpc_code=NotFound", *labels, "le=0.005"] == 1


def test_pulls_and_operations_of_the_network_are_counted_as_they_end() -> None:
    meters = Meters()
    with meters.pull():
        assert read(meters.lines())["firkin_cri_in_progress_image_pulls",] == 1
    with pytest.raises(RegistryMissingError), meters.pull():
        raise RegistryMissingError("image x: is not there", host="registry.example")
    with meters.network(SET_UP):
        pass
    with pytest.raises(NetworkError), meters.network(SET_UP):
        raise NetworkError("no")
    found = read(meters.lines())
    assert found["firkin_cri_in_progress_image_pulls",] == 0
    assert found["firkin_cri_image_pulls_success_total",] == 1
    assert found["firkin_cri_image_pulls_failure_total", "error=NotFound"] == 1
    assert found["firkin_cri_image_pull_duration_seconds_count",] == 1
    operation = "operation_type=set_up_pod"
    assert found["firkin_cri_network_plugin_operations_total", operation] == 2
    assert found["firkin_cri_network_plugin_operations_errors_total", operation] == 1
    assert found["firkin_cri_network_plugin_operations_duration_seconds_count", operation] == 2


def test_the_process_tells_of_itself() -> None:
    found = read(process_lines())
    assert found["process_resident_memory_bytes",] > 1 << 20
    assert found["process_cpu_seconds_total",] > 0
    assert 3 <= found["process_open_fds",] < found["process_max_fds",]
    assert found["process_start_time_seconds",] > 1.6e9
