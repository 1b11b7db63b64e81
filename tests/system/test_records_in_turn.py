#!/usr/bin/python3
"""Each record system in each fault: what its step ends in, and what is there afterwards. Prints the table and asserts each cell.

A machine for each fault, and for each cell a definition of its own, which leads through a proxy of its own where the fault wants one: so
all cells run at once, and none lasts longer because of another. What is waited for is the journal's next event; the only deadlines
that are meant to pass are the daemon's own, in the column of the server that is slow.
"""

import base64
import collections
import json
import pathlib
import ssl
import sys
import time
import urllib.request

from fault_cells import CORP, REMOVES, FaultCells
from journal import Journal
from record_scenario import FORWARD
from scenario import computer, machine
from stack import main_of, wait_for

REMOVED = ("succeeded", "removed", "removed from")
NOT_VISIBLE = ("warned", "removed", "not visible now, and not removed by us")
IN_DOUBT = ("deferred", "kept", "it may still be on its way")
NOT_SHOWN = ("warned", "kept", "it is not among those that were shown")
# The machine of the fault: what it ends in; and the first end of each system's step, what became of the records by then, what is said.
MACHINES = {
    "down": "succeeded",
    "slow": "succeeded",
    "error": "succeeded",
    "credential": "failed",
    "no-right": "failed",
    "gone": "succeeded",
    "returned": "succeeded",  # removed by somebody, and entered again
    "other": "succeeded",  # another host has the name
    "busy": "succeeded",  # what is read is answered, and each removal with an error, until the server has recovered
    "lost": "succeeded",  # the removal is done, and the connection ends before that is said
    "again": "needs_attention",  # entered again right behind our own removal
}
COME_BACK = ("down", "slow", "error", "busy")  # the servers, so that it ends by itself
MATRIX = {
    "ad": {
        "down": ("deferred", "kept", "refused"),
        "slow": ("deferred", "kept", "no answer in time"),
        "error": ("deferred", "kept", "it is busy"),
        "credential": ("failed", "kept", "etc/ad-credential.password"),
        "no-right": ("failed", "kept", "has no right to"),
        "gone": NOT_VISIBLE,
        "returned": NOT_SHOWN,
        "other": ("warned", "kept", "the account is of elsewhere"),
        "busy": ("deferred", "kept", "it is busy"),
        "lost": REMOVED,
        "again": NOT_SHOWN,
    },
    "dns": {
        "down": ("deferred", "kept", "Connection refused"),
        "slow": ("deferred", "kept", "did not answer in time"),
        "error": ("deferred", "kept", "SERVFAIL, not signed"),
        "credential": ("failed", "kept", "(BADSIG); ours is in dns-credential.key"),
        "no-right": ("failed", "kept", "REFUSED"),
        "gone": NOT_VISIBLE,
        "returned": REMOVED,  # the very data that was shown
        "other": ("warned", "kept", "its address is another"),
        "busy": IN_DOUBT,
        "lost": REMOVED,
        "again": IN_DOUBT,
    },
    "adns": {
        "down": ("deferred", "kept", "Connection refused"),
        "slow": ("deferred", "kept", "did not answer in time"),
        "error": ("deferred", "kept", "SERVFAIL"),
        "credential": ("failed", "kept", "adns-credential.keytab"),
        "no-right": ("failed", "kept", "may not"),
        "gone": NOT_VISIBLE,
        "returned": REMOVED,
        "other": ("warned", "kept", "its address is another"),
        "busy": IN_DOUBT,
        "lost": REMOVED,
        "again": IN_DOUBT,
    },
    "icinga": {
        "down": ("deferred", "kept", "cannot be reached"),
        "slow": ("deferred", "kept", "no whole answer came back"),
        "error": ("deferred", "kept", "HTTP 500"),
        "credential": ("failed", "kept", "the credential in icinga-credential.password is refused"),
        "no-right": ("failed", "kept", "no right"),
        "gone": NOT_VISIBLE,
        "returned": REMOVED,  # Icinga's id is the name
        "other": ("warned", "kept", "the machine's is"),
        "busy": IN_DOUBT,
        "lost": REMOVED,
        "again": ("unknown", "kept", "a second look does not show it"),
    },
    "zabbix": {
        "down": ("deferred", "kept", "cannot be reached"),
        "slow": ("deferred", "kept", "no whole answer came back"),
        "error": ("deferred", "kept", "HTTP 500"),
        "credential": ("failed", "kept", "the credential in zabbix-credential.token is refused"),
        "no-right": ("failed", "kept", "no right"),
        "gone": NOT_VISIBLE,
        "returned": NOT_SHOWN,
        "other": ("warned", "kept", "the machine's is"),
        "busy": IN_DOUBT,
        "lost": REMOVED,
        "again": NOT_SHOWN,
    },
    "cmdb": {
        "down": ("deferred", "kept", "Connection refused"),
        "slow": ("deferred", "kept", "it was killed"),
        "error": ("deferred", "kept", "HTTP Error 500"),
        "credential": ("failed", "kept", "401"),
        "no-right": ("failed", "kept", "403"),
        "gone": NOT_VISIBLE,
        "returned": REMOVED,
        "other": ("warned", "kept", "the machine's is"),
        "busy": IN_DOUBT,
        "lost": REMOVED,
        "again": ("unknown", "kept", "a second look does not show it"),
    },
}
BYSTANDER = "bystander"


class InTurn(FaultCells):
    # ---- the servers' own clients
    def ask_icinga(self, method, path):
        context = ssl.create_default_context(cafile=self.icinga.facts["ca"])
        request = urllib.request.Request(self.icinga.facts["url"] + path, method=method)
        request.add_header("Accept", "application/json")
        request.add_header("Authorization", "Basic " + base64.b64encode(b"root:root-pw").decode())
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:
            return json.load(answer)

    def ask_zabbix(self, method, parameters):
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters, "auth": self.zabbix.facts["tokens"]["decom"]}
        url = self.zabbix.facts["url"] + "/api_jsonrpc.php"
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json-rpc"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["result"]

    @staticmethod
    def number_of(address):
        return int(address.rsplit(".", 1)[1])

    def enter(self, *faults):
        """The machines in every system, as people have entered them; for the fault `other` it is another host that has the name."""
        updates, accounts = [], []
        for fault in faults:
            name, address = self.made[fault]
            account = computer(name)
            if fault == "other":
                address = f"10.0.2.{self.number_of(address) + 100}"
                account["dns"] = f"elsewhere.{CORP}"
            self.enter_everywhere(self.number_of(address), name, address)
            updates.append(f"add {name}.{CORP} 300 A {address}")
            accounts.append(account)
        said = self.samba_dns(*updates)
        self.assertEqual([f for f in faults if not self.samba_has(self.made[f][0])], [], said.stdout + said.stderr)
        self.domain.control("add-computers", accounts)

    def remove(self, fault):
        """By somebody else."""
        name, address = self.made[fault]
        self.nsupdate(f"delete {name}.{FORWARD}", f"delete {name}-alias.{FORWARD}", f"delete {self.reverse(address)}")
        said = self.samba_dns(f"delete {name}.{CORP}")
        self.assertEqual(self.samba_has(name), "", said.stdout + said.stderr)
        self.ask_icinga("DELETE", f"/objects/hosts/{name}?cascade=1")
        self.ask_zabbix("host.delete", [h["hostid"] for h in self.ask_zabbix("host.get", {"output": ["hostid"], "filter": {"host": [name]}})])
        with self.cmdb.lock:
            self.cmdb.hosts.pop(self.number_of(address))
        self.domain.control("delete-computer", name.upper())

    def holders(self, fault):
        name, address = self.made[fault]
        known = {"dns" if k == "ptr" else k for k in self.knowers(name, address)}
        return known | ({"adns"} if self.samba_has(name) else set())

    # ---- the faults
    def make_faults(self, stack):
        """Between what was shown and the steps."""
        for proxy in self.of_fault("down"):
            proxy.down()
        for proxy in self.of_fault("slow"):
            proxy.hang()
        for proxy in self.of_fault("error"):
            proxy.fail()
        for system in MATRIX:
            self.proxies[system, "busy"].fail(REMOVES[system])
            self.proxies[system, "lost"].once(REMOVES[system], self.proxies[system, "lost"].cut)
        self.wrong_credentials(stack.folder / "etc")
        self.remove("gone")
        self.remove("returned")
        self.enter("returned")

    def wrong_credentials(self, etc):
        other_key = pathlib.Path(self.dns.facts["keys"]["other-key"]).read_text().replace("other-key", "decom-key")
        (etc / "dns-credential.key").write_text(other_key)
        (etc / "adns-credential.keytab").write_bytes(pathlib.Path(self.domain.facts["keytabs"]["svc-noright"]).read_bytes())
        for file in ("ad-credential.password", "icinga-credential.password", "zabbix-credential.token", "cmdb-credential.token"):
            (etc / file).write_text("not-this-one\n")
        self.proxies["ad", "credential"].cut()  # a connection that is kept is logged on already
        self.logons_before = len(self.domain.control("logons"))

    def enter_again_behind_us(self):
        """Behind our removal and before we hear that it was done, so that every second look finds it."""
        name, address = self.made["again"]
        alias = f"add {name}-alias.{FORWARD} 300 CNAME {name}.{FORWARD}"
        enter = {
            "ad": lambda: self.domain.control("add-computers", [computer(name)]),
            "dns": lambda: self.nsupdate(alias),
            "adns": lambda: self.samba_dns(f"add {name}.{CORP} 300 A {address}"),
            "icinga": lambda: self.icinga.tell("host", name, address),
            "zabbix": lambda: self.zabbix.tell("host", name, address),
        }
        for system, act in enter.items():
            self.proxies[system, "again"].once(REMOVES[system], act)
        self.cmdb.returning.add(name)

    # ---- a request a machine
    def plan(self, fault):
        """A plan is offered too where a system could not be read in time; such a system is none of this table's faults."""
        unread = []

        def read():
            status, plan = self.running.api("POST", "/v1/plans", {"machines": [self.made[fault][0]]}, self.token, timeout=600)
            self.assertEqual(status, 201, plan)
            unread[:] = [s for s in plan["machines"][0]["steps"] if s["observation"] in ("unread", "unknown")]
            return None if unread else plan

        return wait_for(read, 240, lambda: f"a plan for {fault} for which every system was read: {unread}")

    def submit_plan(self, plan):
        status, made = self.running.api("POST", "/v1/requests", {"plan": plan["plan"], "hash": plan["hash"]}, self.token)
        self.assertEqual(status, 202, made)
        return made["id"]

    def first_ends(self, fault):
        """Each system's state, what became of its records, and what was said."""
        steps = {system: f"{system}-{fault}" for system in MATRIX}
        self.journal.wait(lambda: all(self.journal.ends_of(step) for step in steps.values()), f"{fault}: the end of each step's first try")
        held = self.holders(fault)
        first = {system: self.journal.ends_of(step)[0] for system, step in steps.items()}
        return {system: (end["state"], "kept" if system in held else "removed", end["text"]) for system, end in first.items()}

    def wait_waiting_since(self, step):
        """A step that waits says since when, at its second try."""
        self.journal.wait(lambda: len(self.journal.ends_of(step)) > 1, f"a second try of {step}")
        self.assertIn("(waiting since ", self.journal.ends_of(step)[1]["text"])

    def lift(self, fault):
        for proxy in self.of_fault(fault):
            proxy.up() if fault == "down" else proxy.go_on()

    def wrong_logons(self):
        seen = self.domain.control("logons", self.logons_before)
        return collections.Counter(f"{logon['account']} {logon['status']}" for logon in seen if logon["status"] != "NT_STATUS_OK")

    def start(self, stack, machines):
        self.running = stack
        stack.start(env={"KRB5_CONFIG": self.domain.facts["krb5_conf"]})
        stack.login("alice")
        stack.wait_loaded("alice", machines)
        self.token = stack.token("alice")
        self.journal = Journal(stack, self.token)

    def clock(self, what):
        now = time.monotonic()
        print(f"[{now - getattr(self, 'began', now):5.1f} s] {what}", flush=True)
        self.began = getattr(self, "began", now)

    def test_matrix(self):
        self.made = {fault: (f"t-{fault}", f"10.0.2.{n + 20}") for n, fault in enumerate((*MACHINES, BYSTANDER))}
        self.servers_of_cells()
        self.clock("entering the machines")
        self.enter(*self.made)
        # Of no family that has an account in the domain in which people log in: it is away in no column.
        served = self.vcenter([machine(name, "other", ips=[address]) for name, address in self.made.values()])
        stack = self.records_stack(served, systems=(), workers=len(MACHINES), most_per_vcenter=2 * len(MACHINES), attempts=2)
        for fault in MACHINES:
            for system in MATRIX:
                self.define(stack, system, fault, self.made[fault][0])
        self.start(stack, len(self.made))
        self.clock("planning")
        self.enter_again_behind_us()
        requests = {"again": self.submit_plan(self.plan("again"))}  # half a minute is what a second look is given
        plans = {fault: self.plan(fault) for fault in MACHINES if fault != "again"}
        self.clock("making the faults")
        self.make_faults(stack)
        requests.update({fault: self.submit_plan(plan) for fault, plan in plans.items()})
        seen = {}
        for fault in MACHINES:
            seen[fault] = self.first_ends(fault)
            self.clock(fault)
            for system, cell in seen[fault].items():
                print("  {:7} {:10} {:8} {}".format(system, *cell), flush=True)
            if fault == "down":
                self.wait_waiting_since("ad-down")
            if fault in COME_BACK:
                self.lift(fault)
        wrong = self.wrong_logons()
        ends = {}
        for fault in MACHINES:
            over = {"succeeded", "failed", "needs_attention"}
            self.journal.wait(lambda request=requests[fault]: over & set(self.journal.states_of(request)), f"the end of {fault}")
            ends[fault] = self.journal.states_of(requests[fault])
            self.clock(f"{fault}: {' '.join(ends[fault])}")

        for fault in MACHINES:
            with self.subTest(machine=fault):
                self.assertEqual(ends[fault][-1], MACHINES[fault])
                self.assertEqual("holding" in ends[fault], fault in COME_BACK, ends[fault])
            for system, (state, kept, text) in seen[fault].items():
                with self.subTest(system=system, fault=fault):
                    expected = MATRIX[system][fault]
                    self.assertEqual((state, kept), expected[:2], text)
                    self.assertIn(expected[2], text)
            with self.subTest(afterwards=fault):
                kept = {system for system in MATRIX if MATRIX[system][fault][1] == "kept" and fault not in COME_BACK}
                self.assertEqual(self.holders(fault), kept)
        self.assertEqual(self.cmdb.deletions().count(f"DELETE /hosts/{self.number_of(self.made['lost'][1])}"), 1)
        self.assertEqual(self.holders(BYSTANDER), set(MATRIX))
        self.assertEqual(wrong, {"svc-decom NT_STATUS_WRONG_PASSWORD": 1})  # once: accounts lock

    def test_while_nobody_can_tell_who_may_do_what_nothing_is_removed_anywhere(self):
        """The directory in which people log in is away behind the power off, and comes back."""
        self.made = {"login": ("t-login", "10.0.2.60")}
        name, address = self.made["login"]
        self.domain.control("add-computers", [computer(name)])
        self.cmdb.add(self.number_of(address), name, address)
        served = self.vcenter([machine(name, "windows", ips=[address])])
        self.start(self.records_stack(served, systems=("cmdb",), attempts=1), 1)
        served.rule(id="hold", method="ShutdownGuest", entity=name, action="hold")
        request = self.submit_plan(self.plan("login"))
        served.wait("received", "ShutdownGuest")
        self.domain.control("down")
        try:
            served.clear_rules()
            self.journal.wait(lambda: len(self.journal.ends_of("destroy")) > 1, "a second try of destroy")
            first, second = self.journal.ends_of("destroy")[:2]
            self.assertEqual((first["state"], second["state"]), ("deferred", "deferred"))
            self.assertIn("(waiting since ", second["text"])
            self.assertEqual(self.calls(served, "Destroy_Task"), [])
            self.assertEqual([self.journal.ends_of(step) for step in ("ad_computer", "cmdb")], [[], []])
            self.assertTrue(self.cmdb.has(name))
            self.assertIn(name.upper(), self.domain.computers())
        finally:
            self.domain.control("up")
        self.journal.wait(lambda: "succeeded" in self.journal.states_of(request), "the end")
        self.assertEqual(self.calls(served, "Destroy_Task"), [name])
        self.assertFalse(self.cmdb.has(name))
        self.assertNotIn(name.upper(), self.domain.computers())


if __name__ == "__main__":
    sys.exit(main_of("__main__"))
