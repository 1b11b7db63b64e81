#!/usr/bin/python3
"""Runs Prometheus' Alertmanager on a free loopback port; see README.md. Prints one line of JSON when it is ready."""

import base64
import datetime
import json
import os
import re
import shutil
import signal
import ssl
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from leash import Group, end_when_told, free_port, issue, serve, wait_until  # noqa: E402

PROGRAM = "/usr/bin/prometheus-alertmanager"
# "decom-pw", by bcrypt with few rounds: that is what Alertmanager takes.
USERS = {"decom": "$2b$04$abcdefghijklmnopqrstuuEwYLTRIacQrlPlD1fsV.5HF//KHyCpS"}
CONFIG = {"route": {"receiver": "nobody", "group_wait": "1s"}, "receivers": [{"name": "nobody"}]}
OPERATORS = {"=": (False, True), "=~": (True, True), "!=": (False, False), "!~": (True, False)}


class Alertmanager:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.group = None
        os.mkdir(f"{folder}/tls")
        issue(f"{folder}/tls", "localhost")
        web = {
            "tls_server_config": {"cert_file": f"{folder}/tls/localhost.pem", "key_file": f"{folder}/tls/localhost.key"},
            "basic_auth_users": USERS,
        }
        for name, content in (("alertmanager.yml", CONFIG), ("web.yml", web)):
            with open(f"{folder}/{name}", "w", encoding="ascii") as out:
                json.dump(content, out)  # which is YAML too

    def start(self, cluster=""):
        """With `cluster`: as a member of one whose other members it does not reach, so that it waits for them."""
        gossip = f"127.0.0.1:{free_port()}" if cluster else ""
        more = [f"--cluster.advertise-address={gossip}", f"--cluster.peer=127.0.0.1:{free_port()}"] if cluster else []
        self.group = Group(
            [PROGRAM, f"--config.file={self.folder}/alertmanager.yml", f"--web.config.file={self.folder}/web.yml",
             f"--storage.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}", f"--cluster.listen-address={gossip}", *more],
            f"{self.folder}/alertmanager.log",
        )  # fmt: skip
        wait_until(self.is_ready, "alertmanager_server", self.group)

    def stop(self):
        if self.group:
            self.group.tell(signal.SIGCONT)
            self.group.end()  # it writes its silences to disk as it ends
        self.group = None

    def is_ready(self):
        try:
            return self.ask("GET", "/status")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None):
        request = urllib.request.Request(f"https://localhost:{self.port}/api/v2{path}", method=method)
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", "Basic " + base64.b64encode(b"decom:decom-pw").decode())
        context = ssl.create_default_context(cafile=f"{self.folder}/tls/ca.pem")
        try:
            data = json.dumps(body).encode() if body is not None else None
            with urllib.request.urlopen(request, data, 10, context=context) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def must(self, method, path, body=None):
        status, answer = self.ask(method, path, body)
        if status != 200:
            raise RuntimeError(f"{status} {answer}")
        return answer

    def silence(self, *matchers, comment="maintenance"):
        """Each as LABEL=VALUE, LABEL=~REGEX, LABEL!=VALUE or LABEL!~REGEX; active from now on, for an hour."""
        made = []
        for matcher in matchers:
            name, operator, value = re.fullmatch(r"(\w+)(=~|!=|!~|=)(.*)", matcher).groups()
            is_regex, is_equal = OPERATORS[operator]
            made.append({"name": name, "value": value, "isRegex": is_regex, "isEqual": is_equal})
        now = datetime.datetime.now(datetime.timezone.utc)
        body = {"matchers": made, "startsAt": now.isoformat(), "endsAt": (now + datetime.timedelta(hours=1)).isoformat(),
                "createdBy": "alice", "comment": comment}  # fmt: skip
        return self.must("POST", "/silences", body)["silenceID"]

    def recomment(self, silence, comment):
        """Somebody edits it: Alertmanager keeps the id then."""
        now = self.must("GET", f"/silence/{silence}")
        keys = ("id", "matchers", "startsAt", "endsAt", "createdBy")
        return self.must("POST", "/silences", {**{key: now[key] for key in keys}, "comment": comment})["silenceID"]

    def expire(self, silence):
        self.must("DELETE", f"/silence/{silence}")

    def state(self, silence):
        status, answer = self.ask("GET", f"/silence/{silence}")
        return answer["status"]["state"] if status == 200 else "none"

    def silences(self):
        return json.dumps(self.must("GET", "/silences"))

    def alert(self, *labels):
        """One that fires from now on; each label as NAME=VALUE, alertname among them or not."""
        named = {"alertname": "Down", **dict(label.split("=", 1) for label in labels)}
        self.must("POST", "/alerts", [{"labels": named}])

    def muted(self, *labels):
        """Whether the alert with these labels is silenced. Alertmanager decides that when an alert is asked for."""
        query = urllib.parse.urlencode([("filter", '{}="{}"'.format(*label.split("=", 1))) for label in labels])
        alerts = self.must("GET", f"/alerts?{query}")
        return "yes" if alerts and all(alert["status"]["silencedBy"] for alert in alerts) else "no"

    def pause(self):
        self.group.tell(signal.SIGSTOP)

    def resume(self):
        self.group.tell(signal.SIGCONT)


def main():
    end_when_told()
    folder = tempfile.mkdtemp(prefix="decom-alertmanager-")
    alertmanager = None
    try:
        alertmanager = Alertmanager(folder)
        alertmanager.start()
        ready = {"url": f"https://localhost:{alertmanager.port}", "ca": f"{folder}/tls/ca.pem", "user": "decom", "password": "decom-pw", "folder": folder}
        print(json.dumps(ready), flush=True)
        verbs = ("silence", "recomment", "expire", "state", "silences", "alert", "muted", "stop", "start", "pause", "resume")
        serve({verb: getattr(alertmanager, verb) for verb in verbs})
    finally:
        if alertmanager:
            alertmanager.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
