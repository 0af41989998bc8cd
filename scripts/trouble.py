"""What can go wrong while the environment is made, each as one sentence for people."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class CannotContinue(Exception):
    """A reason to stop that the person at the keyboard can do something about."""


class DiskFull(CannotContinue):
    """No room is left; what was half made is best removed."""


class NoNetwork(CannotContinue):
    """Nothing can be downloaded; another program would not fare better."""


# Looked for in what uv and pip print, in this order: a full disk also breaks downloads.
_DISK = re.compile(r"No space left on device|Disk quota exceeded|os error 28\b|Errno 28\b", re.IGNORECASE)
_DENIED = re.compile(r"Permission denied|Read-only file system|os error 13\b|os error 30\b", re.IGNORECASE)
_HASH = re.compile(r"Hash mismatch|DO NOT MATCH THE HASHES", re.IGNORECASE)
_NETWORK = re.compile(
    r"dns error|failed to lookup address|Name or service not known|Temporary failure in name resolution"
    r"|nodename nor servname|Connection refused|Network is unreachable|Connection reset|timed out|tunnel error"
    r"|NewConnectionError|ProxyError|SSLError|CERTIFICATE_VERIFY_FAILED|invalid peer certificate"
    r"|error sending request|Could not connect|Connection aborted|IncompleteRead|ReadTimeout",
    re.IGNORECASE,
)
_NO_WHEEL = re.compile(r"No matching distribution|no wheels with a matching|has no usable wheels", re.IGNORECASE)


def disk_full(place: Path) -> DiskFull:
    """No room on the disk of `place`."""
    return DiskFull(
        f"no space is left on the disk of {place} (the environment needs about 1 GB). Make room and run make again."
    )


def unwritable(place: Path) -> CannotContinue:
    """`place` may not be written."""
    return CannotContinue(
        f"{place} cannot be written. Run make as the owner of this folder, or clone PaYa into one of your own."
    )


def explain_os_error(error: OSError, place: Path) -> CannotContinue | None:
    """Why a system call failed, or None when it is nothing a person can mend."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return disk_full(place)
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return unwritable(place)
    return None


def explain_installer(output: str, place: Path) -> CannotContinue:
    """What stopped uv or pip, told from what it printed."""
    if _DISK.search(output):
        return disk_full(place)
    if _HASH.search(output):
        return CannotContinue(
            "a downloaded package is not the one that the lock names (its hash differs). Nothing of it was installed."
        )
    if _NETWORK.search(output):
        return NoNetwork(
            "the packages could not be downloaded: the first start needs the internet (or a package mirror set up"
            " for pip or uv on this machine). Nothing is lost; run make again when it is there."
        )
    if _DENIED.search(output):
        return unwritable(place)
    if _NO_WHEEL.search(output):
        return CannotContinue(
            "a package has no ready-made build for this kind of machine and Python, or the package mirror lacks it:"
            f" {_first_error(output)}"
        )
    return CannotContinue(f"the packages could not be installed: {_first_error(output)}")


def _first_error(output: str) -> str:
    """The line of the output that says most: the first that speaks of an error, else the last."""
    lines = [line.strip(" ×│╰─▶├") for line in output.splitlines() if line.strip()]
    told = [line for line in lines if re.match(r"(error|caused by|because)\b", line, re.IGNORECASE)]
    return (told or lines or ["it said nothing"])[0 if told else -1]
