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
