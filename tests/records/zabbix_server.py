#!/usr/bin/python3
"""Runs Zabbix's front end, with its API, on PostgreSQL; see README.md. Prints one line of JSON when it is ready."""

import fcntl
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from leash import Group, free_port, serve, wait_until, workplace  # noqa: E402
from postgres import Postgres  # noqa: E402
from zabbix_seven import Seven  # noqa: E402

FRONT_END = "/usr/share/zabbix"
SQL = "/usr/share/zabbix-server-pgsql"
SCRIPTS = ("schema.sql.gz", "images.sql.gz", "data.sql.gz")

CONFIG = """<?php
$DB['TYPE'] = 'POSTGRESQL';
$DB['SERVER'] = '127.0.0.1';
$DB['PORT'] = '{port}';
$DB['DATABASE'] = 'zabbix';
$DB['USER'] = 'postgres';
$DB['PASSWORD'] = '';
$DB['SCHEMA'] = '';
$DB['ENCRYPTION'] = false;
$DB['DOUBLE_IEEE754'] = true;
$ZBX_SERVER_NAME = 'test';
"""


def cached_database():
    """A cluster with Zabbix's schema and data, as a tarball; made once, in about ten seconds."""
    cache = os.environ.get("DECOM_TEST_CACHE") or os.path.expanduser("~/.cache/decom-tests")
    os.makedirs(cache, exist_ok=True)
    key = hashlib.sha256(subprocess.run(["/usr/lib/postgresql/15/bin/postgres", "--version"], capture_output=True, check=True).stdout)
    for script in SCRIPTS:
        with open(f"{SQL}/{script}", "rb") as part:
            key.update(part.read())
    tarball = f"{cache}/zabbix-{key.hexdigest()[:24]}.tar.zst"
    with open(f"{cache}/zabbix.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(tarball):
            with tempfile.TemporaryDirectory(prefix="decom-zabbix-") as work:
                database = Postgres(f"{work}/pg")
                database.create()
                database.start()
                try:
                    database.ask("postgres", "create database zabbix")
                    for script in SCRIPTS:
                        with gzip.open(f"{SQL}/{script}", "rt", encoding="utf-8") as source:
                            database.load("zabbix", source.read())
                finally:
                    database.stop()
                subprocess.run(["tar", "--zstd", "-cf", tarball + ".new", "-C", work, "pg"], check=True)
                os.rename(tarball + ".new", tarball)
    return tarball


class Zabbix:
    def __init__(self, folder):
        self.folder = folder
        subprocess.run(["tar", "--zstd", "-xf", cached_database(), "-C", folder], check=True)
        self.database = Postgres(f"{folder}/pg")
        self.port = free_port()
        self.group = None
        self.session = None
        shutil.copytree(FRONT_END, f"{folder}/web", symlinks=True, ignore=shutil.ignore_patterns("assets", "fonts", "audio"))
        core = f"{folder}/web/include/classes/core/CConfigFile.php"
        with open(core, encoding="utf-8") as source:
            text = source.read()
        with open(core, "w", encoding="utf-8") as out:
            out.write(text.replace("/etc/zabbix/zabbix.conf.php", f"{folder}/zabbix.conf.php"))
        with open(f"{folder}/zabbix.conf.php", "w", encoding="utf-8") as out:
            out.write(CONFIG.format(port=self.database.port))

    def start(self):
        self.database.start()
        settings = {"max_input_time": 300, "max_execution_time": 300, "post_max_size": "16M", "memory_limit": "256M", "date.timezone": "UTC"}
        flags = [word for key, value in settings.items() for word in ("-d", f"{key}={value}")]
        self.group = Group(
            ["php", *flags, "-S", f"127.0.0.1:{self.port}", "-t", f"{self.folder}/web"], f"{self.folder}/php.log",
            env={**os.environ, "PHP_CLI_SERVER_WORKERS": "4"},
        )  # fmt: skip
        wait_until(self.is_ready, "zabbix_server", self.group)

    def is_ready(self):
        try:
            return bool(self.call("apiinfo.version", {}, None))
        except (OSError, RuntimeError):
            return False

    def call(self, method, parameters, auth="session"):
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        if auth:
            body["auth"] = self.session
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api_jsonrpc.php", json.dumps(body).encode(), {"Content-Type": "application/json-rpc"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        reply = json.loads(text)
        if "result" not in reply:
            raise RuntimeError(f"{method}: {reply.get('error', reply)}")
        return reply["result"]

    def furnish(self):
        """Three accounts with tokens. Groups: 'machines', and that of the host 'Zabbix server', 'Zabbix servers'."""
        self.session = self.call("user.login", {"username": "Admin", "password": "zabbix"}, None)
        self.machines = self.call("hostgroup.create", {"name": "machines"})["groupids"][0]
        known = self.call("host.get", {"output": ["host"], "selectGroups": ["groupid"], "filter": {"host": ["Zabbix server"]}})
        canary = known[0]["groups"][0]["groupid"]
        tokens = {}
        # What an account may do with the machines, and with the host of the control: 3 write, 2 read, 0 nothing.
        for user, of_machines, of_canary in (("decom", 3, 3), ("reader", 2, 3), ("nobody", 0, 0)):
            rights = [{"id": group, "permission": right} for group, right in ((self.machines, of_machines), (canary, of_canary)) if right]
            group = self.call("usergroup.create", {"name": user, "rights": rights})["usrgrpids"][0]
            made = self.call("user.create", {"username": user, "passwd": "Str0ng.pass.word", "roleid": "2", "usrgrps": [{"usrgrpid": group}]})
            token = self.call("token.create", [{"name": user, "userid": made["userids"][0]}])["tokenids"][0]
            tokens[user] = self.call("token.generate", [token])[0]["token"]
        return tokens

    def host(self, name, address):
        interface = {"type": 1, "main": 1, "useip": 1, "ip": address, "dns": "", "port": "10050"}
        return self.call("host.create", {"host": name, "groups": [{"groupid": self.machines}], "interfaces": [interface]})["hostids"][0]

    def maintenance(self, host):
        """With that host alone: Zabbix refuses to remove it then."""
        period = {"timeperiod_type": 0, "period": 3600}
        self.call("maintenance.create", {"name": f"of {host}", "active_since": 1, "active_till": 2000000000, "hosts": [{"hostid": host}], "timeperiods": [period]})

    def maintained(self, name):
        """In how many maintenances that host is, by the database's own client."""
        return self.database.ask(
            "zabbix", f"select count(*) from maintenances_hosts m join hosts h on h.hostid = m.hostid where h.host = '{name}'"
        )

    def maintenances(self):
        """How many there are at all."""
        return self.database.ask("zabbix", "select count(*) from maintenances")

    def exists(self, name):
        """By the database's own client."""
        return "yes" if self.database.ask("zabbix", f"select count(*) from hosts where host = '{name}'") != "0" else "no"

    def sessions(self):
        return self.database.ask("zabbix", "select count(*) from sessions where status = 0")

    def log_out_all(self):
        self.database.ask("zabbix", "delete from sessions")


def main():
    with workplace("zabbix") as folder:
        zabbix = Zabbix(folder)
        zabbix.start()
        tokens = zabbix.furnish()
        url = f"http://127.0.0.1:{zabbix.port}"
        print(json.dumps({"url": url, "url_as_seven": Seven(url).url, "tokens": tokens, "folder": folder}), flush=True)
        serve({"host": zabbix.host, "maintenance": zabbix.maintenance, "exists": zabbix.exists, "maintained": zabbix.maintained,
               "maintenances": zabbix.maintenances, "sessions": zabbix.sessions,
               "log_out_all": zabbix.log_out_all, "stop_database": zabbix.database.stop, "start_database": zabbix.database.start})  # fmt: skip


if __name__ == "__main__":
    main()
