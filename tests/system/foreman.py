"""As much of Foreman as its recipe asks: one host, which knows its virtual machine until it is told to forget it."""

import http.server
import json
import threading
import urllib.parse


class Foreman:
    """Calls: "disassociate", "delete", and "poll", the first look behind a deletion that is done only by then."""

    def __init__(self, name, address):
        self.host = {"id": 7, "name": name, "ip": address, "ip6": None, "uuid": "", "compute_resource_name": "lab", "compute_resource_id": 1}
        self.other = {"id": 1, "name": "foreman", "ip": "127.0.0.1", "ip6": None, "uuid": None, "compute_resource_name": None}
        self.changes = []
        self.hook = (None, None)
        self.lock = threading.Lock()
        foreman = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self):
                if length := int(self.headers.get("Content-Length") or 0):
                    self.rfile.read(length)
                with foreman.lock:
                    status, body = foreman.answer(self.command, urllib.parse.urlsplit(self.path))
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                """Whoever asked may be dead."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/api"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def once(self, call, act):
        self.hook = (call, act)

    def happens(self, call):
        if self.hook[0] == call:
            (_, act), self.hook = self.hook, (None, None)
            act()

    def answer(self, method, url):
        parts = url.path.removeprefix("/api/hosts").strip("/").split("/")
        if not parts[0]:
            search = urllib.parse.parse_qs(url.query).get("search", [""])[0]
            value = search.rsplit(" ", 1)[-1].strip('"')
            hosts = [h for h in (self.host, self.other) if h and (not search or value in (h["name"], h["ip"]))]
            return 200, {"results": hosts, "page": 1, "per_page": 100, "total": len(hosts)}
        if self.host is None or parts[0] != str(self.host["id"]):
            return 404, {"error": {"message": "not found"}}
        host = self.host
        if method == "PUT":
            host |= {"uuid": None, "compute_resource_id": None, "compute_resource_name": None}
            self.changes.append("disassociate")
            self.happens("disassociate")
        elif method == "DELETE":
            self.changes.append("delete")
            if self.hook[0] == "poll":
                return 200, {"id": host["id"]}
            self.host = None
            self.happens("delete")
        elif self.changes[-1:] == ["delete"]:
            self.host = None
            self.happens("poll")
        return 200, host
