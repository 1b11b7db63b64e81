#!/usr/bin/python3
"""Changes a running test domain: `domainctl.py [--control PATH] VERB [ARGUMENT…]`; see README.md for the verbs.

The path is the `control` member of domain_server.py's line, or $DECOM_DOMAIN_CONTROL. An argument that is JSON is
taken as such, any other is text. Prints the answer as JSON; exit status 1 and words on stderr if it failed.
"""

import json
import os
import socket
import sys


class DomainError(Exception):
    pass


class Domain:
    """A connection to the control socket; `domain.call("disable", "alice")`."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(60)
        self._socket.connect(path)
        self._lines = self._socket.makefile("rw", encoding="utf-8")

    def call(self, verb, *arguments):
        self._lines.write(json.dumps({"verb": verb, "args": arguments}) + "\n")
        self._lines.flush()
        line = self._lines.readline()
        if not line:
            raise DomainError("the domain server ended")
        answer = json.loads(line)
        if not answer["ok"]:
            raise DomainError(answer["error"])
        return answer["result"]

    def close(self):
        self._lines.close()
        self._socket.close()


def argument(text):
    if text[:1] in '{["':
        return json.loads(text)
    return int(text) if text.isdigit() else text


def main(words):
    path = os.environ.get("DECOM_DOMAIN_CONTROL")
    if words[:1] == ["--control"]:
        path, words = words[1], words[2:]
    if not path or not words or words[0] in ("-h", "--help"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        result = Domain(path).call(words[0], *map(argument, words[1:]))
    except (DomainError, OSError, ValueError) as error:
        print(f"domainctl: {error}", file=sys.stderr)
        return 1
    if result is not None:
        print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
