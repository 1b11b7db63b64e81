"""TCP proxies in front of real servers: each refuses, holds back answers, answers an error in its server's place, or does
something between an answer and whoever waits for it. All of them live in one event loop, on a thread of its own."""

import asyncio
import contextlib
import socket
import ssl
import threading


def http_500(_request):
    return b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops"


def dns_servfail(request):
    """The question back, as RFC 1035 4.1.1 has it: an answer (0x80) with code 2, behind its length (4.2.2)."""
    header = request[2:4] + bytes([request[4] | 0x80, 2]) + request[6:8] + bytes(6)
    end = 14
    while request[end]:
        end += request[end] + 1
    message = header + request[14 : end + 5]
    return len(message).to_bytes(2, "big") + message


def is_dns_update(request):
    return len(request) > 4 and request[4] >> 3 & 0xF == 5


def is_http_removal(request):
    return request.startswith(b"DELETE ") or b"host.delete" in request


def ldap_parts(request):
    """The message's number as it stands there, and the tag of its operation (RFC 4511 4.1.1, in BER)."""
    at = 2 + (request[1] & 0x7F if request[1] & 0x80 else 0)
    end = at + 2 + request[at + 1]
    return request[at:end], request[end]


ANSWER_TO = {0x60: 0x61, 0x63: 0x65, 0x66: 0x67, 0x4A: 0x6B, 0x6C: 0x6D}  # bind, search, modify, delete, rename


def ldap_busy(request):
    """LDAPResult busy(51), of a removal unavailable(52), without a name and a word (RFC 4511 4.1.9); an unbind has no answer."""
    number, operation = ldap_parts(request)
    if operation not in ANSWER_TO:
        return b""
    code = 52 if is_ldap_delete(request) else 51
    result = bytes([ANSWER_TO[operation], 7, 0x0A, 1, code, 4, 0, 4, 0])
    return bytes([0x30, len(number) + len(result)]) + number + result


def is_ldap_delete(request):
    return ldap_parts(request)[1] == 0x4A


class FaultProxy:
    """`error(request)` is the answer in error mode; `tls` is (certificate, key, authority, name) where what is inside counts."""

    _loop = None

    def __init__(self, target, error=None, tls=None):
        self.target = target
        self.error = error
        self.failing = None  # which requests
        self.hook = None  # (which request, what then): once
        self.clients = set()
        self.server = None
        self.server_tls = self.client_tls = self.name = None
        if tls:
            self.server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.server_tls.load_cert_chain(*tls[:2])
            self.client_tls = ssl.create_default_context(cafile=tls[2])
            self.name = tls[3]
        # Bound for good, so that nobody else gets the port while nothing listens there.
        self.keeper = self._bound(0)
        self.port = self.keeper.getsockname()[1]
        self.flows = asyncio.Event()
        self.flows.set()
        self.up()

    @staticmethod
    def _bound(port):
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
        return bound

    @classmethod
    def _run(cls, coroutine):
        if cls._loop is None:
            cls._loop = asyncio.new_event_loop()
            threading.Thread(target=cls._loop.run_forever, daemon=True).start()
        return asyncio.run_coroutine_threadsafe(coroutine, cls._loop).result(60)

    # ---- what it does from now on, to connections that are open too; in force when the call returns
    def up(self):
        async def listen():
            self.server = await asyncio.start_server(self._serve, sock=self._bound(self.port), ssl=self.server_tls)

        self._run(listen())

    def down(self):
        async def refuse():
            self.server.close()
            self._cut()

        self._run(refuse())

    def hang(self):
        """The server hears, and its answers stay here until `go_on`."""

        async def hold():
            self.flows.clear()

        self._run(hold())

    def fail(self, request=lambda _: True):
        async def fail():
            self.failing = request

        self._run(fail())

    def cut(self):
        async def cut():
            self._cut()

        self._run(cut())

    def go_on(self):
        async def go_on():
            self.failing = None
            self.flows.set()

        self._run(go_on())

    def once(self, request, act):
        """`act`, on a thread, after the server's answer to the first such request and before the client gets it."""
        self.hook = (request, act)

    def close(self):
        self.down()
        self.keeper.close()

    # ---- in the loop
    def _cut(self):
        for client in list(self.clients):
            client.transport.abort()

    async def _serve(self, client_in, client_out):
        self.clients.add(client_out)
        back = server_out = None
        answered = False
        try:
            while request := await client_in.read(65536):
                if self.failing and (answered or self.failing(request)):
                    # HTTP asks in several pieces, and ends the connection with the first answer.
                    if not (answered and self.error is http_500):
                        client_out.write(self.error(request))
                        answered = True
                    continue
                if server_out is None:
                    server_in, server_out = await asyncio.open_connection(*self.target, ssl=self.client_tls, server_hostname=self.name)
                    back = asyncio.ensure_future(self._back(server_in, client_out))
                if self.hook and self.hook[0](request):
                    (_, client_out.act), self.hook = self.hook, None
                server_out.write(request)
                await server_out.drain()
        except OSError:
            pass
        finally:
            self.clients.discard(client_out)
            if back:
                back.cancel()
            for end in (client_out, server_out):
                if end:
                    end.transport.abort()

    async def _back(self, server_in, client_out):
        with contextlib.suppress(OSError):
            while answer := await server_in.read(65536):
                if act := getattr(client_out, "act", None):
                    client_out.act = None
                    await asyncio.get_running_loop().run_in_executor(None, act)
                await self.flows.wait()
                client_out.write(answer)
                await client_out.drain()
        client_out.close()
