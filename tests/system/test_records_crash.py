#!/usr/bin/python3
"""kill -9 between intent and answer of each kind of record: the next start looks first, and nothing is removed that was not shown.

The failpoints exist in test builds only. What may still be on its way is waited for, a minute, so the kinds wait side by side.
"""

import json
import sys

from record_scenario import RecordCase
from scenario import machine
from stack import main_of, wait_for

SYSTEMS = {"dns": "dns", "http": "icinga", "exec": "cmdb"}
BOUNDARIES = ("before_t1", "after_t1", "after_send", "before_t3", "after_t3")
SETTLED = {"succeeded", "failed", "cancelled", "needs_attention"}
KNOWN_BY = {"dns": {"dns", "ptr"}, "http": {"icinga"}, "exec": {"cmdb"}}


class RecordsCrash(RecordCase):
    def crash(self, kind, boundary, number):
        """A daemon that dies at the boundary, after it took a request, and one that goes on."""
        name, address = f"c-{kind}-{number}", f"10.0.2.{number}"
        self.enter_everywhere(number, name, address)
        self.fresh_folder()
        vcenter = self.vcenter([machine(name, "linux", ips=[address])])
        stack = self.records_stack(vcenter, systems=[SYSTEMS[kind]])
        stack.start(env={"DECOM_FAILPOINT": f"{kind}.{boundary}=kill"})
        stack.login("alice")
        stack.wait_loaded("alice", 1)
        request = self.submit(stack, "alice", name, options=["--no-guest-shutdown"])
        stack.process.wait(60)
        self.assertEqual(stack.process.returncode, -9, f"{kind}.{boundary} was not reached:\n{stack.log.read_text()[-2000:]}")
        stack.start()
        return kind, stack, request, name, address

    def check(self, kind, stack, request, name, address):
        token = stack.token("alice")

        def settled():
            detail = stack.api("GET", f"/v1/requests/{request}", token=token)[1]
            return detail if detail["machines"][0]["state"] in SETTLED else None

        detail = wait_for(settled, 180, f"{kind}: {stack.api('GET', f'/v1/requests/{request}', token=token)[1]}")
        self.assertEqual(detail["machines"][0]["state"], "succeeded", json.dumps(detail, indent=1)[:4000])
        others = {"dns", "ptr", "icinga", "zabbix", "cmdb"} - KNOWN_BY[kind]
        self.assertEqual(self.knowers(name, address), others)
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
                for kind in SYSTEMS:
                    number += 1
                    crashed.append(self.crash(kind, boundary, number))
                for one in crashed:
                    self.check(*one)
        deleted = self.cmdb.deletions()
        self.assertEqual(len(deleted), len(set(deleted)), deleted)


if __name__ == "__main__":
    sys.exit(main_of("__main__"))
