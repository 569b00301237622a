"""`headwater` commands in forks of one process that has imported the program, which takes longer than most of them.

    python -m tests.project.command_server SOCKET

A client sends its arguments, directory and environment as JSON, with its standard streams, and gets the exit code.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import cli
from commandline import audit, messages, operations, orders, tokens, webhooks

LOADED = (audit, messages, operations, orders, tokens, webhooks)
CLIENT = """\
#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    request = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [request], [0, 1, 2])
    server.shutdown(socket.SHUT_WR)
    sys.exit(server.recv(1)[0])
"""


def main(path: str) -> None:
    """Runs one command after the other until it is ended."""
    assert all(LOADED)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.new")
        listener.listen()
        Path(f"{path}.new").rename(path)
        while True:
            connection, _ = listener.accept()
            with connection:
                _serve(connection)


def _serve(connection: socket.socket) -> None:
    request, streams, _, _ = socket.recv_fds(connection, 1 << 16, 3)
    while more := connection.recv(1 << 16):
        request += more
    child = os.fork()
    if child == 0:
        _run(json.loads(request), streams)
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(child, 0)
    connection.sendall(bytes([os.waitstatus_to_exitcode(status) & 0xFF]))


def _run(request: list[object], streams: list[int]) -> None:
    """The command; ends this process as it ends, with all that is to be done at exit."""
    arguments, directory, environment = request
    assert isinstance(arguments, list)
    assert isinstance(environment, dict)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(str(directory))
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["headwater", *arguments]
    cli.main()
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
