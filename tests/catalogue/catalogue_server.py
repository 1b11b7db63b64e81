#!/usr/bin/python3
"""Plays systems that cannot run here, from what their documentation says; see README.md. Prints one line of JSON when ready."""

import http.server
import json
import os
import shutil
import ssl
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "records")]

import addresses  # noqa: E402
import backups  # noqa: E402
import inventories  # noqa: E402
import services  # noqa: E402
from leash import issue, serve  # noqa: E402
from vendor import Request  # noqa: E402

KINDS = {
    "netbox": inventories.NetBox, "servicenow": inventories.ServiceNow, "foreman": inventories.Foreman, "awx": inventories.Awx,
    "phpipam": addresses.PhpIpam, "infoblox": addresses.Infoblox,
    "consul": services.Consul, "f5": services.F5, "crowdstrike": services.CrowdStrike, "tenable": services.Tenable,
    "nagiosxi": services.NagiosXi, "vault": services.Vault, "veeam": backups.Veeam,
}  # fmt: skip


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: the other side would wait before it acknowledges the first
    disable_nagle_algorithm = True

    def talk(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        _, name, rest = self.path.split("/", 2)
        answer = self.server.vendors[name].handle(Request(self, "/" + rest, body))
        data = answer.body.encode()
        self.send_response(answer.status)
        for header, value in answer.headers.items():
            self.send_header(header, value)
        if data or answer.status != 204:
            self.send_header("Content-Type", "application/json" if data[:1] in b'{["t' else "text/plain")
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = talk

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    vendors: dict = {}

    def handle_error(self, *_):
        """Clients that do not wait for a slow answer turn away."""


def main():
    folder = tempfile.mkdtemp(prefix="decom-catalogue-")
    try:
        issue(folder, "localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/localhost.pem", f"{folder}/localhost.key")
        server = Server(("127.0.0.1", 0), Handler)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        base = f"https://127.0.0.1:{server.server_address[1]}"
        vendors = server.vendors

        def fresh(name):
            """A new one, with what its control looks for, and its log and modes as on the first day."""
            vendors[name] = KINDS[name](f"{base}/{name}")

        def mode(name, word):
            vendors[name].mode = "" if word == "normal" else word
            vendors[name].released.set() if word == "normal" else vendors[name].released.clear()

        def cap(name, size):
            vendors[name].cap = int(size)

        def changes(name):
            """What was asked of it that changes something."""
            vendor = vendors[name]
            quiet = ("/api/sessionMngr/", "/oauth2/token", "/mgmt/shared/authn/login", "/v1/sys/capabilities-self")
            return json.dumps([line for line in vendor.log if line.split()[0] in ("PUT", "PATCH", "DELETE", "POST") and not line.split()[1].startswith(quiet)])

        for name in KINDS:
            fresh(name)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(json.dumps({"url": base, "ca": f"{folder}/ca.pem", "folder": folder, "vendors": sorted(KINDS)}), flush=True)
        serve({
            "fresh": fresh, "mode": mode, "cap": cap, "changes": changes,
            "make": lambda name, *what: vendors[name].make(*what),
            "state": lambda name, key: vendors[name].state(key),
            "drop": lambda name, key: vendors[name].records.pop(key) and None,
            "requests": lambda name: str(len(vendors[name].log)),
        })  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
