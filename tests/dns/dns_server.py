#!/usr/bin/python3
"""Runs BIND 9 with a few zones for tests; see README.md.

Prints one line of JSON when it is ready. Ends, and named with it, at the end of its standard input, on SIGTERM, and when
it is killed itself.
"""

import argparse
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

SWEPT = "A AAAA PTR CNAME TXT SSHFP DHCID SRV"
KEYS = {"decom-key": "hmac-sha256", "long-key": "hmac-sha512", "other-key": "hmac-sha256", "admin-key": "hmac-sha256"}
ZONES = {
    "lab.example.test": {"update": True},
    "static.example.test": {"update": False},
    "2.0.10.in-addr.arpa": {"update": True},
    "0.0.0.0.0.0.0.0.0.0.0.0.2.0.d.f.ip6.arpa": {"update": True},
}
ADDRESS = "127.0.0.1"  # named listens on addresses that an interface has, and so on no other of 127.0.0.0/8
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    if _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        os._exit(127)


def pick_port():
    """A port that is free for UDP and TCP, as named takes both."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind((ADDRESS, 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    raise SystemExit("dns_server: no free port")


def policy(zone, principals):
    if not zone.get("update", True):
        return ""
    grants = [f"grant {key} zonesub {SWEPT};" for key in ("decom-key", "long-key")] + ["grant admin-key zonesub ANY;"]
    grants += [f'grant "{principal}" zonesub {SWEPT};' for principal in principals]
    return "update-policy { " + " ".join(grants) + " };"


def write_zone(directory, name, zone, address):
    head = f"$TTL 300\n@ SOA ns1.lab.example.test. hostmaster.lab.example.test. 1 3600 600 86400 60\n@ NS ns1.lab.example.test.\n"
    lines = list(zone.get("records", []))
    if name == "lab.example.test":
        lines.append(f"ns1 A {address}")
    with open(f"{directory}/zones/{name}.db", "w", encoding="ascii") as out:
        out.write(head + "\n".join(lines) + "\n")


def write_config(directory, address, port, zones, options):
    kerberos = f'tkey-gssapi-keytab "{options.keytab}";' if options.keytab else ""
    parts = [f'include "{directory}/keys/{key}.key";' for key in KEYS]
    parts.append(
        f"""options {{
  directory "{directory}";
  pid-file "{directory}/named.pid";
  session-keyfile none;
  managed-keys-directory "{directory}";
  lock-file none;
  listen-on port {port} {{ {address}; }};
  listen-on-v6 {{ none; }};
  recursion no;
  dnssec-validation no;
  empty-zones-enable no;
  notify no;
  allow-transfer {{ key decom-key; key admin-key; }};
  {kerberos}
}};
controls {{ }};"""
    )
    for name, zone in zones.items():
        write_zone(directory, name, zone, address)
        parts.append(f'zone "{name}" {{ type primary; file "zones/{name}.db"; {policy(zone, options.principal)} }};')
    path = f"{directory}/named.conf"
    with open(path, "w", encoding="ascii") as out:
        out.write("\n".join(parts) + "\n")
    return path


class Named:
    def __init__(self, directory, config, environment):
        self.directory = directory
        self.config = config
        self.environment = environment
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            ["/usr/sbin/named", "-g", "-n", "1", "-c", self.config],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self.environment,
            preexec_fn=_die_with_parent,
        )
        log = open(f"{self.directory}/named.log", "ab", buffering=0)
        for line in self.process.stderr:  # its own word that it answers by now
            log.write(line)
            if line.rstrip().endswith(b" running"):
                break
        else:
            log.close()
            with open(f"{self.directory}/named.log", encoding="utf-8", errors="replace") as said:
                raise SystemExit("dns_server: named ended\n" + said.read()[-2000:])
        threading.Thread(target=self._drain, args=(self.process.stderr, log), daemon=True).start()

    @staticmethod
    def _drain(source, log):
        with log:
            for line in source:
                log.write(line)

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait()


def serve(options, directory):
    for sub in ("zones", "keys"):
        os.makedirs(f"{directory}/{sub}")
    for key, algorithm in KEYS.items():
        made = subprocess.run(["/usr/sbin/tsig-keygen", "-a", algorithm, key], capture_output=True, check=True)
        with open(os.open(f"{directory}/keys/{key}.key", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
            out.write(made.stdout)
    zones = json.loads(options.zones) if options.zones else ZONES
    address, port = ADDRESS, pick_port()
    config = write_config(directory, address, port, zones, options)
    environment = dict(os.environ)
    if options.krb5_conf:
        environment["KRB5_CONFIG"] = options.krb5_conf
    named = Named(directory, config, environment)
    try:
        named.start()
        facts = {
            "address": address,
            "port": port,
            "server": f"{address}:{port}",
            "zones": list(zones),
            "keys": {key: f"{directory}/keys/{key}.key" for key in KEYS},
            "dir": directory,
        }
        print(json.dumps(facts), flush=True)
        for line in sys.stdin:
            word = line.strip()
            if word == "down":
                named.end()
            elif word == "up":
                named.start()
            elif word == "freeze":
                named.process.send_signal(signal.SIGSTOP)
            elif word == "thaw":
                named.process.send_signal(signal.SIGCONT)
            else:
                print(json.dumps({"ok": False, "error": f"no such verb: {word}"}), flush=True)
                continue
            print(json.dumps({"ok": True}), flush=True)
    finally:
        named.end()


def main():
    parser = argparse.ArgumentParser(description="BIND 9 on a loopback address.")
    parser.add_argument("--zones", help='JSON: {"ZONE": {"records": ["web01 A 10.0.2.1"], "update": true}}')
    parser.add_argument("--keytab", help="of the server's principal, for GSS-TSIG")
    parser.add_argument("--krb5-conf", help="where its KDC is")
    parser.add_argument("--principal", action="append", default=[], help="who may update by GSS-TSIG")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    directory = tempfile.mkdtemp(prefix="decom-dns-")
    try:
        serve(options, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
