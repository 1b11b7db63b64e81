#!/usr/bin/python3
"""search.py --bin build/release/bin [--machines 10000,100000]: the mirror's first load and the whole `decomctl search`.

The load stands beside the bytes alone: the very same calls, recorded from decomd on their way to a small vCenter and sent
again to the large one by a client that throws every answer away. The process stands beside /bin/true, started the same
way. Ratios travel between machines; seconds do not. `bench_search` measures what happens inside the daemon.
"""

import argparse
import http.client
import http.server
import os
import pathlib
import re
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from stack import Domain, Stack, Vcenter, wait_for  # noqa: E402

RUNS = 300
WARM_UP = 20


class Recorder:
    """A proxy that speaks TLS as the vCenter does, and notes every SOAP call with its answer."""

    def __init__(self, vcenter, cert, key):
        self.calls = []
        host, port = vcenter.url.split("//")[1].split("/")[0].split(":")
        trust = ssl.create_default_context(cafile=str(vcenter.ca))
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                upstream = http.client.HTTPSConnection(host, int(port), context=trust)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "expect")}
                upstream.request(self.command, self.path, body, headers)
                answer = upstream.getresponse()
                data = answer.read()
                if self.command == "POST" and self.path.startswith("/sdk"):
                    recorder.calls.append((body.decode(), data.decode()))
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                upstream.close()

            do_GET = do_POST = do_DELETE = forward

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                """A caller that hangs up in its long poll is no news."""

        self.server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}/sdk"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def certificate(folder):
    """An authority that is its own server certificate, for recorder and vCenter alike."""
    cert, key = folder / "server.pem", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
        + ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    return cert, key


def method_of(body):
    return re.search(r"<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)", body).group(1)


def recorded_load(binary, domain, base):
    """The calls of one first load, up to the answer that completes it."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=base))
    cert, key = certificate(folder)
    vcenter = Vcenter(binary / "test-vcenter", folder, "lab", ["--generate", "40", "--user", "svc-decom@vsphere.local:s3cret-of-decomd:Admin", "--cert", str(cert), "--key", str(key)])
    vcenter.ca = cert
    recorder = Recorder(vcenter, cert, key)
    vcenter.url = recorder.url
    stack = Stack(binary, [vcenter], domain, folder=folder)
    try:
        stack.start()
        stack.login("alice")
        stack.wait_loaded("alice", 40)
        calls = list(recorder.calls)
    finally:
        stack.stop()
        recorder.stop()
        vcenter.stop()
    last = next(i for i, (body, answer) in enumerate(calls) if method_of(body) == "WaitForUpdatesEx" and "<truncated>true" not in answer)
    return calls[: last + 1]


def replayed(vcenter, calls):
    """Seconds and bytes of the same calls, their answers thrown away."""
    host, port = vcenter.url.split("//")[1].split("/")[0].split(":")
    connection = http.client.HTTPSConnection(host, int(port), context=ssl.create_default_context(cafile=str(vcenter.ca)))
    cookie, ids, total = "", {}, 0

    def ask(body):
        nonlocal cookie, total
        headers = {"Content-Type": "text/xml; charset=utf-8", "Accept-Encoding": "identity"}
        if cookie:
            headers["Cookie"] = cookie
        connection.request("POST", "/sdk", body, headers)
        answer = connection.getresponse()
        if answer.getheader("Set-Cookie"):
            cookie = answer.getheader("Set-Cookie").split(";")[0]
        head = answer.read(64 * 1024)
        total += len(head)
        tail = head
        while piece := answer.read(1 << 20):
            total += len(piece)
            tail = piece[-4096:]
        if answer.status != 200:
            raise RuntimeError(f"{method_of(body)}: {answer.status} {head[:500]!r}")
        return head.decode(errors="replace"), (head[-4096:] if tail is head else tail).decode(errors="replace")

    began = time.monotonic()
    for body, recorded in calls:
        method = method_of(body)
        for old, new in ids.items():
            body = body.replace(f">{old}<", f">{new}<")
        if method == "WaitForUpdatesEx":
            version = ""
            while True:
                head, tail = ask(re.sub(r"<version>[^<]*</version>|<version/>", f"<version>{version}</version>", body))
                version = re.search(r"<version>([^<]*)</version>", head).group(1)
                if "<truncated>true" not in tail and "<truncated>true" not in head:
                    break
            break
        head, tail = ask(body)
        while token := re.search(r"<token>([^<]*)</token>", head):
            head, tail = ask(continued(body, method, token.group(1)))
        if method.startswith("Create"):
            made = [re.search(r"<returnval[^>]*>([^<]*)</returnval>", text) for text in (recorded, head)]
            ids[made[0].group(1)] = made[1].group(1)
    seconds = time.monotonic() - began
    connection.close()
    return seconds, total


def continued(body, method, token):
    """ContinueRetrievePropertiesEx on the same collector."""
    collector = re.search(r"<_this[^>]*>[^<]*</_this>", body).group(0)
    opening, closing = re.search(rf"^(.*?)<{method}[^>]*>", body, re.S).group(1), body[body.rindex(f"</{method}>") + len(f"</{method}>") :]
    return f'{opening}<Continue{method} xmlns="urn:vim25">{collector}<token>{token}</token></Continue{method}>{closing}'


def peak_mb(pid):
    return int(re.search(r"VmHWM:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def milliseconds(command, environment):
    """One run of a process, from spawn to its end."""
    null = os.open(os.devnull, os.O_RDWR)
    try:
        began = time.perf_counter()
        pid = os.posix_spawn(command[0], command, environment, file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)])
        status = os.waitpid(pid, 0)[1]
        taken = (time.perf_counter() - began) * 1000
    finally:
        os.close(null)
    if status != 0:
        raise RuntimeError(f"{command}: status {status}")
    return taken


def side_by_side(commands, environment):
    """p50 and p99 of each, taken in turns so that all see the same machine."""
    times = {name: [] for name in commands}
    for run in range(RUNS + WARM_UP):
        for name, command in commands.items():
            taken = milliseconds(command, environment)
            if run >= WARM_UP:
                times[name].append(taken)
    return {name: (statistics.median(t), statistics.quantiles(t, n=100)[98]) for name, t in times.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--machines", default="10000,100000")
    options = parser.parse_args()
    binary = pathlib.Path(options.bin).resolve()
    base = pathlib.Path(tempfile.mkdtemp(prefix="decom-bench-"))
    domain = Domain(base / "domain")
    try:
        calls = recorded_load(binary, domain, base)
        for count in map(int, options.machines.split(",")):
            folder = pathlib.Path(tempfile.mkdtemp(dir=base))
            vcenter = Vcenter(binary / "test-vcenter", folder, "lab", ["--generate", str(count), "--user", "svc-decom@vsphere.local:s3cret-of-decomd:Admin"])
            stack = Stack(binary, [vcenter], domain, folder=folder)
            try:
                alone = [replayed(vcenter, calls) for _ in range(3)]
                stack.start()
                line = wait_for(lambda: re.search(r"read (\d+) machines in (\d+) ms", stack.log.read_text()), 600)
                load, peak = int(line.group(2)) / 1000, peak_mb(stack.process.pid)
                alone += [replayed(vcenter, calls) for _ in range(3)]
                seconds = statistics.median(s for s, _ in alone)
                print(f"\n{count} machines; {os.cpu_count()} processors")
                print(f"first load {load:.2f} s, the bytes alone {seconds:.2f} s ({alone[0][1] / 1e6:.0f} MB): {load / seconds:.2f}x; peak {peak:.0f} MB")
                stack.login("alice")
                stack.wait_loaded("alice", count)
                ctl = str(binary / "decomctl")
                name = stack.ctl_json("alice", "search", "--limit", "1", "--sort", "-name")["items"][0]["name"]
                times = side_by_side(
                    {"/bin/true": ["/bin/true"], f"search {name}": [ctl, "search", name, "-o", "json"], "search os:windows --limit 100": [ctl, "search", "os:windows", "--limit", "100", "-o", "json"]},
                    stack.environment("alice"),
                )
                floor = times["/bin/true"][0]
                for what, (p50, p99) in times.items():
                    print(f"{what:<44} p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  {p50 / floor:5.1f}x of /bin/true", flush=True)
            finally:
                stack.stop()
                vcenter.stop()
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        domain.stop()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
