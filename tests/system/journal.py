"""Waiting for what a daemon commits, not for time."""

import contextlib
import http.client
import json
import threading

from stack import UnixConnection


class Journal:
    """The events of all requests, from the first one on, as they are committed."""

    def __init__(self, stack, token):
        self.events = []
        self.grown = threading.Condition()
        self.connection = UnixConnection(stack.socket, None)
        self.connection.request("GET", "/v1/events?since=0", headers={"Accept": "application/x-ndjson", "Authorization": "Bearer " + token})
        self.thread = threading.Thread(target=self._read, args=(self.connection.getresponse(),), daemon=True)
        self.thread.start()

    def _read(self, answer):
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            while line := answer.readline():
                if line.strip():
                    with self.grown:
                        self.events.append(json.loads(line))
                        self.grown.notify_all()

    def ends_of(self, step):
        """How each of its tries ended, in that order."""
        return [e["data"] for e in self.events if e["kind"] == "step.finished" and e["step"] == step]

    def states_of(self, request):
        found = [e["data"] for e in self.events if e["request"] == request and e["kind"].startswith("decommission.")]
        return [data["state"] for data in found if "state" in data]

    def wait(self, look, what, seconds=240):
        with self.grown:
            if not self.grown.wait_for(look, seconds):
                raise AssertionError(f"not within {seconds} s: {what}\n" + "\n".join(json.dumps(e) for e in self.events[-30:]))
            return look()
