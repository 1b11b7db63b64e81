#!/usr/bin/python3
"""A small CMDB over HTTP, for the examples of decom-step(7).

Says its port on the first line, ends with its standard input. Token "let-me-in". GET /hosts, DELETE /hosts/ID; /public
needs no token; /ledger tells what was deleted.
"""
import http.server
import json
import os
import sys
import threading

HOSTS = {
    1: {"id": 1, "name": "cmdb", "ip": "10.0.0.1", "uuid": "42070000-0000-0000-0000-000000000001"},
    7: {"id": 7, "name": "web01", "ip": "10.0.2.1", "uuid": "42077a70-aaaa-bbbb-cccc-ddddeeeeffff"},
    8: {"id": 8, "name": "web01", "ip": "10.0.9.9", "uuid": "42070000-0000-0000-0000-000000000008"},
    9: {"id": 9, "name": "db01", "ip": "10.0.2.2", "uuid": "42070000-0000-0000-0000-000000000009"},
}
LEDGER = []
LOCK = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def allowed(self):
        if self.headers.get("Authorization") == "Bearer let-me-in":
            return True
        self.answer(401, {"error": "who are you?"})
        return False

    def do_GET(self):
        with LOCK:
            if self.path == "/ledger":
                self.answer(200, LEDGER)
            elif self.path == "/public" or self.allowed():
                self.answer(200, list(HOSTS.values()))

    def do_DELETE(self):
        with LOCK:
            if not self.allowed():
                return
            number = int(self.path.rsplit("/", 1)[1])
            if HOSTS.pop(number, None) is None:
                self.answer(404, {"error": "no such host"})
            else:
                LEDGER.append(number)
                self.answer(200, {})

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
