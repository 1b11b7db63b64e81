#!/usr/bin/python3
"""Runs PuppetDB on PostgreSQL on free loopback ports; see README.md. Prints one line of JSON when it is ready."""

import contextlib
import datetime
import json
import os
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
from postgres import AS_POSTGRES, BIN, Postgres  # noqa: E402

JAR = "/usr/share/puppetdb/puppetdb.jar"
CONFIG = """
[global]
vardir = {folder}/var
logging-config = {folder}/logback.xml
[puppetdb]
certificate-allowlist = {folder}/allowed
disable-update-checking = true
[database]
subname = //127.0.0.1:{database}/puppetdb
username = postgres
password = none
gc-interval = 0
maximum-pool-size = 8
[jetty]
ssl-host = 127.0.0.1
ssl-port = {port}
ssl-cert = {folder}/tls/localhost.pem
ssl-key = {folder}/tls/localhost.key
ssl-ca-cert = {folder}/tls/ca.pem
client-auth = need
[nrepl]
enabled = false
"""
LOGBACK = """<configuration>
  <appender name="F" class="ch.qos.logback.core.FileAppender"><file>{folder}/puppetdb.log</file>
    <encoder><pattern>%d %-5p [%c{{2}}] %m%n</pattern></encoder></appender>
  <root level="info"><appender-ref ref="F" /></root>
</configuration>
"""


class PuppetDb:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.group = self.holder = None
        self.database = Postgres(f"{folder}/pg")
        for name in ("var", "tls", "other", "conf.d"):
            os.mkdir(f"{folder}/{name}")
        for name in ("localhost", "decom", "nobody"):
            issue(f"{folder}/tls", name)
        issue(f"{folder}/other", "decom")  # by another authority
        texts = {"allowed": "localhost\ndecom\n", "logback.xml": LOGBACK, "conf.d/config.ini": CONFIG}
        for name, text in texts.items():
            with open(f"{folder}/{name}", "w", encoding="ascii") as out:
                out.write(text.format(folder=folder, port=self.port, database=self.database.port))
        shutil.copy("/etc/puppetdb/conf.d/auth.conf", f"{folder}/conf.d/auth.conf")
        self.context = ssl.create_default_context(cafile=f"{folder}/tls/ca.pem")
        self.context.load_cert_chain(f"{folder}/tls/localhost.pem", f"{folder}/tls/localhost.key")

    def create(self):
        self.database.create()
        self.database.start()
        self.database.ask("postgres", "create database puppetdb")
        self.database.ask("puppetdb", "create extension pg_trgm")

    def begin(self):
        """Starts it, and does not wait until it answers."""
        self.group = Group(
            ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djava.security.egd=file:/dev/urandom", "-cp", JAR,
             "clojure.main", "-m", "puppetlabs.puppetdb.core", "services", "--config", f"{self.folder}/conf.d",
             "--bootstrap-config", "/etc/puppetdb/bootstrap.cfg", "--restart-file", f"{self.folder}/restart"],
            f"{self.folder}/java.log",
        )  # fmt: skip

    def start(self):
        self.begin()
        wait_until(self.is_ready, "puppetdb_server", self.group, patience=150)

    def stop(self):
        if self.group:
            self.group.end(signal.SIGKILL)  # its queue is on disk, and a slow end would be the tests' time
        self.group = None

    def end(self):
        self.release()
        self.stop()
        self.database.stop()

    def is_ready(self):
        try:
            return self.ask("GET", "/status/v1/simple") == "running"
        except (OSError, ValueError):
            return False

    def ask(self, method, path, body=None, timeout=30):
        request = urllib.request.Request(f"https://localhost:{self.port}{path}", json.dumps(body).encode() if body else None, method=method)
        request.add_header("Content-Type", "application/json")
        request.add_header("Accept", "application/json, text/plain")
        with urllib.request.urlopen(request, timeout=timeout, context=self.context) as answer:
            text = answer.read().decode()
        return json.loads(text) if text[:1] in "[{" else text

    def command(self, command, version, name, payload):
        query = urllib.parse.urlencode({"command": command, "version": version, "certname": name, "secondsToWaitForCompletion": 60})
        answer = self.ask("POST", f"/pdb/cmd/v1?{query}", payload, 90)
        if not answer.get("processed"):
            raise RuntimeError(answer)

    def facts(self, name, address, uuid, later="0"):
        """As an agent's run brings them, `later` seconds from now by the clock of its server."""
        host, _, domain = name.partition(".")
        values = {"networking": {"ip": address, "fqdn": name, "hostname": host, "domain": domain}, "dmi": {"product": {"uuid": uuid}}}
        stamp = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=int(later))).isoformat()
        payload = {"certname": name, "environment": "production", "producer": "localhost", "producer_timestamp": stamp, "values": values}
        self.command("replace_facts", 5, name, payload)

    def deactivate(self, name):
        self.command("deactivate_node", 3, name, {"certname": name})

    def state(self, name):
        """By the database's own client: none, active or deactivated."""
        seen = self.database.ask("puppetdb", f"select deactivated is null from certnames where certname = '{name}'")
        return {"": "none", "t": "active", "f": "deactivated"}[seen]

    def hold(self):
        """From here on commands are taken and not processed: somebody else has locked what they change."""
        statement = "begin; lock table certnames in exclusive mode; select pg_sleep(600)"
        where = ["-h", "127.0.0.1", "-p", str(self.database.port), "-U", "postgres", "-d", "puppetdb", "-c", statement]
        self.holder = Group([*AS_POSTGRES, f"{BIN}/psql", *where], f"{self.folder}/holder.log")
        query = "select count(*) from pg_locks l join pg_class c on c.oid = l.relation where c.relname = 'certnames' and mode = 'ExclusiveLock' and granted"
        wait_until(lambda: self.database.ask("puppetdb", query) != "0", "the lock", self.holder)

    def release(self):
        if self.holder:
            self.holder.end(signal.SIGINT)
            with contextlib.suppress(RuntimeError):  # the server notices a lost client when it answers
                self.database.ask("puppetdb", "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(600)%' and pid <> pg_backend_pid()")
        self.holder = None

    def release_when_queued(self):
        """Not before a command waits in the queue."""
        wait_until(lambda: any(files for _, _, files in os.walk(f"{self.folder}/var/stockpile/cmd/q")), "the queue", self.group)
        self.release()

    def pause(self):
        self.group.tell(signal.SIGSTOP)

    def resume(self):
        self.group.tell(signal.SIGCONT)


def main():
    end_when_told()
    folder = tempfile.mkdtemp(prefix="decom-puppetdb-")
    puppetdb = None
    try:
        puppetdb = PuppetDb(folder)
        puppetdb.create()
        puppetdb.start()
        ready = {"url": f"https://localhost:{puppetdb.port}", "ca": f"{folder}/tls/ca.pem", "certificates": f"{folder}/tls", "strangers": f"{folder}/other", "folder": folder}
        print(json.dumps(ready), flush=True)
        verbs = ("facts", "deactivate", "state", "hold", "release", "release_when_queued", "begin", "start", "stop", "pause", "resume")
        serve({**{verb: getattr(puppetdb, verb) for verb in verbs},
               "stop_database": puppetdb.database.stop, "start_database": puppetdb.database.start})  # fmt: skip
    finally:
        if puppetdb:
            puppetdb.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
