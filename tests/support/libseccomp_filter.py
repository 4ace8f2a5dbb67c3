"""Filters made by libseccomp itself, for profiles that it gets right: one condition in a rule, or alternatives."""

from __future__ import annotations

import ctypes
import os

from firkin.oci.runtime_spec import Seccomp
from firkin.runtime.seccomp import libseccomp
from firkin.runtime.seccomp.rules import default_verdict, rules_of

OPERATORS = {"NE": 1, "LT": 2, "LE": 3, "EQ": 4, "GE": 5, "GT": 6, "MASKED_EQ": 7}


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp."""

    _fields_ = [
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    ]


library = ctypes.CDLL(libseccomp.library_path())
library.seccomp_init.restype = ctypes.c_void_p
library.seccomp_init.argtypes = [ctypes.c_uint32]
library.seccomp_release.argtypes = [ctypes.c_void_p]
library.seccomp_arch_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
library.seccomp_rule_add_array.argtypes = [
    ctypes.c_void_p,
    ctypes.c_uint32,
    ctypes.c_int,
    ctypes.c_uint,
    ctypes.POINTER(Comparison),
]


def filter_of(seccomp: Seccomp) -> bytes:
    """The program that libseccomp makes of a profile."""
    context = library.seccomp_init(default_verdict(seccomp))
    assert context
    try:
        for name in seccomp.architectures:
            token = libseccomp.architecture_token(name.removeprefix("SCMP_ARCH_").lower())
            assert library.seccomp_arch_add(context, token) in (0, -17)
        _add_rules(context, seccomp)
        return _export(context)
    finally:
        library.seccomp_release(context)


def _add_rules(context: int, seccomp: Seccomp) -> None:
    for rule in rules_of(seccomp):
        for name in rule.names:
            number = libseccomp.syscall_number(libseccomp.native_architecture(), name)
            for conditions in rule.alternatives if number is not None else ():
                array = [Comparison(arg, OPERATORS[op], value, two) for arg, op, value, two in conditions]
                count = len(array)
                result = library.seccomp_rule_add_array(
                    context, rule.verdict, number, count, (Comparison * count)(*array)
                )
                assert result == 0, (name, result)


def _export(context: int) -> bytes:
    fd = os.memfd_create("filter")
    try:
        assert library.seccomp_export_bpf(context, fd) == 0
        return os.pread(fd, os.fstat(fd).st_size, 0)
    finally:
        os.close(fd)
