"""Runs decomctl against a scripted daemon, in a pipe or on a pseudo-terminal."""

import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

from scripted_daemon import ScriptedDaemon, State

DECOMCTL = sys.argv.pop() if len(sys.argv) > 1 and sys.argv[-1].endswith("decomctl") else "decomctl"
PATIENCE = 20  # seconds; a wait ends with its event, and this is when it has failed


class Terminal:
    """decomctl with a terminal of its own as stdin, stdout, stderr and /dev/tty."""

    def __init__(self, arguments, environment, columns=100, rows=24):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(DECOMCTL, [DECOMCTL, *arguments], environment)
        self.screen = b""
        self.resize(columns, rows)

    def resize(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, text):
        """Everything shown so far, once `text` is in what came since the last call."""
        seen_from = len(self.screen)
        until = time.monotonic() + PATIENCE
        while text.encode() not in self.screen[seen_from:]:
            ready, _, _ = select.select([self.fd], [], [], max(0, until - time.monotonic()))
            chunk = self._read() if ready else b""
            if not chunk:
                raise AssertionError(f"'{text}' never came; the screen has:\n{self.screen.decode(errors='replace')}")
            self.screen += chunk
        return self.screen.decode(errors="replace")

    def _read(self):
        try:
            return os.read(self.fd, 65536)
        except OSError:
            return b""

    def send(self, text):
        os.write(self.fd, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def finish(self):
        """The exit code, and the rest of the screen."""
        while chunk := self._read():
            self.screen += chunk
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


class CliTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="decomctl-")
        self.socket = os.path.join(self.folder, "decomd.sock")
        self.state = State()
        self.daemon = ScriptedDaemon(self.socket, self.state)
        self.environment = {"PATH": os.environ["PATH"], "HOME": self.folder, "XDG_RUNTIME_DIR": self.folder,
                            "DECOMCTL_SOCKET": self.socket, "LANG": "C.UTF-8", "TERM": "xterm-256color", "TZ": "<+01>-1"}

    def tearDown(self):
        if self.daemon:
            self.daemon.stop()
        shutil.rmtree(self.folder)

    def stop_daemon(self):
        self.daemon.stop()
        self.daemon = None

    def start_daemon(self):
        self.daemon = ScriptedDaemon(self.socket, self.state)

    def run_cli(self, *arguments, stdin="", **environment):
        return subprocess.run([DECOMCTL, *arguments], input=stdin, capture_output=True, text=True, timeout=PATIENCE,
                              env={**self.environment, **environment}, start_new_session=True, check=False)

    def start_cli(self, *arguments):
        return subprocess.Popen([DECOMCTL, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=self.environment, start_new_session=True)

    def terminal(self, *arguments, **size):
        return Terminal(arguments, self.environment, **size)

    def login(self):
        result = self.run_cli("login", "alice", "--password-stdin", stdin="open sesame\n")
        self.assertEqual(result.returncode, 0, result.stderr)

    def check(self, result, code, *texts):
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        for text in texts:
            self.assertIn(text, result.stdout + result.stderr)

    def wait_for(self, condition):
        """Waits until the daemon's state is so; the state tells when it changes."""
        with self.state.changed:
            self.assertTrue(self.state.changed.wait_for(condition, timeout=PATIENCE))

    def wait_for_stream(self, count=1):
        self.wait_for(lambda: self.state.streams >= count)


def interrupt(process):
    os.kill(process.pid, signal.SIGINT)
