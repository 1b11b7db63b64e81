#!/usr/bin/python3
"""Receivers of notices on loopback: mail servers (STARTTLS, implicit TLS, without any, silent) and an HTTPS server for
webhooks, each of which answers as it is told to."""

import asyncio
import http.server
import json
import os
import shutil
import ssl
import sys
import tempfile
import threading
import warnings

warnings.simplefilter("ignore")  # what is deprecated in aiosmtpd is its own business
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword  # noqa: E402
from leash import issue, serve  # noqa: E402

USER, PASSWORD = b"decom", b"pa55 word"


class Kept:
    """What has arrived, and how answers are to be; any thread."""

    def __init__(self):
        self.changed = threading.Condition()
        self.posts, self.mails, self.logins = [], [], 0
        self.mode = {"https": "200", "smtp": "ok"}
        self.over = threading.Event()

    def add(self, where, what):
        with self.changed:
            getattr(self, where).append(what)
            self.changed.notify_all()

    def wait(self, where, count):
        with self.changed:
            if not self.changed.wait_for(lambda: len(getattr(self, where)) >= int(count), 60):
                raise TimeoutError(f"{len(getattr(self, where))} {where}")
        return self.all(where)

    def all(self, where):
        with self.changed:
            return json.dumps(getattr(self, where))

    def forget(self):
        with self.changed:
            self.posts, self.mails, self.logins = [], [], 0

    def set(self, server, mode):
        self.mode[server] = mode


kept = Kept()


class Webhook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        mode = kept.mode["https"]
        kept.add("posts", {"path": self.path, "headers": dict(self.headers), "body": body, "mode": mode})
        if mode == "hang":
            kept.over.wait()
            return
        # "echo" repeats the address, as error pages do.
        status, answer = (404, f"Cannot POST {self.path}") if mode == "echo" else (int(mode), f"said {mode}")
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "7")
        if status in (301, 307):
            self.send_header("Location", "https://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_):
        pass


class Receiver(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Clients turn away here by design."""


class Mailbox:
    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address.startswith("gone@"):
            return "550 5.1.1 nobody of that name"
        if kept.mode["smtp"] == "defer":
            return "451 4.3.0 not now"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 good"

    async def handle_DATA(self, _server, session, envelope):
        if kept.mode["smtp"] == "hang":
            await asyncio.get_running_loop().run_in_executor(None, kept.over.wait)
        if kept.mode["smtp"] == "reject":
            return "554 5.7.1 not from you"
        kept.add("mails", {"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
                           "login": bool(session.authenticated), "text": envelope.original_content.decode()})  # fmt: skip
        return "250 2.0.0 taken"


def login(_server, _session, _envelope, _mechanism, given):
    kept.logins += 1
    good = isinstance(given, LoginPassword) and (given.login, given.password) == (USER, PASSWORD)
    return AuthResult(success=good, handled=False)


async def start_mail(context):
    loop = asyncio.get_running_loop()
    common = {"hostname": "mail.example.test", "authenticator": login}

    async def listen(make, **more):
        server = await loop.create_server(make, "127.0.0.1", 0, **more)
        return server.sockets[0].getsockname()[1]

    async def say_nothing(reader, writer):
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    return {
        "starttls": await listen(lambda: SMTP(Mailbox(), tls_context=context, require_starttls=True, auth_required=True, **common)),
        "tls": await listen(lambda: SMTP(Mailbox(), auth_required=True, auth_require_tls=False, **common), ssl=context),
        "none": await listen(lambda: SMTP(Mailbox(), **common)),
        "silent": silent.sockets[0].getsockname()[1],
    }


def main():
    folder = tempfile.mkdtemp(prefix="decom-notices-")
    try:
        issue(folder, "server")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
        receiver = Receiver(("127.0.0.1", 0), Webhook)
        receiver.socket = context.wrap_socket(receiver.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        mail = asyncio.run_coroutine_threadsafe(start_mail(context), loop).result(30)
        print(json.dumps({"folder": folder, "ca": f"{folder}/ca.pem", "https": receiver.server_address[1], **mail}), flush=True)
        serve({"mode": kept.set, "all": kept.all, "wait": kept.wait, "forget": kept.forget, "logins": lambda: str(kept.logins)})
    finally:
        kept.over.set()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
