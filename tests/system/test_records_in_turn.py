#!/usr/bin/python3
"""Each record system in each fault, one request a fault with all systems side by side; prints the matrix and asserts each cell."""

import base64
import json
import pathlib
import ssl
import subprocess
import sys
import urllib.request

from fault_proxy import FaultProxy, http_500, servfail
from record_scenario import FORWARD, RecordCase, toml
from scenario import computer, machine
from stack import main_of, wait_for

CORP = "corp.example.test"
# What the machine, and with it its request, ends in while the fault lasts; and once it is over, by itself.
MACHINES = {
    "down": ("holding", "succeeded"),
    "slow": ("holding", "succeeded"),
    "error": ("holding", "failed"),  # by dns: below
    "credential": ("failed", "failed"),
    "no_right": ("failed", "failed"),
    "gone": ("succeeded", "succeeded"),
    "returned": ("succeeded", "succeeded"),
    "other": ("succeeded", "succeeded"),
}
OWN = ("succeeded", "removed", "removed from Active Directory")  # the directory has no fault in this column
NOT_THERE = ("warned", "removed", "not visible now, and not removed by us")
MATRIX = {
    "ad_computer": {
        "down": OWN,
        "slow": OWN,
        "error": OWN,
        "credential": OWN,
        "no_right": ("failed", "kept", "has no right to"),
        "gone": NOT_THERE,
        "returned": ("warned", "kept", "it is not among those that were shown"),
        "other": OWN,  # the account is the machine's own; what is another's is in the other systems
    },
    "dns": {
        "down": ("deferred", "kept", "Connection refused"),
        "slow": ("deferred", "kept", "did not answer in time"),
        "error": ("failed", "kept", "does not sign its answer"),  # anybody on the way can say SERVFAIL without the key
        "credential": ("failed", "kept", "BADSIG"),
        "no_right": ("failed", "kept", "REFUSED"),
        "gone": NOT_THERE,
        "returned": ("succeeded", "removed", "removed from dns"),  # the very data that was shown
        "other": ("warned", "kept", "its address is another"),
    },
    "adns": {
        "down": ("deferred", "kept", "Connection refused"),
        "slow": ("deferred", "kept", "did not answer in time"),
        "error": ("deferred", "kept", "SERVFAIL"),
        "credential": ("failed", "kept", "adns.keytab"),
        "no_right": ("failed", "kept", "may not"),
        "gone": NOT_THERE,
        "returned": ("succeeded", "removed", "removed from adns"),
        "other": ("warned", "kept", "its address is another"),
    },
    "icinga": {
        "down": ("deferred", "kept", "cannot be reached"),
        "slow": ("deferred", "kept", "no whole answer came back"),
        "error": ("deferred", "kept", "HTTP 500"),
        "credential": ("failed", "kept", "the credential is refused"),
        "no_right": ("failed", "kept", "no right"),
        "gone": NOT_THERE,
        "returned": ("succeeded", "removed", "removed from icinga"),  # Icinga's id is the name
        "other": ("warned", "kept", "the machine's is"),
    },
    "zabbix": {
        "down": ("deferred", "kept", "cannot be reached"),
        "slow": ("deferred", "kept", "no whole answer came back"),
        "error": ("deferred", "kept", "HTTP 500"),
        "credential": ("failed", "kept", "the credential is refused"),
        "no_right": ("failed", "kept", "no right"),
        "gone": NOT_THERE,
        "returned": ("warned", "kept", "it is not among those that were shown"),
        "other": ("warned", "kept", "the machine's is"),
    },
    "cmdb": {
        "down": ("deferred", "kept", "Connection refused"),
        "slow": ("deferred", "kept", ""),  # who gives up first, the program or its deadline, is chance
        "error": ("deferred", "kept", "HTTP Error 500"),
        "credential": ("failed", "kept", "401"),
        "no_right": ("failed", "kept", "403"),
        "gone": NOT_THERE,
        "returned": ("succeeded", "removed", "removed from cmdb"),
        "other": ("warned", "kept", "the machine's is"),
    },
}


def basic(user):
    return base64.b64encode(f"{user}:{user}-pw".encode())


class InTurn(RecordCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        icinga, zabbix = cls.icinga.facts, cls.zabbix.facts
        tls = f"{icinga['folder']}/tls/localhost"
        port = int(icinga["url"].split(":")[2].split("/")[0])
        cls.proxies = {
            "dns": FaultProxy((cls.dns.facts["address"], cls.dns.facts["port"]), servfail),
            "adns": FaultProxy((cls.domain.facts["address"], 53), servfail),
            "icinga": FaultProxy(("localhost", port), http_500, (f"{tls}.pem", f"{tls}.key", icinga["ca"])),
            "zabbix": FaultProxy(("127.0.0.1", int(zabbix["url"].rsplit(":", 1)[1])), http_500),
            "cmdb": FaultProxy(("127.0.0.1", cls.cmdb.port), http_500),
        }
        for proxy in cls.proxies.values():
            cls.servers.callback(proxy.down)

    # ---- definitions, each through its proxy
    def through(self, text, old, system, new=None):
        self.assertIn(old, text)
        return text.replace(old, new or old.rsplit(":", 1)[0] + f":{self.proxies[system].port}")

    def dns_definition(self, stack):
        return self.through(super().dns_definition(stack), self.dns.facts["server"], "dns")

    def adns_definition(self, stack):
        facts = self.domain.facts
        path = stack.folder / "etc" / "adns.keytab"
        path.write_bytes(pathlib.Path(facts["keytabs"]["svc-decom"]).read_bytes())
        path.chmod(0o600)
        return f"""kind = "dns"
server = "127.0.0.1:{self.proxies["adns"].port}"
zones = ["{CORP}"]
timeout = "2s"
[gss]
keytab_file = "adns.keytab"
principal = "svc-decom@{facts["realm"]}"
service = "DNS/{facts["host"]}"
"""

    def icinga_definition(self, stack):
        text = self.through(super().icinga_definition(stack), self.icinga.facts["url"], "icinga", f"https://localhost:{self.proxies['icinga'].port}/v1")
        return text.replace('name = "icinga"\n', 'name = "icinga"\ntimeout = "3s"\n', 1)

    def zabbix_definition(self, stack):
        text = self.through(super().zabbix_definition(stack), self.zabbix.facts["url"], "zabbix")
        return text.replace('name = "zabbix"\n', 'name = "zabbix"\ntimeout = "3s"\n', 1)

    def cmdb_definition(self, stack):
        text = self.through(super().cmdb_definition(stack), f"http://127.0.0.1:{self.cmdb.port}", "cmdb")
        return text.replace("network = true\n", 'network = true\ntimeout = "4s"\n', 1)

    # ---- the servers' own clients
    def samba_dns(self, *lines):
        facts = self.domain.facts
        env = {"PATH": "/usr/bin:/bin", "KRB5_CONFIG": facts["krb5_conf"], "KRB5CCNAME": f"FILE:{self.class_folder}/administrator.ccache"}
        who = facts["administrator"]
        subprocess.run(["kinit", f"{who['sam']}@{facts['realm']}"], input=who["password"] + "\n", text=True, check=True, capture_output=True, env=env)
        for line in lines:  # nsupdate cannot verify what Samba signs: its status says nothing
            subprocess.run(["nsupdate", "-g"], input=f"server {facts['address']}\nupdate {line}\nsend\n", text=True, check=False, capture_output=True, env=env)

    def samba_has(self, name):
        found = subprocess.run(["dig", f"@{self.domain.facts['address']}", "+short", f"{name}.{CORP}", "A"], text=True, check=True, capture_output=True)
        return found.stdout.strip()

    def ask_icinga(self, method, path, body=None):
        context = ssl.create_default_context(cafile=self.icinga.facts["ca"])
        request = urllib.request.Request(self.icinga.facts["url"] + path, None if body is None else json.dumps(body).encode(), method=method)
        request.add_header("Accept", "application/json")
        request.add_header("Authorization", "Basic " + basic("root").decode())
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            return json.load(answer)

    def ask_zabbix(self, method, parameters):
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters, "auth": self.zabbix.facts["tokens"]["decom"]}
        url = self.zabbix.facts["url"] + "/api_jsonrpc.php"
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json-rpc"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["result"]

    def enter(self, fault, other=False):
        """The machine in every system; with `other` under another machine's address."""
        name, address = self.made[fault]
        address = f"10.0.2.{int(address.rsplit('.', 1)[1]) + 100}" if other else address
        self.enter_everywhere(int(address.rsplit(".", 1)[1]), name, address)
        self.samba_dns(f"add {name}.{CORP} 300 A {address}")
        self.domain.control("add-computers", [computer(name)])

    def remove(self, fault):
        """By somebody else."""
        name, address = self.made[fault]
        self.nsupdate(f"delete {name}.{FORWARD}", f"delete {name}-alias.{FORWARD}")
        self.nsupdate(f"delete {self.reverse(address)}")
        self.samba_dns(f"delete {name}.{CORP}")
        self.ask_icinga("DELETE", f"/objects/hosts/{name}?cascade=1")
        self.ask_zabbix("host.delete", [h["hostid"] for h in self.ask_zabbix("host.get", {"output": ["hostid"], "filter": {"host": [name]}})])
        with self.cmdb.lock:
            self.cmdb.hosts.pop(int(address.rsplit(".", 1)[1]))
        self.domain.control("delete-computer", name.upper())

    def holders(self, fault):
        name, address = self.made[fault]
        known = {"ad_computer" if k == "ad" else "dns" if k == "ptr" else k for k in self.knowers(name, address)}
        return known | ({"adns"} if self.samba_has(name) else set())

    # ---- faults: what happens between plan and step
    def mode(self, mode):
        for proxy in self.proxies.values():
            proxy.mode = mode

    def every_proxy(self, verb):
        for proxy in self.proxies.values():
            getattr(proxy, verb)()

    def wrong_credentials(self):
        self.kept = {f: (self.etc / f).read_bytes() for f in ("dns.key", "adns.keytab", "icinga.password", "zabbix.token", "cmdb.token")}
        other_key = pathlib.Path(self.dns.facts["keys"]["other-key"]).read_text().replace("other-key", "decom-key")
        (self.etc / "dns.key").write_text(other_key)
        (self.etc / "adns.keytab").write_bytes(pathlib.Path(self.domain.facts["keytabs"]["svc-noright"]).read_bytes())
        for file in ("icinga.password", "zabbix.token", "cmdb.token"):
            (self.etc / file).write_text("not-this-one\n")

    def right_credentials(self):
        for file, data in self.kept.items():
            (self.etc / file).write_bytes(data)

    def no_right(self):
        """The account may read, and not remove."""
        sid = self.domain.control("user", "svc-decom")["sid"]
        name = self.made["no_right"][0]
        base = self.domain.facts["base_dn"]
        self.domain.control("add-ace", self.domain.control("computer", name.upper())["dn"], f"(D;;SD;;;{sid})")
        self.domain.control("add-ace", f"DC={name},DC={CORP},CN=MicrosoftDNS,DC=DomainDnsZones,{base}", f"(D;;SDWP;;;{sid})")
        self.proxies["icinga"].replace = (basic("decom"), basic("reader"))
        self.kept = {"zabbix.token": (self.etc / "zabbix.token").read_bytes()}
        (self.etc / "zabbix.token").write_text(self.zabbix.facts["tokens"]["reader"] + "\n")
        self.cmdb.read_only = True
        self.named_conf = pathlib.Path(self.dns.facts["dir"]) / "named.conf"
        self.policy = self.named_conf.read_text()
        self.restart_named(self.policy.replace("grant decom-key ", "deny decom-key "))

    def restart_named(self, text):
        self.named_conf.write_text(text)
        self.dns.tell("down")
        self.dns.tell("up")

    def right_again(self):
        self.cmdb.read_only = False
        self.restart_named(self.policy)
        self.proxies["icinga"].replace = None
        self.right_credentials()

    def returned(self):
        self.remove("returned")
        self.enter("returned")

    def plan_with_all_read(self, fault):
        """A plan is offered too where a system could not be read in time; such a system is none of this table's faults."""
        unread = []

        def read():
            status, plan = self.running.api("POST", "/v1/plans", {"machines": [self.made[fault][0]]}, self.token)
            self.assertEqual(status, 201, plan)
            unread[:] = [s for s in plan["machines"][0]["steps"] if s["observation"] in ("unread", "unknown")]
            return None if unread else plan

        return wait_for(read, 60, lambda: f"a plan for {fault} for which every system was read: {unread}")

    def run_fault(self, fault):
        before, after = {
            "down": (lambda: self.every_proxy("down"), lambda: self.every_proxy("up")),
            "slow": (lambda: self.mode("slow"), lambda: self.mode("pass")),
            "error": (lambda: self.mode("error"), lambda: self.mode("pass")),
            "credential": (self.wrong_credentials, self.right_credentials),
            "no_right": (self.no_right, self.right_again),
            "gone": (lambda: self.remove("gone"), lambda: None),
            "returned": (self.returned, lambda: None),
            "other": (lambda: None, lambda: None),
        }[fault]
        plan = self.plan_with_all_read(fault)
        before()
        try:
            status, made = self.running.api("POST", "/v1/requests", {"plan": plan["plan"], "hash": plan["hash"]}, self.token)
            self.assertEqual(status, 202, made)
            detail, steps = self.first_ends(made["id"]) if MACHINES[fault][0] == "holding" else self.ends(made["id"])
            held = self.holders(fault)
        finally:
            after()
        end = MACHINES[fault][1]  # what waited ends by itself, before the next fault begins
        last = {}

        def over():
            last.update(self.running.wait_settled("alice", made["id"]))
            return last["machines"][0]["state"] == end

        wait_for(over, 150, lambda: f"{fault}: {end}, but {self.states_of(last)}")
        return detail, steps, held

    @staticmethod
    def states_of(detail):
        machine = detail["machines"][0]
        return machine["state"], {s["name"]: (s["state"], s["attempts"], s["not_before"], s["message"]) for s in machine["steps"]}

    def ends(self, request):
        detail = self.running.wait_settled("alice", request)
        return detail, {s["name"]: s for s in detail["machines"][0]["steps"]}

    def first_ends(self, request):
        """How the first try of each step ended. The machine holds between tries, and runs while any step tries again."""
        first = {}

        def all_seen():
            detail = self.running.api("GET", f"/v1/requests/{request}", token=self.token)[1]
            for step in detail["machines"][0]["steps"]:
                if step["state"] not in ("pending", "running"):
                    first.setdefault(step["name"], step)
            found = detail["machines"][0]
            if found["state"] == "running":
                found["state"] = detail["state"] = "holding"
            return detail if set(MATRIX) <= set(first) else None

        return wait_for(all_seen, 60, f"the end of each step's first try: {first}"), first

    def test_matrix(self):
        self.made = {fault: (f"t-{fault.replace('_', '-')}", f"10.0.2.{n + 20}") for n, fault in enumerate((*MACHINES, "bystander"))}
        for fault in self.made:
            self.enter(fault, other=fault == "other")
        served = self.vcenter([machine(name, "windows", ips=[address]) for name, address in self.made.values()])
        self.running = self.records_stack(served, systems=("dns", "adns", "icinga", "zabbix", "cmdb"))
        self.etc = self.running.folder / "etc"
        self.running.start(env={"KRB5_CONFIG": self.domain.facts["krb5_conf"]})
        self.running.login("alice")
        self.running.wait_loaded("alice", len(self.made))
        self.token = self.running.token("alice")
        seen = {}
        for fault in MACHINES:
            detail, steps, held = self.run_fault(fault)
            found = detail["machines"][0]
            print(f"{fault}: machine {found['state']}, request {detail['state']}: {found['reason']}")
            for system in MATRIX:
                seen[system, fault] = (steps[system]["state"], "kept" if system in held else "removed", steps[system]["message"])
                print("  {:12} {:10} {:8} {}".format(system, *seen[system, fault]), flush=True)
            with self.subTest(fault=fault):
                self.assertEqual((found["state"], detail["state"]), (MACHINES[fault][0],) * 2)
        for (system, fault), (state, kept, text) in seen.items():
            with self.subTest(system=system, fault=fault):
                expected = MATRIX[system][fault]
                self.assertEqual((state, kept), expected[:2], text)
                self.assertIn(expected[2], text)
        for fault in MACHINES:
            with self.subTest(afterwards=fault):
                over = (("deferred", "kept"), ("succeeded", "removed"), NOT_THERE[:2])
                self.assertEqual(self.holders(fault), {system for system in MATRIX if MATRIX[system][fault][:2] not in over})
        self.assertEqual(self.holders("bystander"), set(MATRIX))


if __name__ == "__main__":
    sys.exit(main_of("__main__"))
