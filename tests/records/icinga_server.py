#!/usr/bin/python3
"""Runs Icinga 2 with its API on a free loopback port; see README.md. Prints one line of JSON when it is ready."""

import base64
import glob
import json
import os
import shutil
import signal
import ssl
import sys
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from leash import Group, free_port, issue, serve, wait_until, workplace  # noqa: E402

PROGRAM = "/usr/lib/x86_64-linux-gnu/icinga2/sbin/icinga2"
USERS = {
    "root": ["*"],
    "decom": ["objects/query/Host", "objects/delete/Host", "objects/query/Downtime", "actions/schedule-downtime", "actions/remove-downtime"],
    "removers": ["objects/query/Host", "objects/delete/Host"],
    "reader": ["objects/query/Host"],
    "nobody": ["status/query"],
}

CONFIG = """
const NodeName = "localhost"
const ZoneName = "localhost"
object Endpoint NodeName {{ }}
object Zone ZoneName {{ endpoints = [ NodeName ] }}
object CheckCommand "dummy" {{ command = [ "/bin/true" ] }}
object ApiListener "api" {{ bind_host = "127.0.0.1"; bind_port = {port} }}
object Host "static01" {{ check_command = "dummy"; address = "10.9.9.9"; vars.uuid = "42110000-0000-0000-0000-00000000abcd" }}
{users}
object ApiUser "filtered" {{
  password = "filtered-pw"
  permissions = [ {{ permission = "objects/query/Host"; filter = {{{{ host.vars.team == "ours" }}}} }}, "objects/delete/Host" ]
}}
"""


class Icinga:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.group = None
        for name in ("data/certs", "log", "cache", "spool", "run", "tls"):
            os.makedirs(f"{folder}/{name}")
        issue(f"{folder}/tls", "localhost")
        # The key of the authority stays out of data/ca: Icinga would renew the certificate, and drop its names.
        for source, target in (("ca.pem", "ca.crt"), ("localhost.pem", "localhost.crt"), ("localhost.key", "localhost.key")):
            shutil.copy(f"{folder}/tls/{source}", f"{folder}/data/certs/{target}")
        users = "".join(
            f'object ApiUser "{name}" {{ password = "{name}-pw"; permissions = {json.dumps(rights)} }}\n'
            for name, rights in USERS.items()
        )
        with open(f"{folder}/icinga2.conf", "w", encoding="ascii") as out:
            out.write(CONFIG.format(port=self.port, users=users))

    def start(self):
        self.begin()
        wait_until(self.is_ready, "icinga_server", self.group)

    def begin(self):
        """Does not wait until it answers."""
        folders = {"ConfigDir": "", "DataDir": "/data", "LogDir": "/log", "CacheDir": "/cache", "SpoolDir": "/spool", "InitRunDir": "/run"}
        command = [PROGRAM, "daemon", *(f"-D{key}={self.folder}{path}" for key, path in folders.items())]
        self.group = Group(
            [*command, "-c", f"{self.folder}/icinga2.conf"], f"{self.folder}/icinga2.log",
            ending=signal.SIGKILL,  # what it was told is on disk, and a slow end would be the tests' time
            env={**os.environ, "ICINGA2_USER": "root", "ICINGA2_GROUP": "root"},
        )  # fmt: skip

    def stop(self):
        if self.group:
            self.group.end()
        self.group = None

    def is_ready(self):
        try:
            return self.ask("GET", "/v1/status/IcingaApplication")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None):
        request = urllib.request.Request(f"https://localhost:{self.port}{path}", method=method)
        request.add_header("Accept", "application/json")
        request.add_header("Authorization", "Basic " + base64.b64encode(b"root:root-pw").decode())
        context = ssl.create_default_context(cafile=f"{self.folder}/tls/ca.pem")
        try:
            data = json.dumps(body).encode() if body is not None else None
            with urllib.request.urlopen(request, data, 10, context=context) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def host(self, name, address, uuid="", services="0"):
        attributes = {"check_command": "dummy", "address": address, "vars.uuid": uuid, "vars.team": "ours"}
        status, answer = self.ask("PUT", f"/v1/objects/hosts/{urllib.request.quote(name, safe='')}", {"attrs": attributes})
        if status != 200:
            raise RuntimeError(f"{status} {answer}")
        for number in range(int(services)):
            path = f"/v1/objects/services/{urllib.request.quote(name, safe='')}!s{number}"
            status, answer = self.ask("PUT", path, {"attrs": {"check_command": "dummy"}})
            if status != 200:
                raise RuntimeError(f"{status} {answer}")

    def rename(self, name, display):
        path = f"/v1/objects/hosts/{urllib.request.quote(name, safe='')}"
        status, answer = self.ask("POST", path, {"attrs": {"display_name": display}})
        if status != 200:
            raise RuntimeError(f"{status} {answer}")

    def exists(self, name):
        """By the server's own files: what its API says, and to whom, does not matter."""
        wanted = f'object Host "{name}"'
        for file in glob.glob(f"{self.folder}/data/api/packages/_api/*/conf.d/hosts/*.conf"):
            with open(file, encoding="utf-8") as source:
                if wanted in source.read():
                    return "yes"
        return "no"

    def depth(self, name):
        """In how many downtimes it is at this moment: of the host HOST, or of the service HOST!SERVICE."""
        kind = "services" if "!" in name else "hosts"
        status, answer = self.ask("GET", f"/v1/objects/{kind}/{urllib.request.quote(name, safe='!')}?attrs=downtime_depth")
        if status != 200:
            raise RuntimeError(f"{status} {answer}")
        return str(int(answer["results"][0]["attrs"]["downtime_depth"]))

    def downtimes(self):
        """How many there are at all."""
        status, answer = self.ask("GET", "/v1/objects/downtimes")
        if status != 200:
            raise RuntimeError(f"{status} {answer}")
        return str(len(answer["results"]))

    def pause(self):
        self.group.tell(signal.SIGSTOP)

    def resume(self):
        self.group.tell(signal.SIGCONT)


def main():
    with workplace("icinga") as folder:
        icinga = Icinga(folder)
        icinga.start()
        ready = {"url": f"https://localhost:{icinga.port}/v1", "ca": f"{folder}/tls/ca.pem", "folder": folder}
        print(json.dumps(ready), flush=True)
        serve({"host": icinga.host, "rename": icinga.rename, "exists": icinga.exists, "depth": icinga.depth,
               "downtimes": icinga.downtimes, "stop": icinga.stop, "start": icinga.start, "begin": icinga.begin,
               "pause": icinga.pause, "resume": icinga.resume})  # fmt: skip


if __name__ == "__main__":
    main()
