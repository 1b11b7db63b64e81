"""What the systems of the catalogue share: requests, answers, accounts, and records that are there until they are removed."""

import base64
import json
import threading
import urllib.parse


class Request:
    def __init__(self, handler, path, body):
        parts = urllib.parse.urlsplit(path)
        self.method = handler.command
        self.path = urllib.parse.unquote(parts.path)
        self.query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = body

    def below(self, prefix):
        """What stands behind `prefix`, or None."""
        return self.path[len(prefix) :] if self.path.startswith(prefix) else None

    def json(self):
        return json.loads(self.body) if self.body else None

    def form(self):
        return dict(urllib.parse.parse_qsl(self.body))

    def words(self):
        """The request as the log tells it: decoded, without the accounts' secrets."""
        query = "&".join(f"{name}={value}" for name, value in self.query.items() if name != "apikey")
        return " ".join(part for part in (self.method, self.path + ("?" + query if query else ""), self.body) if part)


class Answer:
    def __init__(self, status, body="", headers=()):
        self.status = status
        self.body = body if isinstance(body, str) else json.dumps(body)
        self.headers = dict(headers)


class Vendor:
    """One system. Accounts: `full` may all, `reader` may look, `blind` is known and sees nothing. Its secret is NAME-secret."""

    changing = ("PUT", "PATCH", "DELETE")
    busy = Answer(503, {"error": "busy"})
    misplaced = Answer(404, "<html><head><title>404 Not Found</title></head></html>")

    def __init__(self, base):
        self.base = base  # of links
        self.records = {}
        self.cap = None  # records on a page
        self.mode = ""
        self.released = threading.Event()
        self.log = []
        self.lock = threading.Lock()
        self.next = 0
        self.furnish()

    def furnish(self):
        """Puts there what controls look for."""

    def make(self, name, address, uuid=""):
        self.next += 1
        key = self.key(name, address)
        self.records[key] = self.record(key, name, address, uuid)
        return key

    def key(self, name, address):
        return str(self.next)

    def handle(self, request):
        if self.mode in ("busy", "misplaced"):
            return getattr(self, self.mode)
        if self.mode == "held":
            self.released.wait(30)
        late = self.mode == "late" and request.method in self.changing
        with self.lock:
            self.log.append(request.words())
            answer = self.answer(request)
        if late:
            self.released.wait(30)
        return answer

    def account(self, secret):
        name = (secret or "").removesuffix("-secret")
        return name if name in ("full", "reader", "blind") and secret == f"{name}-secret" else None

    def rights(self, account):
        return {"full": "see change", "reader": "see"}.get(account, "").split()

    def visible(self, account, fits=lambda record: True):
        return [record for record in self.records.values() if fits(record)] if "see" in self.rights(account) else []

    def page(self, items, start, size):
        """A page from the `start`th item on, and where the next one begins, or None."""
        size = min(size, self.cap or size)
        return items[start : start + size], (start + size if start + size < len(items) else None)

    def state(self, key):
        """'' where the record is gone; else what a removal that leaves it there has made of it, or 'there'."""
        return "there" if key in self.records else ""


def basic(request):
    """User and password, or None."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind != "Basic":
        return None, None
    return tuple(base64.b64decode(text).decode().split(":", 1))
