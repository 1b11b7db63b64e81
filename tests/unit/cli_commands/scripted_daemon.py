"""An HTTP server on a Unix socket with the answers of decomd and a state that a test sets.

It knows no vCenter and no steps: a test says what happens, by `emit`. Its journal is numbered and replayed as the
daemon's is, and `restart` closes every connection while the state stays, as a restarted daemon's does.
"""

import copy
import json
import os
import socketserver
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler

TIME = "2026-03-01T08:15:00.000Z"
TOKEN = "tok-0123456789abcdef"


def machine(number, **facts):
    """A machine as the API spells it."""
    base = {
        "id": f"lab:vm-{number}", "name": f"web-{number:02}", "vcenter": "lab", "vcenter_uuid": "0000-lab",
        "moref": f"vm-{number}", "instance_uuid": f"5000-{number:04}", "bios_uuid": f"4200-{number:04}", "power": "on",
        "family": "linux", "guest_id": "debian12_64Guest", "guest_full_name": "Debian GNU/Linux 12 (64-bit)",
        "host_name": f"web-{number:02}.corp.example.test", "ip_addresses": [f"10.1.2.{number % 250}"], "tools": "running",
        "folder": "prod/web", "datacenter": "DC0", "cluster": "C0", "host": "esx-1", "owner": "alice", "annotation": "",
        "attributes": {"owner": "alice"}, "tags": ["env:prod"], "cpus": 2, "memory_mb": 4096,
        "disks": [{"label": "Hard disk 1", "capacity_bytes": 21474836480, "backing": "[ds1] web/web.vmdk"}],
        "snapshots": [], "is_template": False, "managed_by": "", "created": "2024-05-06T07:08:09.000Z", "booted": None}
    return {**base, **facts}


def step(name, kind, state="pending", **more):
    base = {"name": name, "kind": kind, "irreversible": kind == "vsphere.destroy", "state": state, "message": "",
            "attempts": 0, "not_before": None, "started": None, "finished": None}
    return {**base, **more}


SETTLED = ("needs_attention", "failed", "cancelled", "succeeded")  # the worst first
STEPS = [("power_off", "vsphere.power_off"), ("destroy", "vsphere.destroy"), ("ad", "ad.computer")]


class Problem(Exception):
    def __init__(self, status, code, detail, errors=()):
        super().__init__(detail)
        self.status = status
        self.body = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail,
                     "errors": [{"where": w, "what": t} for w, t in errors]}


class State:
    """What the daemon would have on disk, and what a test looks at afterwards."""

    def __init__(self):
        self.changed = threading.Condition()
        self.vms = []
        self.mirrors = [{"vcenter": "lab", "loaded": True, "connected": True, "machines": 0, "as_of": TIME, "age_ms": 12,
                         "trouble": ""}]
        self.requests = {}
        self.events = []
        self.plans = {}
        self.keys = {}
        self.tokens = {TOKEN}
        self.systems = {}  # name -> whether it can be asked
        self.freeze = {"frozen": False, "who": "", "reason": "", "at": None}
        self.calls = []  # (method, path, headers, body)
        self.answers = {}  # (method, path) -> Problem, or a function of the handler
        self.streams = 0  # how many event streams were begun
        self.drop_after = set()  # paths whose POST is done, and whose answer is never sent, once

    def emit(self, kind, text="", request=None, machine=None, step=None, level="info", data=None, at=TIME):
        with self.changed:
            event = {"seq": len(self.events) + 1, "at": at, "request": request, "decommission": machine, "step": step,
                     "kind": kind, "level": level, "text": text, "data": data or {}}
            self.events.append(event)
            if request in self.requests:
                self.requests[request]["last_event"] = event["seq"]
            self.changed.notify_all()
            return event["seq"]

    def add_request(self, number, vms, state="queued", **more):
        with self.changed:
            machines = []
            for ordinal, vm in enumerate(vms, 1):
                machines.append({"id": f"{number}.{ordinal}", "ordinal": ordinal, "machine": vm, "plan": vm["family"],
                                 "state": state, "reason": "", "not_before": None, "cancel_requested": False,
                                 "warnings": 0, "started": None, "finished": None,
                                 "steps": [step(name, kind) for name, kind in STEPS]})
            self.requests[number] = {
                "id": number, "created": TIME, "requester": "CORP\\alice", "state": state,
                "options": {"reason": "attic cleanup", "ticket": "CHG-1", "shutdown_timeout_s": 300,
                            "guest_shutdown": True, "skip": [], "not_before": None},
                "warnings": 0, "last_event": len(self.events), "machines": machines, **more}
        self.emit("request.accepted", "accepted", request=number)

    def set_machine(self, machine_id, state, **more):
        """State and event in one go, as in one transaction; settles the request when it was the last one."""
        with self.changed:
            request = self.requests[int(machine_id.split(".")[0])]
            for one in request["machines"]:
                if one["id"] == machine_id:
                    one.update(state=state, **more)
                    if state in SETTLED:
                        one["finished"] = TIME
            states = {one["state"] for one in request["machines"]}
            request["state"] = "running"
            if states <= set(SETTLED):
                request["state"] = next(worst for worst in SETTLED if worst in states)
            kind = "decommission.finished" if state in SETTLED else "decommission.started"
            self.emit(kind, state, request=request["id"], machine=machine_id, data={"state": state})
            if request["state"] in SETTLED:
                self.emit("request.finished", "over", request=request["id"], data={"state": request["state"]})

    def set_step(self, machine_id, name, state, text="", **more):
        with self.changed:
            request = self.requests[int(machine_id.split(".")[0])]
            for one in request["machines"]:
                for s in one["steps"]:
                    if one["id"] == machine_id and s["name"] == name:
                        s.update(state=state, message=text, **more)
            kind = "step.started" if state == "running" else "step.finished"
            level = "warning" if state == "warned" else "error" if state in ("failed", "unknown") else "info"
            self.emit(kind, text, request=request["id"], machine=machine_id, step=name, level=level, data={"state": state})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"

    @property
    def state(self):
        return self.server.state

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_GET(self):
        self.answer("GET")

    def do_POST(self):
        self.answer("POST")

    def do_DELETE(self):
        self.answer("DELETE")

    def answer(self, method):
        url = urllib.parse.urlsplit(self.path)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.state.calls.append((method, self.path, dict(self.headers), body.decode()))
        try:
            scripted = self.state.answers.get((method, url.path))
            if isinstance(scripted, Problem):
                raise scripted
            if scripted:
                return scripted(self)
            data = json.loads(body) if body else {}
            status, result = self.route(method, url.path, query, data)
            if url.path in self.state.drop_after and method == "POST":
                self.state.drop_after.discard(url.path)
                self.close_connection = True
                return None
            if result is not None:
                self.send(status, result)
        except Problem as problem:
            self.send(problem.status, problem.body, "application/problem+json")
        return None

    def send(self, status, body, kind="application/json"):
        raw = json.dumps(body).encode() if body != "" else b""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(raw)
        self.close_connection = True

    def who(self):
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in self.state.tokens:
            raise Problem(401, "unauthenticated", "not logged in: run 'decomctl login'")
        return {"user": "CORP\\alice", "upn": "alice@corp.example.test", "sid": "S-1-5-21-1-2-3-1104",
                "roles": ["viewer", "operator"], "expires": "2026-03-01T16:15:00.000Z", "uid": os.geteuid()}

    def route(self, method, path, query, data):
        parts = path.strip("/").split("/")[1:]
        match [method, *parts]:
            case ["GET", "health"]:
                return 200, {"status": "ok", "version": "0.1.0"}
            case ["POST", "login"]:
                if data["password"] != "open sesame":
                    raise Problem(401, "unauthenticated", "name or password is wrong")
                self.state.tokens.add(TOKEN)
                self.headers["Authorization"] = "Bearer " + TOKEN
                return 200, {"token": TOKEN, "expires": "2026-03-01T16:15:00.000Z", "who": self.who()}
        who = self.who()
        match [method, *parts]:
            case ["POST", "logout"]:
                self.state.tokens.discard(TOKEN)
                return 204, ""
            case ["GET", "whoami"]:
                return 200, who
            case ["GET", "tokens"]:
                return 200, {"items": [{"id": "7f3a", "name": "nightly", "user": "CORP\\alice", "created": TIME,
                                        "expires": "2026-05-30T08:15:00.000Z", "revoked": False}]}
            case ["POST", "tokens"]:
                return 201, {"token": "secret-once", "row": {"id": "7f3b", "name": data["name"], "user": "CORP\\alice",
                                                             "created": TIME, "expires": TIME, "revoked": False}}
            case ["DELETE", "tokens", "7f3a"]:
                return 204, ""
            case ["GET", "vms"]:
                return 200, self.page_of_vms(query)
            case ["GET", "vms", ident]:
                ident = urllib.parse.unquote(ident)
                hits = [vm for vm in self.state.vms if vm["id"] == ident or vm["name"].lower() == ident.lower()]
                if len(hits) > 1:
                    raise Problem(422, "ambiguous", f"{len(hits)} machines are named '{ident}'",
                                  [(vm["id"], vm["folder"]) for vm in hits])
                if not hits:
                    raise Problem(404, "not_found", f"there is no machine '{ident}'")
                return 200, hits[0]
            case ["GET", "vm-fields"]:
                return 200, {"items": [{"name": "os", "text": "operating system"}]}
            case ["POST", "plans"]:
                return 201, self.plan(data)
            case ["POST", "requests"]:
                return self.submit(data)
            case ["GET", "requests"]:
                return 200, self.page_of_requests(query)
            case ["GET", "requests", number]:
                return 200, self.request_of(number)
            case ["POST", "requests", number, "cancel"]:
                return 202, self.cancel(self.request_of(number), data)
            case ["POST", "requests", number, "retry"]:
                machines = [m["id"] for m in self.request_of(number)["machines"] if m["state"] in ("failed", "needs_attention")]
                return 202, {"request": int(number), "machines": machines}
            case ["POST", "requests", number, "resolve"]:
                return 200, self.request_of(number)
            case ["GET", "events"]:
                return self.stream(query)
            case ["GET", "freeze"]:
                return 200, self.state.freeze
            case ["POST", ("freeze" | "thaw") as verb]:
                self.state.freeze = {"frozen": verb == "freeze", "who": "CORP\\alice", "reason": data["reason"], "at": TIME}
                return 200, self.state.freeze
            case ["POST", "records"]:
                return 200, self.records(data)
            case ["GET", "steps"]:
                return 200, {"kinds": [{"kind": "vsphere.destroy", "summary": "deletes the VM", "irreversible": True,
                                        "removes_records": False}],
                             "systems": [{"name": name, "kind": "dns", "summary": "names", "source": f"records.d/{name}.toml",
                                          "deadline_ms": 30000, "after": [], "on_failure": "stop", "unverified": ""}
                                         for name in self.state.systems]}
            case ["POST", "steps", "test"]:
                return 200, {"items": [{"system": name, "kind": "dns", "ok": up, "code": None if up else "unreachable",
                                        "text": "serial 17" if up else "cannot connect", "elapsed_ms": 5}
                                       for name, up in self.state.systems.items()
                                       if name in data["systems"] or not data["systems"]]}
            case ["GET", "doctor"]:
                return 200, {"checks": [
                    {"name": "vcenter lab: rights", "level": "warning", "text": "no right to delete", "hint": "grant it"}]}
        raise Problem(404, "not_found", f"there is nothing at {path}")

    def records(self, data):
        """Every system that is up knows every machine by one record."""
        items = []
        names = [(f"lab:{name}", name) for name in data["machines"]]
        if data["ghost"]["name"]:
            names.append((None, data["ghost"]["name"]))
        for ident, name in names:
            systems = []
            for system, up in self.state.systems.items():
                record = {"id": f"A {name}", "what": f"{name} A 10.0.0.1", "state": "proven",
                          "facts": [f"name {name}", "address 10.0.0.1"], "against": [], "forbidden": ""}
                systems.append({"system": system, "kind": "dns", "state": "found" if up else "unread",
                                "records": [record] if up else [], "code": None if up else "unreachable",
                                "text": "" if up else "cannot connect", "elapsed_ms": 5})
            retired = "2026-01-01T12:00:00Z" if name.startswith("gone-") else None
            items.append({"id": ident, "name": name, "systems": systems, "retired": retired})
        return {"items": items}

    def page_of_vms(self, query):
        words = query.get("q", "").lower().split()
        if "oss:" in query.get("q", ""):
            at = query["q"].index("oss:")
            raise Problem(400, "usage", "there is no field 'oss'; did you mean os:?", [(f"{at}:3", "no such field")])
        names = [w.removeprefix("name:").removesuffix("*").strip('"') for w in words]
        hits = [vm for vm in self.state.vms if all(w in vm["name"].lower() for w in names)]
        start = int(query.get("cursor", "0"))
        limit = int(query.get("limit", "100"))
        more = start + limit < len(hits)
        return {"items": hits[start:start + limit], "total": len(hits), "total_is_at_least": False,
                "next": str(start + limit) if more else None, "mirrors": self.state.mirrors}

    def page_of_requests(self, query):
        rows = []
        for request in sorted(self.state.requests.values(), key=lambda r: -r["id"]):
            if query.get("live") == "true" and request["state"] in SETTLED:
                continue
            counts = {}
            for one in request["machines"]:
                counts[one["state"]] = counts.get(one["state"], 0) + 1
            rows.append({"id": request["id"], "created": request["created"], "finished": None,
                         "requester": request["requester"], "reason": request["options"]["reason"],
                         "ticket": request["options"]["ticket"], "state": request["state"],
                         "machines": len(request["machines"]), "counts": counts, "warnings": request["warnings"],
                         "names": [one["machine"]["name"] for one in request["machines"][:5]]})
        start = int(query.get("cursor", "0"))
        limit = int(query.get("limit", "50"))
        return {"items": rows[start:start + limit],
                "next": str(start + limit) if start + limit < len(rows) else None}

    def request_of(self, number):
        with self.state.changed:
            if not number.isdigit() or int(number) not in self.state.requests:
                raise Problem(404, "not_found", f"there is no request {number}")
            return copy.deepcopy(self.state.requests[int(number)])

    def plan(self, data):
        wanted, errors = [], []
        for index, name in enumerate(data["machines"]):
            hits = [vm for vm in self.state.vms if name in (vm["id"], vm["name"])]
            if len(hits) == 1:
                wanted.append(hits[0])
            else:
                errors.append((f"machines[{index}]", f"{name}: " + ("not found" if not hits else "ambiguous")))
        if errors:
            raise Problem(404, "not_found", "cannot plan: some machines are not clear", errors)
        steps = [{"name": name, "kind": kind, "irreversible": kind == "vsphere.destroy",
                  "skipped": name in data["options"]["skip"], "why": "part of the plan",
                  "observation": "needed", "text": "it is there", "system": "", "records": []}
                 for name, kind in STEPS]
        plan = {"plan": f"p{len(self.state.plans) + 1}", "hash": "h1", "expires": "2026-03-01T08:30:00.000Z",
                "options": data["options"],
                "machines": [{"machine": vm, "plan": vm["family"], "steps": steps} for vm in wanted]}
        self.state.plans[plan["plan"]] = plan
        return plan

    def submit(self, data):
        key = self.headers.get("Idempotency-Key", "")
        if key in self.state.keys:
            return 200, self.request_of(str(self.state.keys[key]))
        plan = self.state.plans[data["plan"]]
        number = max(self.state.requests, default=16) + 1
        self.state.add_request(number, [m["machine"] for m in plan["machines"]])
        self.state.keys[key] = number
        return 202, self.request_of(str(number))

    def cancel(self, request, data):
        answer = []
        for one in request["machines"]:
            if data["machines"] and one["id"] not in data["machines"] and one["machine"]["name"] not in data["machines"]:
                continue
            if one["state"] in SETTLED:
                answer.append({"id": one["id"], "name": one["machine"]["name"], "state": one["state"], "in_flight": False})
                continue
            in_flight = one["state"] == "running"
            answer.append({"id": one["id"], "name": one["machine"]["name"],
                           "state": "running" if in_flight else "cancelled", "in_flight": in_flight})
            if not in_flight:
                self.state.set_machine(one["id"], "cancelled", reason="cancelled by CORP\\alice")
        return {"request": request["id"], "machines": answer}

    def stream(self, query):
        seen = int(self.headers.get("Last-Event-ID") or query.get("since", "0"))
        wanted = int(query.get("request", "0"))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        generation = self.server.generation
        with self.state.changed:
            self.state.streams += 1
            self.state.changed.notify_all()
        while True:
            with self.state.changed:
                self.state.changed.wait_for(
                    lambda: len(self.state.events) > seen or self.server.generation != generation, timeout=5)
                fresh = [e for e in self.state.events[seen:] if not wanted or e["request"] == wanted]
                seen = max(seen, len(self.state.events))
                if self.server.generation != generation:
                    self.close_connection = True
                    return 200, None
                over = query.get("until_settled") == "true" and self.state.requests[wanted]["state"] in SETTLED
            text = "".join(f"id: {e['seq']}\nevent: {e['kind']}\ndata: {json.dumps(e)}\n\n" for e in fresh) or ": beat\n\n"
            self.wfile.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())
            self.wfile.flush()
            if over:
                self.wfile.write(b"0\r\n\r\n")
                return 200, None


class ScriptedDaemon(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path, state=None):
        self.path = path
        self.state = state or State()
        self.generation = 0
        super().__init__(path, Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        """As a daemon that dies: connections end, the socket goes."""
        with self.state.changed:
            self.generation += 1
            self.state.changed.notify_all()
        self.shutdown()
        self.server_close()  # waits for no thread: they are daemons
        os.unlink(self.path)
