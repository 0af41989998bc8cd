#!/bin/sh
# Print the Python to make the environment with, or say in one sentence why there is none.
#
# PYTHON names one; otherwise the first of the usual names that is new enough wins, and one
# that can make environments by itself (Debian packs venv apart) is preferred to one that cannot.
set -u

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; }
makes_environments() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }
version() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null; }

if [ -n "${PYTHON:-}" ]; then
    if fits "$PYTHON"; then
        command -v "$PYTHON"
        exit 0
    fi
    found=$(version "$PYTHON") || found=""
    echo "PaYa needs Python 3.11, 3.12 or 3.13; PYTHON=$PYTHON is ${found:-not a Python that runs}." >&2
    exit 1
fi

second_best=""
for name in python3 python3.13 python3.12 python3.11 python; do
    command -v "$name" >/dev/null 2>&1 || continue
    fits "$name" || continue
    if makes_environments "$name"; then
        command -v "$name"
        exit 0
    fi
    [ -n "$second_best" ] || second_best=$name
done
if [ -n "$second_best" ]; then
    command -v "$second_best"
    exit 0
fi

found=$(version python3) || found=""
if [ -n "$found" ]; then
    found="python3 here is $found"
else
    found="none was found on the PATH"
fi
echo "PaYa needs Python 3.11, 3.12 or 3.13; $found. Install one, or name it: make run PYTHON=/path/to/python3.12" >&2
exit 1
