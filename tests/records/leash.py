"""What the record servers share: free ports, certificates, process groups, and an end that comes when the test's does."""

import atexit
import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode()


def issue(folder, name, names="DNS:localhost,IP:127.0.0.1"):
    """ca.pem (once a folder) and NAME.pem with NAME.key, signed by it."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    if not os.path.exists(f"{folder}/ca.pem"):
        openssl(
            "req", "-x509", *key, "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem", "-days", "3650",
            "-subj", "/CN=Test authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip
    openssl("req", *key, "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr", "-subj", f"/CN={name}")
    with open(f"{folder}/{name}.ext", "w", encoding="ascii") as out:
        out.write(f"subjectAltName={names}\n")
    openssl(
        "x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key",
        "-CAcreateserial", "-days", "3650", "-extfile", f"{folder}/{name}.ext", "-out", f"{folder}/{name}.pem",
    )  # fmt: skip


class Told:
    """SIGTERM and SIGINT end this program by way of its `finally`, but not between a start and the note of it."""

    waits = 0
    came = False

    @classmethod
    def now(cls, *_):
        again, cls.came = cls.came, True
        if not cls.waits and not again:
            sys.exit(0)

    @classmethod
    @contextlib.contextmanager
    def heard_later(cls):
        before = cls.came
        cls.waits += 1
        try:
            yield
        finally:
            cls.waits -= 1
        if cls.came and not before and not cls.waits:
            sys.exit(0)


@contextlib.contextmanager
def workplace(name):
    """A temporary folder. With the block, whatever ends it and however early, end all groups, the last one first, and the folder goes."""
    end_when_told()
    folder = None
    try:
        with Told.heard_later():
            folder = tempfile.mkdtemp(prefix=f"decom-{name}-")
        yield folder
    finally:
        Told.waits += 1  # told once is enough
        for group in reversed(Group.running[:]):
            group.end()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


class Group:
    """A program with all that it starts: some leave orphans when only their first process is told to end."""

    running = []

    def __init__(self, command, log, ending=signal.SIGTERM, **options):
        self.ending = ending
        with open(log, "ab") as out, Told.heard_later():
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **options
            )
            Group.running.append(self)
            atexit.register(self.end)  # whoever was told to end before it had this object, and has no workplace

    def has_ended(self):
        return self.process.poll() is not None

    def tell(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def end(self, number=None, patience=10):
        if self not in Group.running:
            return
        with Told.heard_later():
            if not self.has_ended():
                self.tell(number or self.ending)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(patience)
            self.tell(signal.SIGKILL)
            self.process.wait()
            Group.running.remove(self)


def wait_until(holds, what, group=None, patience=60.0):
    """Asks again and again; a server that is starting has no event to wait for."""
    waiting = select.poll()
    for _ in range(int(patience / 0.05)):
        if holds():
            return
        if group and group.has_ended():
            break
        waiting.poll(50)
    raise SystemExit(f"{what}: not ready in time, or ended")


def end_when_told():
    """From here on; so also while its servers still start."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, Told.now)


def serve(commands):
    """Answers lines of JSON-free words on standard input until it ends: 'verb argument…' -> one line."""
    end_when_told()
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        try:
            print(f"ok {commands[words[0]](*words[1:]) or ''}".strip(), flush=True)
        except Exception as error:  # the test shows it
            print(f"error {error!r}".replace("\n", " "), flush=True)
