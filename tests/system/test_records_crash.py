#!/usr/bin/python3
"""kill -9 between intent and answer of each kind of record: the next start looks first, and nothing is removed that was not shown.

The failpoints exist in test builds only. What may still be on its way is waited for, a minute, so the systems wait side by side.
Removals of several requests, and those that are done only later, die at the moment that their server chooses.
"""

import json
import sys

from fault_cells import CORP, FaultCells
from foreman import Foreman
from scenario import machine
from stack import main_of, wait_for

BOUNDARIES = ("before_t1", "after_t1", "after_send", "before_t3", "after_t3")
IN_DOUBT = ("after_t1", "after_send")
# The kind, what knows the machine by it, and where it dies; where several are of one kind, the others where it is in doubt.
SYSTEMS = {
    "dns": ("dns", {"dns", "ptr"}, BOUNDARIES),
    "adns": ("dns", {"adns"}, IN_DOUBT),
    "icinga": ("http", {"icinga"}, BOUNDARIES),
    "zabbix": ("http", {"zabbix"}, IN_DOUBT),
    "cmdb": ("exec", {"cmdb"}, BOUNDARIES),
}
SETTLED = {"succeeded", "failed", "cancelled", "needs_attention"}


class RecordsCrash(FaultCells):
    def foreman_definition(self, stack):
        self.secret(stack, "foreman.token", "t0ken\n")
        text = self.shipped(
            "foreman",
            url=("https://foreman.example.com/api", self.foreman.url),
            ca=('ca_file = "foreman-ca.pem"\n', ""),
            timeout=('name       = "foreman"\n', 'name       = "foreman"\ntimeout = "2s"\n'),
        )
        return text + self.verify

    def knowers_of(self, name, address):
        return self.knowers(name, address) | ({"adns"} if self.samba_has(name) else set())

    def begin(self, system, name, address, failpoint=None):
        """A daemon that has taken a request, and dies."""
        self.fresh_folder()
        vcenter = self.vcenter([machine(name, "linux", ips=[address])])
        stack = self.records_stack(vcenter, systems=[system])
        environment = {"KRB5_CONFIG": self.domain.facts["krb5_conf"]}
        stack.start(env={**environment, "DECOM_FAILPOINT": f"{failpoint}=kill"} if failpoint else environment)
        stack.login("alice")
        stack.wait_loaded("alice", 1)
        self.process = stack.process
        request = self.submit(stack, "alice", name, options=["--no-guest-shutdown"])
        stack.process.wait(60)
        self.assertEqual(stack.process.returncode, -9, f"{failpoint} was not reached:\n{stack.log.read_text()[-2000:]}")
        stack.start(env=environment)
        return stack, request

    def crash(self, system, boundary, number):
        name, address = f"c-{system}-{number}", f"10.0.2.{number}"
        self.enter_everywhere(number, name, address)
        said = self.samba_dns(f"add {name}.{CORP} 300 A {address}")
        self.assertEqual(self.samba_has(name), address, said.stdout + said.stderr)
        return system, *self.begin(system, name, address, f"{SYSTEMS[system][0]}.{boundary}"), name, address

    def end_of(self, stack, request):
        token = stack.token("alice")

        def settled():
            detail = stack.api("GET", f"/v1/requests/{request}", token=token)[1]
            return detail if detail["machines"][0]["state"] in SETTLED else None

        detail = wait_for(settled, 180, lambda: str(stack.api("GET", f"/v1/requests/{request}", token=token)[1]))
        self.assertEqual(detail["machines"][0]["state"], "succeeded", json.dumps(detail, indent=1)[:4000])
        return detail

    def check(self, system, stack, request, name, address):
        self.end_of(stack, request)
        everybody = {"dns", "ptr", "adns", "icinga", "zabbix", "cmdb"}
        self.assertEqual(self.knowers_of(name, address), everybody - SYSTEMS[system][1])
        stack.terminate()
        sent = [r["call"] for r in stack.sql("SELECT call || ' ' || target AS call FROM effect WHERE outcome = 'done'")]
        self.assertEqual(len(sent), len(set(sent)), sent)
        stack.stop()

    def test_a_silence_is_set_once_and_lifted_wherever_the_daemon_died(self):
        self.silences = True
        for number, boundary in enumerate(("after_t1", "after_send"), 180):
            with self.subTest(boundary=boundary):
                name, address = f"s-{number}", f"10.0.2.{number}"
                self.enter_everywhere(number, name, address)
                self.fresh_folder()
                vcenter = self.vcenter([machine(name, "linux", ips=[address])], arguments=["--guest-shutdown-ms", "-1"])
                stack = self.records_stack(vcenter, systems=["icinga"])
                stack.start(env={"DECOM_FAILPOINT": f"silence.{boundary}=kill"})
                stack.login("alice")
                stack.wait_loaded("alice", 1)
                request = self.submit(stack, "alice", name)
                stack.process.wait(60)
                self.assertEqual(stack.process.returncode, -9, f"silence.{boundary} was not reached:\n{stack.log.read_text()[-2000:]}")
                stack.start()
                wait_for(lambda served=vcenter: self.calls(served, "ShutdownGuest", "received"), 60, "the guest is asked")
                self.assertEqual(self.quiet(name)["icinga"], 1)
                stack.ctl("alice", "cancel", str(request), check=0)
                detail = stack.wait_settled("alice", request)
                self.assertEqual(detail["machines"][0]["state"], "cancelled", json.dumps(detail, indent=1)[:4000])
                self.assertEqual(self.wait_lifted(stack, "alice", request), {"silence_icinga": f"icinga is loud again about host {name}, {address}"})
                self.assertEqual(self.quiet(name)["icinga"], 0)
                stack.stop()

    def test_every_boundary_of_every_kind(self):
        number = 100
        for boundary in BOUNDARIES:
            with self.subTest(boundary=boundary):
                crashed = []
                for system, (_, _, boundaries) in SYSTEMS.items():
                    if boundary in boundaries:
                        number += 1
                        crashed.append(self.crash(system, boundary, number))
                for one in crashed:
                    self.check(*one)
        deleted = self.cmdb.deletions()
        self.assertEqual(len(deleted), len(set(deleted)), deleted)

    def die_at(self, call, address, verify=""):
        """As the server has executed that call, and before it answers."""
        self.verify = verify
        name = f"c-{call}"
        foreman = self.foreman = Foreman(name, address)
        self.addCleanup(foreman.close)

        def kill():
            self.process.kill()
            self.process.wait()

        foreman.once(call, kill)
        return foreman, *self.begin("foreman", name, address)

    def step_of(self, stack, request):
        detail = self.end_of(stack, request)
        stack.stop()
        (step,) = [s for s in detail["machines"][0]["steps"] if s["name"] == "foreman"]
        return step

    def test_of_a_removal_by_several_requests_nothing_is_sent_twice_and_the_half_is_not_taken_for_the_whole(self):
        half = self.die_at("disassociate", "10.0.2.150")
        whole = self.die_at("delete", "10.0.2.151")
        later = self.die_at("poll", "10.0.2.152", '\n[verify]\nevery = "50ms"\nwithin = "30s"\n')
        for foreman, stack, request in (whole, later):
            step = self.step_of(stack, request)
            self.assertEqual(step["state"], "succeeded", step)
            self.assertEqual(foreman.changes, ["disassociate", "delete"])
        foreman, stack, request = half
        step = self.step_of(stack, request)
        self.assertEqual(step["state"], "warned", step)
        self.assertIn("changed since it was shown", json.dumps(step))
        self.assertEqual(foreman.changes, ["disassociate"])
        self.assertIsNotNone(foreman.host)


if __name__ == "__main__":
    sys.exit(main_of("__main__"))
