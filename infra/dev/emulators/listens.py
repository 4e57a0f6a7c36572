#!/usr/bin/env python3
"""Fails if a process of an emulator listens on an address that another machine reaches.

    infra/dev/emulators/listens.py build/localstack/pid build/ministack/pid

Each file holds the id of a process group, as up.sh writes it. Linux only: it reads /proc.
"""
import os
import sys

LISTEN = "0A"
LOOPBACK = {"0100007F", "0" * 23 + "1" + "0" * 8, "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


def listening():
    """The address, as the kernel prints it, and the port of every listening socket, by inode."""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            for line in list(lines)[1:]:
                fields = line.split()
                if fields[3] == LISTEN:
                    address, port = fields[1].split(":")
                    found[fields[9]] = (address, int(port, 16))
    return found


def sockets(group):
    """The inode of every socket that a process of the group holds, with the process's name."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getpgid(int(pid)) != group:
                continue
            with open(f"/proc/{pid}/comm") as comm:
                name = comm.read().strip()
            for fd in os.listdir(f"/proc/{pid}/fd"):
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
                if target.startswith("socket:["):
                    yield target[8:-1], name
        except OSError:
            continue  # it has ended meanwhile


def main(files):
    fault = False
    for file in files:
        with open(file) as text:
            group = int(text.read())
        table = listening()
        found = {(name, *table[inode]) for inode, name in sockets(group) if inode in table}
        if not found:
            sys.exit(f"{file}: no process of group {group} listens; is the emulator up?")
        for name, address, port in sorted(found):
            if address not in LOOPBACK:
                print(f"{file}: {name} listens on {address}, port {port}, which is not loopback", file=sys.stderr)
                fault = True
    sys.exit(1 if fault else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
