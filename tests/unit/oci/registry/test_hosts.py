"""The directory of hosts."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from yarl import URL

from firkin.errors import ConfigError
from firkin.oci.registry.endpoint import CAPABILITIES, Endpoint, default_endpoint, is_loopback
from firkin.oci.registry.hosts import endpoints


def write(directory: Path, name: str, text: str) -> str:
    """A directory of hosts with one of them."""
    (directory / name).mkdir(parents=True, exist_ok=True)
    (directory / name / "hosts.toml").write_text(text)
    return str(directory)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("docker.io", "https://registry-1.docker.io/v2"),
        ("registry.example", "https://registry.example/v2"),
        ("registry.example:5000", "https://registry.example:5000/v2"),
        ("localhost:5000", "http://localhost:5000/v2"),
        ("127.0.0.1", "http://127.0.0.1/v2"),
        ("[::1]:5000", "http://[::1]:5000/v2"),
        ("localhost.example", "https://localhost.example/v2"),
    ],
)
def test_without_configuration_only_this_machine_is_plain(host: str, url: str) -> None:
    assert [endpoint.url for endpoint in endpoints(host, "/nonexistent")] == [url]


@pytest.mark.parametrize("host", ["128.0.0.1", "[::2]", "localhos", "127.0.0.1.example", "0.0.0.0"])
def test_others_are_not_this_machine(host: str) -> None:
    assert not is_loopback(host)


def test_mirrors_come_in_their_order_before_the_server(tmp_path: Path) -> None:
    directory = write(
        tmp_path,
        "registry.example",
        """
        server = "https://upstream.example"
        ca = "/etc/ssl/upstream.crt"
        [host."https://b.example"]
          capabilities = ["pull", "resolve"]
          ca = ["b.crt"]
          client = [["c.crt", "c.key"], ["d.pem", ""]]
          [host."https://b.example".header]
            x-one = "1"
            x-two = ["2", "3"]
        [host."http://a.example:80/proxy"]
          skip_verify = true
        [host."https://c.example/custom"]
          override_path = true
        [host."localhost:5000"]
        """,
    )
    found = endpoints("registry.example", directory)
    assert [endpoint.url for endpoint in found] == [
        "https://b.example/v2",
        "http://a.example:80/proxy/v2",
        "https://c.example/custom",
        "http://localhost:5000/v2",
        "https://upstream.example/v2",
    ]
    place = f"{directory}/registry.example"
    assert found[0].capabilities == {"pull", "resolve"} and found[1].capabilities == CAPABILITIES
    assert found[0].ca == (f"{place}/b.crt",) and found[-1].ca == ("/etc/ssl/upstream.crt",)
    assert found[0].client == ((f"{place}/c.crt", f"{place}/c.key"), (f"{place}/d.pem", ""))
    assert found[0].headers == (("x-one", "1"), ("x-two", "2"), ("x-two", "3"))
    assert [endpoint.skip_verify for endpoint in found] == [False, True, False, False, False]


@pytest.mark.parametrize("name", ["r.example_5000_", "r.example:5000", "r.example", "_default"])
def test_a_host_is_found_by_each_of_its_names(tmp_path: Path, name: str) -> None:
    directory = write(tmp_path, name, 'server = "http://found.example"')
    assert endpoints("r.example:5000", directory)[0].url == "http://found.example/v2"


def test_a_file_without_server_ends_with_the_registry_itself(tmp_path: Path) -> None:
    directory = write(tmp_path, "docker.io", '[host."https://mirror.example"]')
    assert [endpoint.host for endpoint in endpoints("docker.io", directory)] == [
        "mirror.example",
        "registry-1.docker.io",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("server =", "is not TOML"),
        ("servers = 1", "servers: is none of"),
        ("server = 1", "server: is not a string"),
        ('server = "ftp://a"', "'ftp://a' is not http"),
        ('server = "https://a:b@c"', "is not http"),
        ("host = 1", "host: is not a table"),
        ("[host]\na = 1", 'host."a": is not a table'),
        ('[host."https://"]', r'host."https://": \'https://\' is not http'),
        ('[host."https://a"]\ncapabilities = ["fly"]', r'host."https://a".capabilities: \'fly\' is none of'),
        ('[host."https://a"]\nca = 1', "ca: is neither a string"),
        ('[host."https://a"]\nclient = [[1]]', "client: is not a list of certificates"),
        ('[host."https://a"]\nclient = 1', "client: is not a list of certificates"),
        ('[host."https://a"]\nskip_verify = "yes"', "skip_verify: is neither true nor false"),
        ('[host."https://a"]\nskip-verify = true', "skip-verify: is none of"),
        ('[host."https://a"]\ndial_timeout = 5', "dial_timeout: is not a string"),
        *(
            (f'[host."https://a"]\ndial_timeout = "{text}"', f"dial_timeout: '{text}' is not a time such as")
            for text in ("5", "s", "-5s", "0s", "5s ", "1d", "5s3", "25h", "99999999999s", "1.s")
        ),
        ('[host."https://a".header]\nx = "a\\r\\nb"', "header.x: is not printable"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as raised:
        endpoints("r.example", write(tmp_path, "r.example", text))
    assert raised.value.document == f"{tmp_path}/r.example/hosts.toml"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 0), ("5s", 5), ("1m30s", 90), ("1.5s", 1.5), ("500ms", 0.5), ("1h2m3s4ms5us6ns", 3723.004005006)],
)
def test_the_time_for_a_connection_is_written_as_in_go(tmp_path: Path, text: str, seconds: float) -> None:
    directory = write(tmp_path, "r.example", f'dial_timeout = "{text}"\n[host."https://a"]\ndial_timeout = "7s"')
    assert [round(found.dial_timeout, 9) for found in endpoints("r.example", directory)] == [7, seconds]


def test_a_mirror_is_told_whose_image_is_meant() -> None:
    mirror = Endpoint("https://mirror.example/v2", namespace="docker.io")
    assert str(mirror.address("a/tags/list", n="1")) == "https://mirror.example/v2/a/tags/list?n=1&ns=docker.io"
    assert str(default_endpoint("docker.io").address("a/tags/list")) == "https://registry-1.docker.io/v2/a/tags/list"
    assert default_endpoint("r.example:443").host == "r.example:443"


def test_a_certificate_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.crt").write_text("no certificate")
    for path in (tmp_path / "bad.crt", tmp_path / "none.crt"):
        for endpoint in (
            Endpoint("https://a/v2", ca=(str(path),), place="hosts.toml"),
            Endpoint("https://a/v2", client=((str(path), ""),), place="hosts.toml"),
        ):
            with pytest.raises(ConfigError, match=f"hosts.toml: host.https://a/v2.*{path}: "):
                endpoint.tls(endpoint.base)


def test_only_the_endpoint_itself_goes_unverified() -> None:
    endpoint = Endpoint("https://a.example/v2", skip_verify=True)
    assert endpoint.tls(URL("https://a.example/v2/x")).verify_mode == ssl.CERT_NONE
    for other in ("https://b.example/", "https://a.example:8443/"):
        context = endpoint.tls(URL(other))
        assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
