#!/usr/bin/python3
"""The right machine or none: whatever becomes of a machine between submit and its step."""

import json
import sys
import threading

from scenario import SystemCase, destroyed_by_a_colleague, machine
from stack import main_of, wait_for


class Identity(SystemCase):
    def run_with(self, change, second="victim"):
        """Submits a first machine that waits and a second one behind it, changes the world, and lets them go on."""
        machines = [machine("first", "linux", 1), machine(second, "linux", 2), machine("bystander", "linux", 3)]
        vcenter = self.vcenter(machines)
        stack = self.stack(vcenter, daemon={"workers": 1}).start()
        stack.login("alice")
        stack.wait_loaded("alice", 3)
        vcenter.rule(id="hold", method="ShutdownGuest", entity="first", action="hold")
        request = self.submit(stack, "alice", "first", second)
        wait_for(lambda: self.calls(vcenter, "ShutdownGuest", "received"), 30)
        change(vcenter)
        vcenter.clear_rules()
        detail = stack.wait_settled("alice", request)
        self.assertEqual(detail["machines"][0]["state"], "succeeded", json.dumps(detail)[:3000])
        left = {m["name"]: m["instance_uuid"] for m in vcenter.control("inventory")["vms"]}
        self.assertIn("bystander", left)
        self.assertEqual(self.calls(vcenter, "Destroy_Task").count("first"), 1)
        return vcenter, detail["machines"][1], left

    def test_renamed_by_another_is_still_the_machine(self):
        vcenter, victim, left = self.run_with(lambda v: v.control("vm/rename", vm="victim", to="renamed"))
        self.assertEqual(victim["state"], "succeeded", victim)
        self.assertEqual(set(left), {"bystander"})
        self.assertGreater(victim["warnings"], 0)

    def test_renamed_and_another_took_its_name(self):
        def change(v):
            v.control("vm/rename", vm="victim", to="renamed")
            v.control("vm/rename", vm="bystander", to="victim")
            v.control("vm/create", **machine("bystander", "linux", 9))

        vcenter, victim, left = self.run_with(change)
        self.assertEqual(set(left), {"bystander", "victim"})
        self.assertEqual(victim["state"], "succeeded", victim)

    def test_threat_10_replaced_by_one_of_the_same_name(self):
        vcenter, victim, left = self.run_with(lambda v: v.control("vm/swap", vm="victim"))
        self.assertIn("victim", left)
        self.assertNotIn(victim["state"], ("succeeded", "cancelled"), victim)
        self.assertNotIn("victim", self.calls(vcenter, "Destroy_Task", "received"))

    def test_threat_10_replaced_under_the_same_reference(self):
        vcenter, victim, left = self.run_with(lambda v: v.control("vm/reidentify", vm="victim"))
        self.assertIn("victim", left)
        self.assertEqual(victim["state"], "failed", victim)
        self.assertRegex(json.dumps(victim), "another instance UUID")
        self.assertNotIn("victim", self.calls(vcenter, "Destroy_Task", "received"))

    def test_deleted_by_another_is_proven_by_the_history(self):
        vcenter, victim, left = self.run_with(lambda v: destroyed_by_a_colleague(v, "victim"))
        self.assertEqual(victim["state"], "succeeded", victim)
        states = {s["name"]: s["state"] for s in victim["steps"]}
        self.assertEqual(states["destroy"], "already", states)

    def test_unregistered_is_unknown_and_a_person_decides(self):
        vcenter, victim, left = self.run_with(lambda v: v.control("vm/unregister", vm="victim"))
        self.assertEqual(victim["state"], "needs_attention", victim)
        self.assertNotIn("victim", self.calls(vcenter, "Destroy_Task", "received"))

    def test_powered_on_again_between_power_off_and_destroy_fails(self):
        vcenter = self.vcenter([machine("w-1", "linux", 1)])
        stack = self.stack(vcenter).start()
        stack.login("alice")
        stack.wait_loaded("alice", 1)
        plan = stack.api("POST", "/v1/plans", {"machines": ["w-1"]}, stack.token("alice"))[1]
        # Rights are asked before each act. Each question waits, until one comes while the machine is off: destroy's.
        holds = [f"hold-{i}" for i in range(6)]
        for hold in holds:
            vcenter.rule(id=hold, method="HasUserPrivilegeOnEntities", action="hold", times=1)
        answers = []
        token = stack.token("alice")
        post = threading.Thread(
            target=lambda: answers.append(stack.api("POST", "/v1/requests", {"plan": plan["plan"], "hash": plan["hash"]}, token))
        )
        post.start()
        for hold in holds:
            vcenter.control("wait", rule=hold, timeout_ms=30000)
            if vcenter.control("inventory")["vms"][0]["power"] == "off":
                break
            vcenter.control("rules/release", id=hold)
        post.join()
        vcenter.control("vm/power", vm="w-1", power="on")
        vcenter.clear_rules()
        detail = stack.wait_settled("alice", answers[0][1]["id"])
        self.assertEqual(detail["machines"][0]["state"], "failed", json.dumps(detail)[:3000])
        self.assertEqual(self.calls(vcenter, "Destroy_Task", "executed"), [])
        self.assertEqual([m["power"] for m in vcenter.control("inventory")["vms"]], ["on"])


if __name__ == "__main__":
    sys.exit(main_of("__main__"))
