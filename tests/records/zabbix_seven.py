"""What Zabbix 7.2 wants otherwise than 6.0, in front of a 6.0: the token in a header alone, and host groups by their new name.

By https://www.zabbix.com/documentation/7.2/en/manual/api/changes and the API's reference: nothing else of what the recipe asks for changed.
"""

import http.server
import json
import threading
import urllib.request


def problem(request, data):
    error = {"code": -32602, "message": "Invalid params.", "data": data}
    return {"jsonrpc": "2.0", "error": error, "id": request.get("id")}


class Seven:
    """Serves until the process ends."""

    def __init__(self, url):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = json.dumps(self.answer(request)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def answer(self, request):
                parameters = request.get("params")
                if "auth" in request:
                    return problem(request, 'Invalid parameter "/": unexpected parameter "auth".')
                if isinstance(parameters, dict) and "selectGroups" in parameters:
                    return problem(request, 'Invalid parameter "/": unexpected parameter "selectGroups".')
                groups = isinstance(parameters, dict) and parameters.pop("selectHostGroups", None)
                if groups:
                    parameters["selectGroups"] = groups
                kind, _, token = self.headers.get("Authorization", "").partition(" ")
                if kind == "Bearer":
                    request["auth"] = token
                asked = urllib.request.Request(url + self.path, json.dumps(request).encode(), {"Content-Type": "application/json-rpc"})
                with urllib.request.urlopen(asked, timeout=60) as answer:
                    reply = json.load(answer)
                for host in reply.get("result", []) if groups else []:
                    host["hostgroups"] = host.pop("groups")
                return reply

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"
