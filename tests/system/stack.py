"""Starts the servers and the programs that a system test, or the demo, works with. See README.md."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"
PASSWORD = "Passw0rd!"


class Child:
    """A server that prints one line of JSON when it is ready, and ends when its standard input does."""

    def __init__(self, command, log, env=None):
        self.log = open(log, "ab")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, env=env, start_new_session=True
        )
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{command[0]} did not start:\n" + pathlib.Path(log).read_text(errors="replace")[-2000:])
        self.facts = json.loads(line)

    def stop(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Vcenter:
    """The simulated vCenter and its control API."""

    def __init__(self, binary, folder, name="lab", arguments=(), inventory=None):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.ledger_file = self.folder / f"vcenter-{name}.ledger"
        command = [str(binary), "--stdin-leash", "--cert-out", str(self.folder / f"vcenter-{name}.pem"), "--ledger", str(self.ledger_file)]
        if inventory is not None:
            path = self.folder / f"vcenter-{name}.json"
            path.write_text(json.dumps(inventory))
            command += ["--inventory", str(path)]
        self.child = Child(command + list(arguments), self.folder / f"vcenter-{name}.log")
        self.url = self.child.facts["url"]
        self.ca = self.folder / f"vcenter-{name}.pem"

    def control(self, verb, **body):
        """One call of the control API (tests/vcenter/README.md); its answer, parsed."""
        request = urllib.request.Request(
            f"{self.child.facts['control']}/{verb}", method="POST", data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        if not body:
            request = urllib.request.Request(f"{self.child.facts['control']}/{verb}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def rule(self, **rule):
        return self.control("rules", **rule)

    def clear_rules(self):
        self.control("rules/delete", id="")

    def wait(self, phase, method, count=1, seconds=60, **more):
        """Until the ledger has that many such records."""
        return self.control("wait", phase=phase, method=method, count=count, timeout_ms=seconds * 1000, **more)

    def ledger(self):
        if not self.ledger_file.exists():
            return []
        return [json.loads(line) for line in self.ledger_file.read_text().splitlines()]

    def stop(self):
        self.child.stop()


class Domain:
    """The Samba domain controller and its control socket."""

    def __init__(self, folder, computers=None):
        command = [PYTHON, str(ROOT / "tests/domain/domain_server.py"), "--dir", str(folder), "--stdin-leash"]
        if computers is not None:
            path = pathlib.Path(str(folder) + ".computers.json")
            path.write_text(json.dumps(computers))
            command += ["--computers", str(path)]
        self.child = Child(command, str(folder) + ".log")
        self.facts = self.child.facts

    def control(self, verb, *args):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.facts["control"])
            s.sendall(json.dumps({"verb": verb, "args": list(args)}).encode() + b"\n")
            text = b""
            while not text.endswith(b"\n"):
                piece = s.recv(65536)
                if not piece:
                    break
                text += piece
        answer = json.loads(text)
        if not answer["ok"]:
            raise RuntimeError(f"{verb} {args}: {answer['error']}")
        return answer["result"]

    def computers(self):
        return {c["name"].rstrip("$").upper() for c in self.control("computers")}

    def stop(self):
        self.child.stop()


class Stack:
    """One decomd with its vCenters and its directory, in a folder of its own."""

    def __init__(self, bin_dir, vcenters, domain, folder=None, daemon=None, extra=""):
        self.bin = pathlib.Path(bin_dir).resolve()
        self.own_folder = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="decom-system-"))
        os.chmod(self.folder, 0o755)
        self.vcenters = vcenters
        self.domain = domain
        self.process = None
        self.socket = str(self.folder / "run" / "decomd.sock")
        self.state = self.folder / "state"
        self.config = self.folder / "etc" / "decomd.toml"
        self.log = self.folder / "decomd.log"
        for name, mode in (("run", 0o750), ("etc", 0o700), ("tokens", 0o755)):
            (self.folder / name).mkdir(exist_ok=True)
            os.chmod(self.folder / name, mode)
        self.write_config(daemon or {}, extra)

    # ---- the daemon
    def write_config(self, daemon, extra=""):
        def value(v):
            return json.dumps(v)

        lines = ["[daemon]"]
        settings = {"socket": self.socket, "state_dir": str(self.state), "backoff_first": "100ms", "backoff_most": "1s", **daemon}
        lines += [f"{k} = {value(v)}" for k, v in settings.items()]
        for v in self.vcenters:
            (self.folder / "etc" / f"{v.name}.password").write_text("s3cret-of-decomd\n")
            lines += [
                "[[vcenter]]",
                f"name = {value(v.name)}",
                f"url = {value(v.url)}",
                'username = "svc-decom@vsphere.local"',
                f'password_file = "{v.name}.password"',
                f"ca_file = {value(str(v.ca))}",
                'call_timeout = "5s"',  # after a crash this long is waited for a call that a proxy may still hold
            ]
        d = self.domain.facts
        lines += [
            "[directory]",
            f"url = {value(d['ldaps'])}",
            f"base_dn = {value(d['base_dn'])}",
            f"bind_dn = {value(d['bind_dn'])}",
            f"password_file = {value(d['bind_password_file'])}",
            f"ca_file = {value(d['ca'])}",
            f"computer_ous = {value(['OU=Servers,' + d['base_dn']])}",
            'vcenter_user = "CORP\\\\{sam}"',
            "[roles]",
            'viewer = ["Decom Viewers"]',
            'operator = ["Decom Operators"]',
            'approver = ["Decom Approvers"]',
            'admin = ["Decom Admins"]',
        ]
        self.config.write_text("\n".join(lines) + "\n" + extra)
        os.chmod(self.config, 0o600)

    def start(self, env=None, wait=True):
        """In the thread that goes on to live: the kernel ends the daemon with it, however it ends."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", str(self.bin / "decomd"), "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": "/usr/bin:/bin", **(env or {})},
                start_new_session=True,
            )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=60):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError("decomd ended:\n" + self.log.read_text(errors="replace")[-3000:])
            with contextlib.suppress(OSError):
                if self.api("GET", "/v1/health")[0] == 200:
                    return
            time_slice()
        raise RuntimeError("decomd did not answer:\n" + self.log.read_text(errors="replace")[-3000:])

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def terminate(self, seconds=40):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            return self.process.wait(seconds)
        return None if self.process is None else self.process.returncode

    # ---- people
    def environment(self, person):
        folder = self.folder / "tokens" / person
        folder.mkdir(mode=0o700, exist_ok=True)
        return {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "DECOMCTL_SOCKET": self.socket,
            "XDG_RUNTIME_DIR": str(folder),
            "HOME": str(folder),
        }

    def ctl(self, person, *args, stdin=None, check=None, env=None, timeout=120):
        done = subprocess.run(
            [str(self.bin / "decomctl"), *map(str, args)],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            env={**self.environment(person), **(env or {})},
            timeout=timeout,
            start_new_session=True,
        )
        if check is not None and done.returncode != check:
            raise AssertionError(
                f"decomctl {' '.join(map(str, args))}: exit {done.returncode}, expected {check}\n{done.stdout}\n{done.stderr}\n--- decomd\n"
                + self.log.read_text(errors="replace")[-3000:]
            )
        return done

    def ctl_json(self, person, *args, **more):
        return json.loads(self.ctl(person, *args, "-o", "json", check=0, **more).stdout)

    def login(self, person, password=PASSWORD, check=0):
        return self.ctl(person, "login", person, "--password-stdin", stdin=password + "\n", check=check)

    def token(self, person):
        return next((self.folder / "tokens" / person).rglob("*token*")).read_text().strip()

    def api(self, method, path, body=None, token=None, headers=None, timeout=60):
        connection = UnixConnection(self.socket, timeout)
        try:
            send = {"Accept": "application/json", **(headers or {})}
            if token:
                send["Authorization"] = "Bearer " + token
            text = None
            if body is not None:
                text = json.dumps(body)
                send["Content-Type"] = "application/json"
            connection.request(method, path, text, send)
            answer = connection.getresponse()
            data = answer.read()
            parsed = json.loads(data) if data and "json" in (answer.getheader("Content-Type") or "") else data
            return answer.status, parsed
        finally:
            connection.close()

    def wait_loaded(self, person, machines):
        """Until the mirror has that many machines."""
        token = self.token(person)
        return wait_for(lambda: self.api("GET", "/v1/vms?limit=1", token=token)[1].get("total", 0) >= machines, 60)

    def wait_settled(self, person, request, seconds=120):
        token = self.token(person)

        def settled():
            detail = self.api("GET", f"/v1/requests/{request}", token=token)[1]
            done = {"succeeded", "failed", "cancelled", "needs_attention", "holding"}
            return detail if all(m["state"] in done for m in detail["machines"]) else None

        return wait_for(settled, seconds)

    def sql(self, statement):
        """What SQLite's own command line says of the database: only while the daemon is down."""
        out = subprocess.run(["sqlite3", "-json", str(self.state / "decomd.db"), statement], capture_output=True, text=True, check=True)
        return json.loads(out.stdout or "[]")

    def stop(self):
        with contextlib.suppress(Exception):
            self.terminate()
        if self.process and self.process.poll() is None:
            self.kill()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def time_slice():
    """Lets others run between two looks at something that announces itself by no event."""
    import select

    select.select([], [], [], 0.02)


def wait_for(look, seconds=60, what=""):
    """`what` is waited for: a text, or what makes one when it did not come."""
    until = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what or look}")
        time_slice()


def main_of(module_cases):
    """Runs unittest cases with --bin."""
    import argparse
    import unittest

    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default="build/dev/bin")
    parser.add_argument("rest", nargs="*")
    options = parser.parse_args()
    os.environ["DECOM_BIN"] = str(pathlib.Path(options.bin).resolve())
    unittest.main(module=module_cases, argv=[sys.argv[0], *options.rest], verbosity=2)


def bin_dir():
    return pathlib.Path(os.environ.get("DECOM_BIN", ROOT / "build/dev/bin"))
