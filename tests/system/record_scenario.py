"""Systems that hold records, real ones, and what the tests of records ask of them by their own clients."""

import concurrent.futures
import contextlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

from scenario import SystemCase
from stack import PYTHON, ROOT, Child, wait_for

FORWARD = "lab.example.test"
REVERSE = "2.0.10.in-addr.arpa"
CMDB_CODE = """
import json, os, sys, urllib.request
verb, given = sys.argv[1], json.load(sys.stdin)
def say(**line): print(json.dumps(line), flush=True)
def cmdb(method, path):
    head = {"Authorization": "Bearer " + open("/run/secrets/TOKEN").read().strip()}
    request = urllib.request.Request(os.environ["CMDB"] + path, method=method, headers=head)
    return json.load(urllib.request.urlopen(request, timeout=60))
def image(host): return json.dumps(host, sort_keys=True)
try: hosts = {str(host["id"]): host for host in cmdb("GET", "/hosts")}
except OSError as e:
    denied = getattr(e, "code", 0) in (401, 403)
    say(type="result", status="denied" if denied else "retry", message=str(e))
    sys.exit()
control = hosts["1"]["name"]
if verb == "describe":
    say(type="result", status="ok", name="cmdb", version="1", control=control)
elif verb == "observe":
    for number, host in hosts.items():
        if host["name"] == given["machine"]["name"]:
            say(type="record", id=number, what="host " + host["name"], before=image(host),
                facts={"name": host["name"], "ip": host["ip"]})
    say(type="result", status="ok", control=control)
elif given["record"]["id"] not in hosts:
    say(type="result", status="gone")
elif image(hosts[given["record"]["id"]]) != given["record"]["before"]:
    say(type="result", status="changed")
else:
    try: cmdb("DELETE", "/hosts/" + given["record"]["id"])
    except urllib.error.HTTPError as e:
        if e.code != 403: raise
        say(type="result", status="denied", message=str(e))
        sys.exit()
    say(type="result", status="ok", message="deleted")
"""


def run_with_words(command, script, env=None):
    """Runs a program that has to succeed; what it said goes into the error."""
    done = subprocess.run(command, input=script, text=True, check=False, capture_output=True, env=env)
    if done.returncode:
        raise AssertionError(f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}\n{script}")


class RecordServer(Child):
    """A server of tests/records or tests/dns: JSON when ready, then a verb a line."""

    def __init__(self, script, log, *arguments):
        self.lock = threading.Lock()
        super().__init__([PYTHON, str(ROOT / script), *arguments], log)

    def stop(self):
        """Its own servers end with its standard input; told to end at once, it would leave them behind."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        super().stop()

    def tell(self, *words):
        with self.lock:
            self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
            self.process.stdin.flush()
            answer = self.process.stdout.readline().decode().strip()
        if answer.startswith("error") or not answer:
            raise RuntimeError(f"{words}: {answer}")
        return answer.removeprefix("ok").strip()


class Cmdb:
    """A site's own inventory: GET /hosts, DELETE /hosts/ID, with a token."""

    def __init__(self):
        self.hosts = {1: {"id": 1, "name": "cmdb", "ip": "127.0.0.1"}}
        self.log = []
        self.token = "t0ken-of-the-cmdb"
        self.reader = "t0ken-that-may-read"
        self.returning = set()  # names that somebody enters again as soon as they are deleted
        self.lock = threading.Lock()
        self.server = None
        self.port = 0
        self.up()

    def up(self):
        cmdb = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def handle_any(self):
                with cmdb.lock:
                    cmdb.log.append(f"{self.command} {self.path}")
                    token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                    if token not in (cmdb.token, cmdb.reader):
                        return self.answer(401, {"error": "who are you?"})
                    if self.command == "GET":
                        return self.answer(200, list(cmdb.hosts.values()))
                    if token == cmdb.reader:
                        return self.answer(403, {"error": "you may read"})
                    number = int(self.path.rsplit("/", 1)[1])
                    gone = cmdb.hosts.pop(number, None)
                    if gone and gone["name"] in cmdb.returning:
                        cmdb.hosts[number] = dict(gone)
                    return self.answer(200 if gone else 404, gone or {})

            do_GET = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def down(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, number, name, address):
        with self.lock:
            self.hosts[number] = {"id": number, "name": name, "ip": address}

    def has(self, name):
        with self.lock:
            return any(host["name"] == name for host in self.hosts.values())

    def deletions(self):
        with self.lock:
            return [line for line in self.log if line.startswith("DELETE")]


def toml(value):
    return json.dumps(value)


class RecordCase(SystemCase):
    """DNS, Icinga 2, Zabbix and a CMDB of the site, one of each for all cases of a file."""

    silences = False  # whether the recipes that are shipped keep what they say of silences

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = contextlib.ExitStack()
        cls.addClassCleanup(cls.servers.close)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="decom-records-"))
        cls.servers.callback(shutil.rmtree, folder, True)

        def start(script, *arguments):
            server = RecordServer(script, folder / (pathlib.Path(script).stem + ".log"), *arguments)
            cls.servers.callback(server.stop)
            return server

        scripts = ("tests/dns/dns_server.py", "tests/records/icinga_server.py", "tests/records/zabbix_server.py")
        with concurrent.futures.ThreadPoolExecutor() as side_by_side:
            cls.dns, cls.icinga, cls.zabbix = side_by_side.map(start, scripts)
        cls.cmdb = Cmdb()
        cls.servers.callback(cls.cmdb.down)

    # ---- what is there
    def nsupdate(self, *lines):
        """Each line is an update of its own. Over TCP: a busy server that is asked twice by UDP answers the second one as it likes."""
        facts = self.dns.facts
        script = f"server {facts['address']} {facts['port']}\n"
        for line in lines:
            zone = FORWARD if line.split()[1].endswith(FORWARD) else REVERSE
            script += f"zone {zone}\nupdate {line}\nsend\n"
        run_with_words(["nsupdate", "-v", "-k", facts["keys"]["admin-key"]], script)

    def dig(self, name, kind):
        facts = self.dns.facts
        found = subprocess.run(
            ["dig", f"@{facts['address']}", "-p", str(facts["port"]), "+short", name, kind], text=True, check=True, capture_output=True
        ).stdout
        return sorted(found.splitlines())

    def reverse(self, address):
        return ".".join(reversed(address.split("."))) + ".in-addr.arpa"

    def enter_everywhere(self, number, name, address):
        """The machine, as people have entered it in every system over the years."""
        self.nsupdate(
            f"add {name}.{FORWARD} 300 A {address}",
            f"add {name}.{FORWARD} 300 TXT \"rack 7\"",
            f"add {name}-alias.{FORWARD} 300 CNAME {name}.{FORWARD}",
            f"add {self.reverse(address)} 300 PTR {name}.{FORWARD}",
        )
        self.icinga.tell("host", name, address)
        self.zabbix.tell("host", name, address)
        self.cmdb.add(number, name, address)

    def knowers(self, name, address):
        """Which systems still know it, asked by their own clients."""
        known = set()
        if self.dig(f"{name}.{FORWARD}", "A") or self.dig(f"{name}.{FORWARD}", "TXT") or self.dig(f"{name}-alias.{FORWARD}", "CNAME"):
            known.add("dns")
        if self.dig(self.reverse(address), "PTR"):
            known.add("ptr")
        known |= {system for system in ("icinga", "zabbix") if self.exists(getattr(self, system), name)}
        if self.cmdb.has(name):
            known.add("cmdb")
        if name.upper() in self.domain.computers():
            known.add("ad")
        return known

    def quiet(self, name):
        """In how many downtimes and maintenances it is, by Icinga itself and by Zabbix's database."""
        return {"icinga": int(self.icinga.tell("depth", name)), "zabbix": int(self.zabbix.tell("maintained", name))}

    @staticmethod
    def wait_lifted(stack, person, request):
        """What is said of each silence once it was lifted."""
        token = stack.token(person)

        def said():
            steps = stack.api("GET", f"/v1/requests/{request}", token=token)[1]["machines"][0]["steps"]
            lifts = {s["name"]: one for s in steps for one in s["aftercare"] if one["kind"] == "lift"}
            return lifts and all(one["state"] == "done" for one in lifts.values()) and {name: one["said"] for name, one in lifts.items()}

        return wait_for(said, 60, "every silence is lifted")

    @staticmethod
    def exists(server, name):
        return server.tell("exists", name) in ("true", "yes", "1")

    # ---- the configuration
    def records_stack(self, vcenter, systems=("dns", "icinga", "zabbix", "cmdb"), extra="", **daemon):
        stack = self.stack(vcenter, daemon=daemon, extra=extra + '[language.python]\ncommand = ["python3", "-c", "{}"]\n')
        folder = stack.folder / "etc" / "records.d"
        folder.mkdir(mode=0o700)
        for system in systems:
            (folder / f"{system}.toml").write_text(getattr(self, f"{system}_definition")(stack))
        return stack

    @staticmethod
    def secret(stack, name, text):
        path = stack.folder / "etc" / name
        path.write_text(text)
        os.chmod(path, 0o600)

    def dns_definition(self, stack):
        facts = self.dns.facts
        self.secret(stack, "dns.key", pathlib.Path(facts["keys"]["decom-key"]).read_text())
        return f"""kind = "dns"
server = {toml(facts["server"])}
zones = ["{FORWARD}", "{REVERSE}"]
timeout = "2s"
[tsig]
name = "decom-key"
algorithm = "hmac-sha256"
secret_file = "dns.key"
"""

    def shipped(self, name, /, **changes):
        """The recipe that is shipped, with what its head tells people to change."""
        text = (ROOT / f"packaging/records.d/{name}.toml").read_text()
        if not self.silences:
            text = text.partition("\n[silence]\n")[0]
        for old, new in changes.values():
            if old not in text:
                raise AssertionError(f"{name}.toml does not say {old}")
            text = text.replace(old, new)
        return text

    def icinga_definition(self, stack):
        self.secret(stack, "icinga.password", "decom-pw\n")
        facts = self.icinga.facts
        return self.shipped(
            "icinga2", url=("https://icinga.example.com:5665/v1", facts["url"]), ca=('"icinga-ca.pem"', toml(facts["ca"]))
        )

    def zabbix_definition(self, stack):
        facts = self.zabbix.facts
        self.secret(stack, "zabbix.token", facts["tokens"]["decom"] + "\n")
        return self.shipped("zabbix", url=("https://zabbix.example.com/zabbix", facts["url"]), ca=('ca_file = "zabbix-ca.pem"\n', ""))

    def alertmanager_definition(self, stack):
        """Of a server that a case has started itself."""
        self.secret(stack, "alertmanager.password", "decom-pw\n")
        facts = self.alertmanager.facts
        return self.shipped(
            "alertmanager", url=("https://alertmanager.example.com:9093", facts["url"]), ca=('"alertmanager-ca.pem"', toml(facts["ca"]))
        )

    def cmdb_definition(self, stack):
        self.secret(stack, "cmdb.token", self.cmdb.token + "\n")
        return f"""kind = "exec"
language = "python"
env = {{ CMDB = "http://127.0.0.1:{self.cmdb.port}" }}
secrets = {{ TOKEN = "cmdb.token" }}
network = true
code = '''{CMDB_CODE}'''
"""
