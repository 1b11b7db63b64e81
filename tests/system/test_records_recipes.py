#!/usr/bin/python3
"""Kea, Alertmanager, PuppetDB and Puppet's authority in each fault, side by side; prints the table and asserts each cell.

Two of them take half a minute to start: only `tests/run --slow`.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import sys

from record_scenario import RecordServer
from scenario import SystemCase, machine
from stack import ROOT, main_of, wait_for

DOMAIN = "lab.example.test"
SYSTEMS = ("kea", "alertmanager", "puppetdb", "puppet-ca")
ENDS = {  # of the machine while the fault lasts, and once it is over
    "none": ("succeeded", "succeeded"),
    "gone": ("succeeded", "succeeded"),
    "no_right": ("failed", "failed"),
    "credential": ("failed", "failed"),
    "slow": ("holding", "succeeded"),
    "down": ("holding", "succeeded"),  # and started again while it is asked
    "void": ("needs_attention", "needs_attention"),
    "queued": ("succeeded", "succeeded"),
    "held": ("needs_attention", "succeeded"),  # and looked at again by a person
    "absent": ("succeeded", "succeeded"),
    "elsewhere": ("failed", "failed"),
}
NEVER_ENTERED = ("absent", "elsewhere")
DONE = {system: ("succeeded", "removed", f"removed from {system}: ") for system in SYSTEMS}
NOT_THERE = {system: ("warned", "removed", "not visible now, and not removed by us") for system in SYSTEMS}
TABLE = {
    "none": DONE,
    "gone": NOT_THERE,
    "no_right": {
        "kea": ("failed", "kept", "'lease4-get' command not supported"),
        "alertmanager": DONE["alertmanager"],  # it knows no rights
        "puppetdb": ("failed", "kept", "there is no right to"),
        "puppet-ca": ("failed", "kept", "there is no right to"),
    },
    "credential": {
        "kea": ("failed", "kept", "password is refused (HTTP 401, “Unauthorized”)"),
        "alertmanager": ("failed", "kept", "password is refused (HTTP 401)"),
        "puppetdb": ("failed", "kept", "does not take our certificate"),
        "puppet-ca": ("failed", "kept", "there is no right to"),  # it asks for no certificate until it wants one
    },
    "slow": {system: ("deferred", "kept", "") for system in SYSTEMS},  # connecting or answering, whichever comes first
    "down": {
        "kea": ("deferred", "kept", "The server is likely to be offline"),
        **{system: ("deferred", "kept", "cannot be reached") for system in SYSTEMS[1:]},
    },
    # PuppetDB alone: its clock is behind the node's last run; it takes the command and works on it later; so late that nobody waits
    "void": {**DONE, "puppetdb": ("unknown", "kept", "it was done, and a second look does not show it")},
    "queued": DONE,
    "held": {**DONE, "puppetdb": ("unknown", "removed", "it was done, and a second look does not show it")},
    "absent": {system: ("already", "removed", "") for system in SYSTEMS},
    # asked in addition, at a place that has none of these machines: another subnet, another service, another Puppet
    "elsewhere": {
        "kea-elsewhere": ("failed", "removed", "this server does not serve the subnet of the control"),
        "alertmanager-elsewhere": ("failed", "removed", "it was refused (HTTP 404)"),
        **{f"{system}-elsewhere": ("failed", "removed", "what must exist cannot be seen") for system in SYSTEMS[2:]},
    },
}


def toml(value):
    return json.dumps(value)


class Recipes(SystemCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = contextlib.ExitStack()
        cls.addClassCleanup(cls.servers.close)

        def start(name):
            script = "puppetca" if name == "puppet-ca" else name
            return name, RecordServer(f"tests/records/{script}_server.py", cls.class_folder / f"{script}.log")

        cls.server = {}
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for name, server in pool.map(start, SYSTEMS):
                cls.server[name] = server
                cls.servers.callback(server.stop)
        cls.server["puppetdb"].tell("facts", f"puppet.{DOMAIN}", "10.3.9.9", "none")

    def tell(self, system, *words):
        return self.server[system].tell(*words)

    # ---- the machine in each system
    def enter(self, fault):
        if fault in NEVER_ENTERED:
            return
        host, address, number = self.made[fault]
        self.tell("kea", "lease", address, f"00:50:56:00:03:{number:02x}", host)
        self.silences[fault] = self.tell("alertmanager", "silence", f"instance={host}:9100")
        self.tell("puppetdb", "facts", host, address, "none", 3600 if fault == "void" else 0)
        self.tell("puppet-ca", "certificate", host)

    def remove(self, fault):
        host, address, _ = self.made[fault]
        self.tell("kea", "drop", address)
        self.tell("alertmanager", "expire", self.silences[fault])
        self.tell("puppetdb", "deactivate", host)
        self.tell("puppet-ca", "clean", host)

    def holders(self, fault):
        """By what each server keeps on its disk."""
        host, address, _ = self.made[fault]
        if fault in NEVER_ENTERED:
            return set()
        held = {
            "kea": self.tell("kea", "exists", address) == "yes",
            "alertmanager": self.tell("alertmanager", "state", self.silences[fault]) == "active",
            "puppetdb": self.tell("puppetdb", "state", host) == "active",
            "puppet-ca": self.tell("puppet-ca", "state", host) == "signed",
        }
        return {system for system, holds in held.items() if holds}

    # ---- the recipes that are shipped, changed as their heads say
    def configure(self, stack):
        self.etc = stack.folder / "etc"
        (self.etc / "records.d").mkdir(mode=0o700)
        for name in ("kea", "alertmanager"):
            self.write(f"{name}.password", b"decom-pw\n")
        for name in ("puppetdb", "puppet-ca"):
            self.become(name, "decom")
        changes = {
            "kea": [("https://kea.example.com:8000", self.server["kea"].facts["url"]), ('"kea-ca.pem"', self.ca("kea"))],
            "alertmanager": [
                ("https://alertmanager.example.com:9093", self.server["alertmanager"].facts["url"]),
                ('"alertmanager-ca.pem"', self.ca("alertmanager")),
            ],
            "puppetdb": [
                ("https://puppetdb.example.com:8081", self.server["puppetdb"].facts["url"]),
                ('"puppet-ca.pem"', self.ca("puppetdb")), ("puppet.example.com", f"puppet.{DOMAIN}"), ('"decom-puppet.', '"puppetdb.'),
                ('within = "60s"', 'within = "10s"'),
            ],  # fmt: skip
            "puppet-ca": [
                ("https://puppet.example.com:8140", self.server["puppet-ca"].facts["url"]),
                ('"puppet-ca.pem"', self.ca("puppet-ca")), ("puppet.example.com", "localhost"), ('"decom-puppet.', '"puppet-ca.'),
            ],  # fmt: skip
        }
        for name, pairs in changes.items():
            text = (ROOT / f"packaging/records.d/{name}.toml").read_text().partition("\n[silence]\n")[0].replace("\nurl ", '\ntimeout = "4s"\nurl ', 1)
            for old, new in pairs:
                self.assertIn(old, text)
                text = text.replace(old, new)
            (self.etc / "records.d" / f"{name}.toml").write_text(text)
            self.elsewhere(name, text)

    def elsewhere(self, name, text):
        """The same server by the same recipe, for one machine, with a control that is not there; Alertmanager, at a path where it is not."""
        changes = {
            "kea": ("10.3.0.0/24", "10.99.0.0/24"),
            "alertmanager": ("/api/v2", "/other/api/v2"),
            "puppetdb": (f"nodes/puppet.{DOMAIN}", "nodes/puppet.elsewhere.test"),
            "puppet-ca": ("certificate_status/localhost", "certificate_status/puppet.elsewhere.test"),
        }
        self.assertIn(changes[name][0], text)
        moved = text.replace(*changes[name]).replace(f'name = "{name}"', f'name = "{name}-elsewhere"', 1)
        (self.etc / "records.d" / f"{name}-elsewhere.toml").write_text(f'{moved}\n[when]\nname = "r-elsewhere"\n')

    def ca(self, name):
        return toml(self.server[name].facts["ca"])

    def write(self, name, data):
        path = self.etc / name
        path.write_bytes(data)
        os.chmod(path, 0o600)

    def become(self, name, account, folder="certificates"):
        for kind in ("pem", "key"):
            self.write(f"{name}.{kind}", pathlib.Path(f"{self.server[name].facts[folder]}/{account}.{kind}").read_bytes())

    # ---- faults, between plan and step
    def every(self, verb, systems=SYSTEMS):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda system: self.tell(system, verb), systems))

    def no_right(self):
        self.tell("kea", "lease_commands", "off")
        self.become("puppetdb", "nobody")
        self.become("puppet-ca", "reader")

    def right_again(self):
        self.tell("kea", "lease_commands", "on")
        self.become("puppetdb", "decom")
        self.become("puppet-ca", "decom")

    def wrong_credentials(self):
        for name in ("kea", "alertmanager"):
            self.write(f"{name}.password", b"not-this-one\n")
        self.become("puppetdb", "decom", "strangers")
        self.become("puppet-ca", "nobody")

    def right_credentials(self):
        for name in ("kea", "alertmanager"):
            self.write(f"{name}.password", b"decom-pw\n")
        for name in ("puppetdb", "puppet-ca"):
            self.become(name, "decom")

    def hold_and_release(self):
        """What PuppetDB is told from here on waits in its queue; it goes on once something does."""
        self.tell("puppetdb", "hold")
        self.released = self.beside.submit(self.tell, "puppetdb", "release_when_queued")

    def release(self):
        self.tell("puppetdb", "release")
        wait_for(lambda: self.tell("puppetdb", "state", self.made["held"][0]) == "deactivated", 60, "what was queued is done")

    def start_again(self):
        """The slow ones are asked while they start."""
        self.every("begin", ("puppetdb", "puppet-ca"))
        self.every("start", ("kea", "alertmanager"))

    def plan(self, fault):
        def read():
            name = self.made[fault][0].partition(".")[0]
            status, plan = self.running.api("POST", "/v1/plans", {"machines": [name]}, self.token)
            self.assertEqual(status, 201, plan)
            unread = [s for s in plan["machines"][0]["steps"] if s["observation"] in ("unread", "unknown")]
            self.unread = [s for s in unread if not s["name"].endswith("-elsewhere")]
            return None if self.unread else plan

        return wait_for(read, 60, lambda: f"a plan for {fault} for which every system was read: {self.unread}")

    def run_fault(self, fault):
        before, after = {
            "gone": (lambda: self.remove("gone"), lambda: None),
            "no_right": (self.no_right, self.right_again),
            "credential": (self.wrong_credentials, self.right_credentials),
            "slow": (lambda: self.every("pause"), lambda: self.every("resume")),
            "down": (lambda: self.every("stop"), self.start_again),
            "queued": (self.hold_and_release, lambda: self.released.result(60)),
            "held": (lambda: self.tell("puppetdb", "hold"), self.release),
        }.get(fault, (lambda: None, lambda: None))
        plan = self.plan(fault)
        if fault == "none":
            print(self.running.ctl("alice", "plan", self.made[fault][0].partition(".")[0]).stdout)
        before()
        try:
            status, made = self.running.api("POST", "/v1/requests", {"plan": plan["plan"], "hash": plan["hash"]}, self.token)
            self.assertEqual(status, 202, made)
            self.requests[fault] = made["id"]
            state, steps = self.first_ends(made["id"], [*TABLE[fault]])
        finally:
            after()
        if fault == "held":
            self.running.ctl("alice", "retry", str(made["id"]))
        last = {}
        self.waits = {}  # what a step said while it waited for another try

        def over():
            last.update(self.running.api("GET", f"/v1/requests/{made['id']}", token=self.token)[1])
            for step in last["machines"][0]["steps"]:
                if step["state"] == "deferred" and step["message"] not in self.waits.setdefault(step["name"], []):
                    self.waits[step["name"]].append(step["message"])
            return last["machines"][0]["state"] == ENDS[fault][1]

        wait_for(over, 200, lambda: f"{fault}: {ENDS[fault][1]}, but {last}")
        self.final = {s["name"]: s for s in last["machines"][0]["steps"]}
        return state, steps

    def first_ends(self, request, systems):
        """How the first try of each step ended; a machine that runs while a step waits for another try is holding."""
        first = {}

        def all_seen():
            found = self.running.api("GET", f"/v1/requests/{request}", token=self.token)[1]["machines"][0]
            for step in found["steps"]:
                if step["state"] not in ("pending", "running"):
                    first.setdefault(step["name"], step)
            if not set(systems) <= set(first):
                return None
            waits = any(step["state"] == "deferred" for step in first.values())
            return "holding" if waits else found["state"] if found["state"] != "running" else None

        return wait_for(all_seen, 120, lambda: f"the end of each step's first try: {first}"), first

    def begin(self, extra=""):
        machines = [  # the test vCenter takes a card's last three bytes from the UUID
            machine(host.partition(".")[0], "linux", ips=[address], host_name=host, instance_uuid=f"50110000-0000-4000-8000-0000000003{number:02x}")
            for host, address, number in self.made.values()
        ]
        self.running = self.stack(self.vcenter(machines), extra=extra)
        self.configure(self.running)
        self.running.start()
        self.running.login("alice")
        self.running.wait_loaded("alice", len(self.made))
        self.token = self.running.token("alice")

    def test_a_node_that_is_active_again_after_the_run_is_told(self):
        host, address = f"r-returns.{DOMAIN}", "10.3.0.200"
        self.made = {"returns": (host, address, 200)}
        self.tell("puppetdb", "facts", host, address, "none")
        self.begin('[aftercare]\nlook_again = ["2s", "7d"]\n')
        request = self.submit(self.running, "alice", "r-returns")
        detail = self.running.wait_settled("alice", request)
        self.assertEqual(detail["machines"][0]["state"], "succeeded", json.dumps(detail, indent=1)[:4000])
        self.assertEqual(self.tell("puppetdb", "state", host), "deactivated")
        self.running.kill()
        self.tell("puppetdb", "facts", host, address, "none")  # its agent ran once more
        self.assertEqual(self.tell("puppetdb", "state", host), "active")
        self.running.start()

        def looked():
            steps = self.running.api("GET", f"/v1/requests/{request}", token=self.token)[1]["machines"][0]["steps"]
            looks = next(s["aftercare"] for s in steps if s["name"] == "puppetdb")
            return looks[0] if looks and looks[0]["state"] == "done" else None

        look = wait_for(looked, 120, "PuppetDB is asked again")
        shown = self.running.ctl("alice", "status", str(request), check=0).stdout
        print(f"\nreactivated after the run: {look['said']}\n{shown}", flush=True)
        self.assertEqual(look["found"], 1)
        self.assertIn("1 record came back", shown)
        self.assertEqual(self.tell("puppetdb", "state", host), "active")

    def test_each_recipe_in_each_fault(self):
        self.silences, self.requests = {}, {}
        self.beside = concurrent.futures.ThreadPoolExecutor(1)
        self.addCleanup(self.beside.shutdown)
        self.made = {fault: (f"r-{fault.replace('_', '-')}.{DOMAIN}", f"10.3.0.{n + 20}", n) for n, fault in enumerate((*ENDS, "bystander"))}
        for fault in self.made:
            self.enter(fault)
        self.begin()
        tried = self.running.ctl("alice", "steps", "--test")
        print(tried.stdout, flush=True)
        for fault, expected in ENDS.items():
            state, steps = self.run_fault(fault)
            print(f"{fault}: machine {state}, then {ENDS[fault][1]}")
            for system in TABLE[fault]:
                said = [(steps[system]["state"], steps[system]["message"])]
                later = dict.fromkeys(text.partition(" (waiting since ")[0] for text in self.waits.get(system, []))
                said += [("deferred", text) for text in later if text != said[0][1]]
                if self.final[system]["state"] != steps[system]["state"]:
                    said.append((self.final[system]["state"], self.final[system]["message"]))
                for n, (what, text) in enumerate(said):
                    print("  {:22} {:10} {}".format("" if n else system, what, text), flush=True)
            with self.subTest(fault=fault):
                self.assertEqual(state, expected[0])
            for system in TABLE[fault]:
                with self.subTest(fault=fault, system=system):
                    wanted = TABLE[fault][system]
                    self.assertEqual(steps[system]["state"], wanted[0])
                    self.assertIn(wanted[2], steps[system]["message"])
        for fault in ENDS:
            with self.subTest(afterwards=fault):
                kept = {s for s, (end, left, _) in TABLE[fault].items() if left == "kept" and end != "deferred"}
                self.assertEqual(self.holders(fault), kept)
        self.assertEqual(self.holders("bystander"), set(SYSTEMS))


if __name__ == "__main__":
    sys.exit(main_of("__main__"))
