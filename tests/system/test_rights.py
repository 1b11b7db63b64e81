#!/usr/bin/python3
"""Nobody gets in without a role, nobody retires what they may not, and what is taken away in between counts."""

import json
import os
import sys

from scenario import SystemCase, computer, machine
from stack import main_of, wait_for


class Rights(SystemCase):
    def hold_first(self, vcenter, stack, machines):
        """With one worker: the first machine waits in its guest shutdown, the others wait behind it."""
        vcenter.rule(id="hold", method="ShutdownGuest", entity=machines[0]["name"], action="hold")
        request = self.submit(stack, "alice", *(m["name"] for m in machines))
        wait_for(lambda: self.calls(vcenter, "ShutdownGuest", "received"), 30)
        return request

    def release(self, vcenter):
        vcenter.clear_rules()

    def test_no_right_on_a_folder_no_request_and_none_of_its_neighbours(self):
        machines = [machine("a-1", "linux", 1, folder="A"), machine("b-1", "linux", 2, folder="B")]
        vcenter = self.vcenter(machines, people=("olga",), permissions=[{"on": "/A", "principal": "CORP\\alice", "role": "Decom"}])
        stack = self.stack(vcenter).start()
        stack.login("alice")
        stack.wait_loaded("alice", 2)
        done = stack.ctl("alice", "submit", "b-1", "--yes")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("VirtualMachine.Inventory.Delete", done.stderr)
        done = stack.ctl("alice", "submit", "a-1", "b-1", "--yes")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("nothing was accepted", done.stderr)
        listed = stack.ctl_json("alice", "list")
        self.assertEqual(listed["items"] if isinstance(listed, dict) else listed, [])
        self.submit(stack, "alice", "a-1", options=["--wait"])
        self.assert_destroyed_once(vcenter, ["a-1"])

    def test_a_person_in_no_group_and_one_without_a_login_get_nothing(self):
        vcenter = self.vcenter([machine("a-1", "linux", 1)])
        stack = self.stack(vcenter).start()
        done = stack.login("bob", check=4)
        self.assertIn("invalid permissions", done.stderr)
        for command in (["search", "a"], ["list"], ["show", "a-1"], ["submit", "a-1", "--yes"], ["status", "1"], ["cancel", "1"], ["whoami"], ["freeze", "--reason", "x"]):
            done = stack.ctl("bob", *command)
            self.assertEqual(done.returncode, 4, f"{command}: {done.stdout}{done.stderr}")
            self.assertEqual(done.stdout, "")

    def test_accounts_that_may_not_log_in_are_told_why(self):
        vcenter = self.vcenter([machine("a-1", "linux", 1)])
        stack = self.stack(vcenter).start()
        for person, word in (("dave", "disabled"), ("erin", "expired"), ("lou", "locked"), ("mona", "must"), ("pete", "expired")):
            done = stack.login(person, check=4)
            self.assertIn(word, done.stderr)
        self.assertIn("wrong", stack.login("alice", password="no", check=4).stderr)

    def test_threat_4_root_without_a_login_of_its_own_is_nobody(self):
        vcenter = self.vcenter([machine("a-1", "linux", 1)])
        stack = self.stack(vcenter).start()
        stack.login("alice")
        stack.ctl("alice", "list", check=0)
        for path in (stack.folder / "tokens" / "alice", *(stack.folder / "tokens" / "alice").rglob("*")):
            os.chown(path, 4711, 4711)
        done = stack.ctl("alice", "list", env={"SUDO_USER": "alice", "SUDO_UID": "4711"})  # as `sudo -E` has it
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("not logged in", done.stderr)

    def test_threat_5_a_token_for_cron_counts_until_it_is_revoked(self):
        vcenter = self.vcenter([machine("a-1", "linux", 1)])
        stack = self.stack(vcenter).start()
        stack.login("alice")
        stack.wait_loaded("alice", 1)
        created = stack.ctl_json("alice", "token", "create", "--name", "nightly", "--ttl", "1h")
        file = self.folder / "nightly.token"
        file.touch(0o600)
        file.write_text(created["token"] + "\n")
        cron = {"DECOMCTL_TOKEN_FILE": str(file)}
        self.assertEqual(stack.ctl("cron", "search", "-o", "name", env=cron, check=0).stdout, "a-1\n")
        self.assertIn("nightly", stack.ctl("alice", "token", "list", check=0).stdout)
        stack.ctl("alice", "token", "revoke", created["row"]["id"], check=0)
        self.assertEqual(stack.ctl("cron", "search", "-o", "name", env=cron).returncode, 4)

    def test_a_viewer_sees_and_does_not_act(self):
        vcenter = self.vcenter([machine("a-1", "linux", 1)])
        stack = self.stack(vcenter).start()
        stack.login("vera")
        stack.wait_loaded("vera", 1)
        self.assertEqual(stack.ctl("vera", "search", "-o", "name", check=0).stdout.split(), ["a-1"])
        self.assertEqual(stack.ctl("vera", "submit", "a-1", "--yes").returncode, 4)
        self.assertEqual(stack.ctl("vera", "freeze", "--reason", "x").returncode, 4)

    def test_a_role_taken_away_stops_the_next_irreversible_call(self):
        machines = [machine("r-1", "linux", 1), machine("r-2", "linux", 2)]
        vcenter = self.vcenter(machines)
        stack = self.stack(vcenter, daemon={"workers": 1}).start()
        stack.login("alice")
        stack.login("root.admin")
        stack.wait_loaded("alice", 2)
        request = self.hold_first(vcenter, stack, machines)
        self.domain.control("leave", "Linux Admins", "alice")
        self.addCleanup(self.domain.control, "join", "Linux Admins", "alice")
        self.release(vcenter)
        detail = stack.wait_settled("root.admin", request)
        self.assertEqual([m["state"] for m in detail["machines"]], ["failed", "failed"], json.dumps(detail)[:3000])
        self.assertEqual(self.calls(vcenter, "Destroy_Task", "received"), [])

    def test_a_right_taken_away_stops_the_next_irreversible_call(self):
        machines = [machine("p-1", "linux", 1), machine("p-2", "linux", 2)]
        vcenter = self.vcenter(machines, people=("olga",), permissions=[{"on": "/Prod", "principal": "CORP\\alice", "role": "Decom"}])
        stack = self.stack(vcenter, daemon={"workers": 1}).start()
        stack.login("alice")
        stack.wait_loaded("alice", 2)
        request = self.hold_first(vcenter, stack, machines)
        vcenter.control("permissions/del", on="/Prod", principal="CORP\\alice")
        self.release(vcenter)
        detail = stack.wait_settled("alice", request)
        self.assertEqual([m["state"] for m in detail["machines"]], ["failed", "failed"], json.dumps(detail)[:3000])
        self.assertEqual(self.calls(vcenter, "Destroy_Task", "received"), [])

    def test_threat_11_hidden_from_our_account_is_unknown_and_never_gone(self):
        machines = [machine("h-1", "linux", 1), machine("h-2", "linux", 2)]
        vcenter = self.vcenter(machines)
        stack = self.stack(vcenter, daemon={"workers": 1}).start()
        stack.login("alice")
        stack.wait_loaded("alice", 2)
        request = self.hold_first(vcenter, stack, machines)
        vcenter.control("hide", vm="h-2", user="svc-decom@vsphere.local")
        self.release(vcenter)
        detail = stack.wait_settled("alice", request)
        self.assertEqual([m["state"] for m in detail["machines"]], ["succeeded", "needs_attention"], json.dumps(detail)[:3000])
        self.assertEqual(self.calls(vcenter, "Destroy_Task", "received"), ["h-1"])
        self.assertEqual(stack.ctl("alice", "watch", request).returncode, 8)

    def test_a_guest_that_calls_itself_sql01_does_not_cost_the_real_one_its_account(self):
        machines = [
            machine("evil-01", "windows", 1, host_name="sql01.corp.example.test"),
            machine("sql01", "windows", 2),
            machine("off-01", "windows", 3, power="off", tools="not_running", ips=[], host_name=""),
        ]
        self.add_computers(computer("sql01"), computer("off-01"))
        vcenter = self.vcenter(machines)
        stack = self.stack(vcenter).start()
        stack.login("alice")
        stack.wait_loaded("alice", 3)
        request = self.submit(stack, "alice", "evil-01", "off-01")
        detail = stack.wait_settled("alice", request)
        self.assert_destroyed_once(vcenter, ["evil-01", "off-01"])
        self.assertIn("SQL01", self.domain.computers())
        self.assertIn("OFF-01", self.domain.computers())
        steps = {m["machine"]["name"]: m["steps"][-1] for m in detail["machines"]}
        self.assertEqual(steps["off-01"]["state"], "warned", steps)
        self.assertIn(steps["evil-01"]["state"], ("warned", "blocked"), steps)

    def test_freeze_stops_every_new_irreversible_call_and_thaw_lets_them_go(self):
        machines = [machine("f-1", "linux", 1)]
        vcenter = self.vcenter(machines)
        stack = self.stack(vcenter).start()
        stack.login("alice")
        stack.login("root.admin")
        stack.wait_loaded("alice", 1)
        self.assertEqual(stack.ctl("alice", "freeze", "--reason", "x").returncode, 4)
        stack.ctl("root.admin", "freeze", "--reason", "storage migration", check=0)
        request = self.submit(stack, "alice", "f-1")
        token = stack.token("alice")
        wait_for(lambda: stack.api("GET", f"/v1/requests/{request}", token=token)[1]["machines"][0]["state"] == "holding", 30)
        self.assertEqual(self.calls(vcenter, "Destroy_Task", "received"), [])
        stack.ctl("root.admin", "thaw", "--reason", "over", check=0)
        wait_for(lambda: stack.api("GET", f"/v1/requests/{request}", token=token)[1]["state"] == "succeeded", 30)
        self.assert_destroyed_once(vcenter, ["f-1"])


if __name__ == "__main__":
    sys.exit(main_of("__main__"))
