#!/usr/bin/python3
"""HTTPS servers on loopback, one for each certificate of tests/domain/certificates.py: all but one must be refused."""

import hashlib
import http.server
import json
import os
import shutil
import ssl
import sys
import threading

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "domain")]

import certificates  # noqa: E402
from leash import serve, workplace  # noqa: E402


class Handler(http.server.BaseHTTPRequestHandler):
    served = 0

    def do_GET(self):
        Handler.served += 1
        body = b'{"me": "decom"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """Clients turn away here by design."""


def start(context):
    server = Server(("127.0.0.1", 0), Handler)
    # Not in accept(): a client that turns away must not stop the others.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def main():
    with workplace("tls") as folder:
        os.mkdir(f"{folder}/tls")
        certificates.ensure_authority(folder)
        ports = {}
        for kind in certificates.KINDS:
            certificates.issue(folder, "127.0.0.1", kind)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{folder}/tls/dc1.pem", f"{folder}/tls/dc1.key")
            ports[kind] = start(context)
            if kind == "self-signed":
                for suffix in ("pem", "key"):
                    shutil.copy(f"{folder}/tls/dc1.{suffix}", f"{folder}/stranger.{suffix}")
                with open(f"{folder}/tls/dc1.pem", encoding="ascii") as source:
                    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(source.read())).hexdigest()
        # And one that asks for ours.
        certificates.issue(folder, "127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/tls/dc1.pem", f"{folder}/tls/dc1.key")
        context.load_verify_locations(f"{folder}/tls/ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        asking = start(context)
        # By TLS 1.2 its refusal is part of the handshake, and always heard.
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        old.load_cert_chain(f"{folder}/tls/dc1.pem", f"{folder}/tls/dc1.key")
        old.load_verify_locations(f"{folder}/tls/ca.pem")
        old.verify_mode = ssl.CERT_REQUIRED
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        asking_early = start(old)
        certificates.issue(folder, "127.0.0.1", "client-only")
        shutil.copy(f"{folder}/tls/dc1.pem", f"{folder}/client.pem")
        shutil.copy(f"{folder}/tls/dc1.key", f"{folder}/client.key")
        ready = {"ports": ports, "asking": asking, "asking_early": asking_early, "ca": f"{folder}/tls/ca.pem", "folder": folder, "thumbprint": f"SHA256:{fingerprint}"}
        print(json.dumps(ready), flush=True)
        serve({"served": lambda: str(Handler.served)})


if __name__ == "__main__":
    main()
