#!/usr/bin/python3
"""Runs Kea's DHCPv4 server and control agent on free loopback ports; see README.md. Prints one line of JSON when ready."""

import base64
import contextlib
import csv
import json
import os
import shutil
import signal
import ssl
import sys
import tempfile
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from leash import Group, end_when_told, free_port, issue, serve, wait_until  # noqa: E402

LEASE_COMMANDS = "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so"


class Kea:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.server = self.agent = None
        self.hook = "on"
        os.mkdir(f"{folder}/tls")
        issue(f"{folder}/tls", "localhost")
        self.socket = {"socket-type": "unix", "socket-name": f"{folder}/kea.sock"}
        self.write("agent.json", {"Control-agent": {
            "http-host": "127.0.0.1",
            "http-port": self.port,
            "trust-anchor": f"{folder}/tls/ca.pem",
            "cert-file": f"{folder}/tls/localhost.pem",
            "key-file": f"{folder}/tls/localhost.key",
            "cert-required": False,
            "authentication": {"type": "basic", "realm": "kea", "clients": [{"user": "decom", "password": "decom-pw"}]},
            "control-sockets": {"dhcp4": self.socket},
            "loggers": self.logger("kea-ctrl-agent"),
        }})  # fmt: skip

    def logger(self, name):
        return [{"name": name, "output_options": [{"output": f"{self.folder}/{name}.log"}], "severity": "INFO"}]

    def write(self, name, content):
        with open(f"{self.folder}/{name}", "w", encoding="ascii") as out:
            json.dump(content, out)

    def run(self, program, *arguments):
        env = {**os.environ, "KEA_PIDFILE_DIR": self.folder, "KEA_LOCKFILE_DIR": self.folder}
        return Group([f"/usr/sbin/{program}", *arguments], f"{self.folder}/{program}.out", env=env)

    def start(self):
        subnets = [{"id": number, "subnet": f"10.{number}.0.0/24", "pools": [{"pool": f"10.{number}.0.1-10.{number}.0.200"}]} for number in (3, 4)]
        self.write("dhcp4.json", {"Dhcp4": {
            "interfaces-config": {"interfaces": []},
            "control-socket": self.socket,
            "lease-database": {"type": "memfile", "persist": True, "name": f"{self.folder}/leases4.csv", "lfc-interval": 0},
            "hooks-libraries": [{"library": LEASE_COMMANDS}] if self.hook == "on" else [],
            "valid-lifetime": 86400,
            "subnet4": subnets,
            "loggers": self.logger("kea-dhcp4"),
        }})  # fmt: skip
        # It listens on no interface, so the port is never opened.
        self.server = self.run("kea-dhcp4", "-p", "10067", "-c", f"{self.folder}/dhcp4.json")
        if not self.agent:
            self.start_agent()
        wait_until(self.is_ready, "kea_server", self.server)

    def stop(self):
        """The DHCP server alone, at once: the agent goes on answering for it."""
        if self.server:
            self.server.end(signal.SIGKILL)
        self.server = None

    def end(self):
        self.stop()
        if self.agent:
            self.agent.end(signal.SIGKILL)
        self.agent = None

    def is_ready(self):
        return self.is_answering() and self.ask("status-get")[0]["result"] == 0

    def is_answering(self):
        """The agent, whatever it has to say of its server."""
        with contextlib.suppress(OSError):
            return bool(self.ask("status-get"))
        return False

    def ask(self, command, **arguments):
        body = {"command": command, "service": ["dhcp4"], "arguments": arguments}
        request = urllib.request.Request(f"https://localhost:{self.port}/", json.dumps(body).encode(), {"Content-Type": "application/json"})
        request.add_header("Authorization", "Basic " + base64.b64encode(b"decom:decom-pw").decode())
        context = ssl.create_default_context(cafile=f"{self.folder}/tls/ca.pem")
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return json.load(answer)

    def lease(self, address, mac, name=""):
        """In the subnet of its address: 10.3.0.0/24 has the id 3, 10.4.0.0/24 has 4."""
        arguments = {"ip-address": address, "hw-address": mac, "hostname": name, "subnet-id": int(address.split(".")[1])}
        for command in ("lease4-update", "lease4-add"):  # an update needs one that is there
            answer = self.ask(command, **arguments)[0]
            if answer["result"] == 0:
                return
        raise RuntimeError(answer)

    def drop(self, address):
        answer = self.ask("lease4-del", **{"ip-address": address})[0]
        if answer["result"] != 0:
            raise RuntimeError(answer)

    def exists(self, address):
        """By the server's own file: the last line about an address counts, and one without a lifetime says that it is deleted."""
        found = "no"
        with open(f"{self.folder}/leases4.csv", encoding="ascii", newline="") as source:
            for row in csv.DictReader(source):
                if row["address"] == address:
                    found = "no" if row["valid_lifetime"] == "0" else "yes"
        return found

    def lease_commands(self, hook):
        """on or off: whether the server has the hook library. It starts anew."""
        self.hook = hook
        self.stop()
        self.start()

    def pause(self):
        self.server.tell(signal.SIGSTOP)

    def resume(self):
        self.server.tell(signal.SIGCONT)

    def stop_agent(self):
        self.agent.end(signal.SIGKILL)

    def start_agent(self):
        self.agent = self.run("kea-ctrl-agent", "-c", f"{self.folder}/agent.json")
        wait_until(self.is_answering, "kea_server", self.agent)


def main():
    end_when_told()
    folder = tempfile.mkdtemp(prefix="decom-kea-")
    kea = None
    try:
        kea = Kea(folder)
        kea.start()
        print(json.dumps({"url": f"https://localhost:{kea.port}", "ca": f"{folder}/tls/ca.pem", "folder": folder}), flush=True)
        verbs = ("lease", "drop", "exists", "lease_commands", "stop", "start", "pause", "resume", "stop_agent", "start_agent")
        serve({verb: getattr(kea, verb) for verb in verbs})
    finally:
        if kea:
            kea.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
