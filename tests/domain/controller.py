"""The Samba process: started, awaited, frozen, ended. It cannot outlive the Python process that holds it."""

import ctypes
import os
import select
import signal
import socket
import ssl
import subprocess
import time

PORTS = (53, 88, 389, 464, 636)

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

# LDAPMessage 1: search of the rootDSE for isSynchronized (RFC 4511 4.5.1), written out to need no library.
ROOT_DSE_SEARCH = bytes.fromhex(
    "3035" "020101" "6330" "0400" "0a0100" "0a0100" "020100" "020100" "010100"
    "870b6f626a656374636c617373" "3010" "040e697353796e6368726f6e697a6564"
)  # fmt: skip


def _die_with_parent():
    # SIGKILL, because a stopped process would keep SIGTERM pending for ever.
    if _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        os._exit(127)


class Controller:
    def __init__(self, directory, address, max_seconds):
        self.directory = directory
        self.address = address
        self.max_seconds = max_seconds
        self.process = None
        self.frozen = False

    def start(self):
        """The thread that calls this must live as long as Samba shall: the death signal is tied to it."""
        if self.process:
            raise RuntimeError("the controller runs already")
        environment = dict(os.environ, KRB5_CONFIG=f"{self.directory}/etc/krb5.conf", KRB5RCACHEDIR=f"{self.directory}/run")
        with open(f"{self.directory}/log/out", "ab") as log:
            self.process = subprocess.Popen(
                [
                    "/usr/sbin/samba", "-i", "--no-process-group", "-M", "single", f"--maximum-runtime={self.max_seconds}",
                    "-s", f"{self.directory}/etc/smb.conf", "-l", f"{self.directory}/log",
                ],
                stdin=subprocess.PIPE,  # end of input ends Samba too
                stdout=log,
                stderr=log,
                env=environment,
                preexec_fn=_die_with_parent,
            )  # fmt: skip

    def wait_ready(self, seconds=90):
        deadline = time.monotonic() + seconds
        waiting = [88, 464, 53, 636]  # LDAP last: it is the last to listen, and each probe costs Samba time
        pause = select.poll()
        while waiting:
            if self.process is None or self.process.poll() is not None:
                raise RuntimeError(f"samba ended: {self.last_words()}")
            try:
                while waiting:
                    self._probe(waiting[0])
                    waiting.pop(0)
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"samba did not become ready in {seconds} s: {self.last_words()}") from None
                pause.poll(20)

    def _probe(self, port):
        with socket.create_connection((self.address, port), timeout=5) as plain:
            if port == 636:
                trust = ssl.create_default_context()
                trust.check_hostname = False
                trust.verify_mode = ssl.CERT_NONE  # this asks whether it answers, not who it is
                with trust.wrap_socket(plain) as ldap:
                    ldap.sendall(ROOT_DSE_SEARCH)
                    if b"TRUE" not in ldap.recv(4096):
                        raise OSError("not synchronized")

    def end(self):
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process = None
        self.frozen = False

    def freeze(self):
        self._running().send_signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        self._running().send_signal(signal.SIGCONT)
        self.frozen = False

    def has_ended(self):
        return self.process is not None and self.process.poll() is not None

    def last_words(self):
        try:
            with open(f"{self.directory}/log/out", encoding="utf-8", errors="replace") as log:
                return " / ".join(log.read().strip().splitlines()[-5:])
        except OSError as error:
            return str(error)

    def _running(self):
        if not self.process:
            raise RuntimeError("the controller is down")
        return self.process
