"""A process that gives up the network for good, and for all its children: the kernel then opens no socket for it.

A filter of seccomp(2), which needs no privilege on Linux, for the processors that are named here.
"""

import ctypes
import errno
import os
import platform
import sys
from typing import ClassVar

# Of each machine: its number in audit.h, and its number of socket(2).
MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
# io_uring_setup(2), the same everywhere: a ring opens sockets past every filter.
RING = 425
# Calls from here on are those of another size of word (x32).
FOREIGN = 0x4000_0000

# From prctl(2), seccomp(2) and bpf_common.h.
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, SAME, FROM, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER, ARCHITECTURE = 0, 4
ALLOWED, DENIED = 0x7FFF_0000, 0x0005_0000 | errno.EACCES


class _Instruction(ctypes.Structure):
    _fields_: ClassVar = [
        ("code", ctypes.c_uint16),
        ("jump_if", ctypes.c_uint8),
        ("jump_if_not", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_: ClassVar = [
        ("length", ctypes.c_uint16),
        ("instructions", ctypes.POINTER(_Instruction)),
    ]


def seclude() -> str:
    """Give up opening sockets, with EACCES from now on; those that are open stay, and pairs may be made.

    Returns why it cannot be done on this machine, in a few words; nothing if it is done.
    """
    # A program of the other size of word, on the same kernel, would be denied everything.
    fits = sys.platform == "linux" and sys.maxsize > 2**32
    known = MACHINES.get(platform.machine()) if fits else None
    if known is None:
        return "this kind of machine is not known to give up its sockets"
    architecture, opening = known
    rules = [
        (LOAD, 0, 0, ARCHITECTURE),
        (SAME, 0, 5, architecture),
        (LOAD, 0, 0, NUMBER),
        (FROM, 3, 0, FOREIGN),
        (SAME, 2, 0, opening),
        (SAME, 1, 0, RING),
        (RETURN, 0, 0, ALLOWED),
        (RETURN, 0, 0, DENIED),
    ]
    filtered = (_Instruction * len(rules))(*(_Instruction(*rule) for rule in rules))
    program = _Program(len(rules), filtered)
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (
        (PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), ctypes.c_ulong(0)),
        (PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), ctypes.byref(program)),
    ):
        if libc.prctl(*call, ctypes.c_ulong(0), ctypes.c_ulong(0)):
            return f"this kernel lets no process give up its sockets ({os.strerror(ctypes.get_errno())})"
    return ""
