"""The control socket: one JSON line asks, one JSON line answers. README.md lists the verbs."""

import json
import os
import selectors
import shutil
import socket
import tempfile

import certificates


class ControlSocket:
    def __init__(self, directory, address, controller):
        self.directory = directory
        self.address = address
        self.controller = controller
        self.database = None
        # A path of 108 bytes and more cannot be bound (sys/un.h), and build folders are long.
        self.folder = None if len(directory) < 80 else tempfile.mkdtemp(prefix="decom-dc-")
        self.path = f"{self.folder or directory}/control"
        if os.path.exists(self.path):
            os.unlink(self.path)  # of a server that was killed
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(16)

    def open(self, computers):
        from database import Database  # imports Samba, 0.2 s: while the server starts, not before

        self.database = Database(self.directory)
        self.database.move_to(self.address)
        if computers:
            with open(computers, encoding="utf-8") as source:
                wanted = json.load(source)
            have = {c["name"] for c in self.database.computers()}
            self.database.add_computers([c for c in wanted if c["name"] not in have])

    def close(self):
        self.listener.close()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def serve(self):
        """Answers any number of callers, one call after the other, until the process ends.

        In one thread that stays: Samba dies with the thread that started it, and a database handle knows no threads.
        """
        waiting = selectors.DefaultSelector()
        waiting.register(self.listener, selectors.EVENT_READ, None)
        while True:
            for key, _ in waiting.select():
                if key.data is None:
                    caller, _ = self.listener.accept()
                    waiting.register(caller, selectors.EVENT_READ, bytearray())
                elif not self._hear(key.fileobj, key.data):
                    waiting.unregister(key.fileobj)
                    key.fileobj.close()

    def _hear(self, caller, heard):
        """Answers the lines that are complete; false when the caller has gone."""
        try:
            more = caller.recv(65536)
            heard += more
            while (end := heard.find(b"\n")) >= 0:
                line = bytes(heard[:end])
                del heard[: end + 1]
                caller.sendall(json.dumps(self.answer(line)).encode() + b"\n")
            return bool(more)
        except OSError:
            return False

    def answer(self, line):
        try:
            call = json.loads(line)
            verb = call["verb"].replace("-", "_")
            owner = self if verb in CONTROLLER_VERBS else self.database if verb in DATABASE_VERBS else None
            if owner is None:
                raise ValueError(f"no such verb: {call['verb']}")
            return {"ok": True, "result": getattr(owner, verb)(*call.get("args", []))}
        except Exception as error:  # whatever it is, the caller is told and the domain goes on
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}

    # -- verbs about the process; those about its content are methods of Database -------------------------------------

    def down(self):
        self.controller.end()

    def up(self):
        self.controller.start()
        self.controller.wait_ready()

    def restart(self):
        self.down()
        self.up()

    def freeze(self):
        self.controller.freeze()

    def thaw(self):
        self.controller.thaw()

    def pid(self):
        """Samba's, for a test that asks whether it has ended."""
        return self.controller.process.pid if self.controller.process else None

    def certificate(self, kind):
        """Restarts with a certificate of certificates.KINDS."""
        certificates.issue(self.directory, self.address, kind)
        self.restart()


CONTROLLER_VERBS = {"down", "up", "restart", "freeze", "thaw", "pid", "certificate"}
DATABASE_VERBS = {
    "user", "add_user", "delete_user", "disable", "enable", "lock", "unlock", "expire", "unexpire", "password",
    "join", "leave", "add_computers", "add_child", "delete_computer", "computers", "computer",
    "read", "modify", "delete", "add_ace", "remove_ace", "logons",
}  # fmt: skip
