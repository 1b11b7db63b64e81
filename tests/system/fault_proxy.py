"""A TCP proxy in front of a real server, that refuses, holds back answers, or answers an error in the server's place."""

import contextlib
import socket
import ssl
import threading


def http_500(_request):
    return b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops"


def servfail(request):
    """The question back, as RFC 1035 4.1.1 has it: an answer (0x80) with code 2, behind its length (4.2.2)."""
    header = request[2:4] + bytes([request[4] | 0x80, 2]) + request[6:8] + bytes(6)
    end = 14
    while request[end]:
        end += request[end] + 1
    message = header + request[14 : end + 5]
    return len(message).to_bytes(2, "big") + message


class FaultProxy:
    """`mode` is pass, slow (the server hears, its answers are held) or error; `replace` changes what clients say."""

    def __init__(self, target, error, certificate=None):
        self.target = target
        self.error = error
        self.mode = "pass"
        self.replace = None
        self.clients = set()
        self.server_tls = self.client_tls = None
        if certificate:  # (certificate, key, authority): read what is inside
            self.server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.server_tls.load_cert_chain(*certificate[:2])
            self.client_tls = ssl.create_default_context(cafile=certificate[2])
        self.port = 0
        self.up()

    def up(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def down(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()
        for client in list(self.clients):  # those that were kept too
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError), contextlib.ExitStack() as ends:
            ends.callback(client.close)
            if self.server_tls:
                client = ends.enter_context(self.server_tls.wrap_socket(client, server_side=True))
            self.clients.add(client)
            ends.callback(self.clients.discard, client)
            if self.mode == "error":
                request = client.recv(65536)
                if request:
                    client.sendall(self.error(request))
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass
                return
            server = ends.enter_context(socket.create_connection(self.target))
            if self.client_tls:
                server = ends.enter_context(self.client_tls.wrap_socket(server, server_hostname="localhost"))
            back = threading.Thread(target=self._back, args=(server, client), daemon=True)
            back.start()
            while data := client.recv(65536):
                if self.mode == "error":  # on a connection that was kept from before
                    client.sendall(self.error(data))
                    break
                server.sendall(data.replace(*self.replace) if self.replace else data)
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            back.join()

    def _back(self, server, client):
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if self.mode != "slow":
                    client.sendall(data)
            if self.mode == "slow":
                return  # the client waits, until it gives up
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
