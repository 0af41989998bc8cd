"""Become another user and run a program in this process: `step_down.py UID GID PROGRAM [ARGUMENT...]`."""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_GET_PDEATHSIG = 2


def main(arguments: list[str]) -> None:
    """Drop root for good and exec; a parent-death signal, which changing users clears, is set again."""
    uid, gid, *program = arguments
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    signal = ctypes.c_int(0)
    if libc:
        libc.prctl(_PR_GET_PDEATHSIG, ctypes.byref(signal))
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
    if libc and signal.value:
        libc.prctl(_PR_SET_PDEATHSIG, signal.value)
    os.execv(program[0], program)  # noqa: S606 - the point of it


if __name__ == "__main__":
    main(sys.argv[1:])
