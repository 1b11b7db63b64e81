#!/usr/bin/python3
"""A site adds systems of records as files, without a restart: records, steps and plan show them, and change nothing."""

import json
import os
import signal
import subprocess
import sys

from record_scenario import ROOT, RecordServer
from scenario import SystemCase, computer, machine
from stack import main_of, wait_for

LANGUAGE = '[language.python]\ncommand = ["python3", "-c", "{}"]\n'
# Knows every machine by its name and first address, and the removal of none.
CMDB = '''
kind     = "exec"
summary  = "the inventory of the site"
language = "python"
when     = { family = "windows" }
code     = """
import json, sys
verb, given = sys.argv[1], json.load(sys.stdin)
def say(**line): print(json.dumps(line))
if verb == "observe":
    m = given["machine"]
    say(type="record", id="7", what="host " + m["name"], before=m["name"], facts={"name": m["name"], "ip": "10.20.0.2"})
named = {"name": "cmdb", "version": "1"} if verb == "describe" else {}
say(type="result", status="ok", control="3 hosts", **named)
"""
'''


class Records(SystemCase):
    def reload(self, stack, word):
        """Returns when the daemon has said in its log what became of it."""
        before = stack.log.stat().st_size
        os.kill(stack.process.pid, signal.SIGHUP)
        wait_for(lambda: word in stack.log.read_bytes()[before:].decode(errors="replace"), 20, word)

    def test_a_system_is_added_without_a_restart_and_shown_by_records_steps_and_plan(self):
        vcenter = self.vcenter([machine("web-1", "windows", 1), machine("lin-1", "linux", 2)])
        self.add_computers(computer("web-1"))
        stack = self.stack(vcenter, extra=LANGUAGE).start()
        stack.login("alice")
        stack.wait_loaded("alice", 2)
        records = stack.ctl_json("alice", "records", "web-1")
        self.assertEqual([s["system"] for s in records["items"][0]["systems"]], ["ad_computer"])
        self.assertEqual(records["items"][0]["systems"][0]["records"][0]["state"], "proven")

        folder = stack.config.parent / "records.d"
        folder.mkdir()
        (folder / "cmdb.toml").write_text(CMDB.replace("summary", "sumary"))
        self.reload(stack, "stay as they were")
        check = subprocess.run([str(stack.bin / "decomd"), "--config", str(stack.config), "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(check.returncode, 2)
        self.assertIn("cmdb.toml:3:11: unknown key 'sumary'", check.stderr)
        self.assertEqual(len(stack.ctl_json("alice", "steps")["systems"]), 1)

        (folder / "cmdb.toml").write_text(CMDB)
        self.reload(stack, "reloaded the plans, 1 systems of records")
        done = stack.ctl("alice", "steps", "--test", check=0)
        self.assertIn("3 hosts", done.stdout)
        done = stack.ctl("alice", "records", "web-1", check=0)
        self.assertIn("host web-1", done.stdout)
        done = stack.ctl("alice", "records", "--name", "gone-1", "--ip", "10.20.0.2", "--system", "cmdb", "-o", "ndjson", check=0)
        self.assertEqual(json.loads(done.stdout)["what"], "host gone-1")
        self.assertEqual(json.loads(done.stdout)["state"], "proven")

        ledger = len(vcenter.ledger())
        plan = stack.ctl_json("alice", "plan", "web-1")["machines"][0]
        steps = {s["name"]: s for s in plan["steps"]}
        self.assertEqual(list(steps), ["power_off", "destroy", "ad_computer", "cmdb"])
        self.assertEqual(steps["cmdb"]["observation"], "needed")
        self.assertEqual([r["what"] for r in steps["cmdb"]["records"]], ["host web-1"])
        other = stack.ctl_json("alice", "plan", "lin-1")["machines"][0]["steps"][-1]
        self.assertTrue(other["skipped"])
        self.assertEqual(other["why"], "left out: cmdb is for family windows")
        changing = [c for c in vcenter.ledger()[ledger:] if c.get("method", "").endswith("_Task") or c.get("method") == "ShutdownGuest"]
        self.assertEqual(changing, [])
        self.assertIn("WEB-1", self.domain.computers())
        self.assertIn("records cmdb", stack.ctl("alice", "doctor").stdout)

    def test_a_recipe_that_nobody_tried_says_so_and_leaves_what_it_retires(self):
        catalogue = RecordServer("tests/catalogue/catalogue_server.py", self.folder / "catalogue.log")
        self.addCleanup(catalogue.stop)
        own = catalogue.tell("make netbox lin-1 10.20.0.3 -")
        other = catalogue.tell("make netbox lin-10 10.20.0.30 -")
        vcenter = self.vcenter([machine("lin-1", "linux", 2)])
        stack = self.stack(vcenter)
        folder = stack.config.parent / "records.d"
        folder.mkdir()
        recipe = (ROOT / "packaging/records.d/netbox.toml").read_text()
        recipe = recipe.replace("https://netbox.example.com", catalogue.facts["url"] + "/netbox").replace("netbox-ca.pem", catalogue.facts["ca"])
        (folder / "netbox.toml").write_text(recipe)
        token = stack.config.parent / "netbox.token"
        token.write_text("full-secret\n")
        token.chmod(0o600)
        stack.start()
        stack.login("alice")
        stack.wait_loaded("alice", 1)
        self.assertIn("127.0.0.1: other", stack.ctl("alice", "steps", "--test", check=0).stdout)
        shown = stack.ctl("alice", "steps", check=0).stdout
        self.assertIn("netbox is unverified: written from the documentation of NetBox", shown)
        self.assertIn("not tried with a real one", {s["name"]: s["unverified"] for s in stack.ctl_json("alice", "steps")["systems"]}["netbox"])
        shown = stack.ctl("alice", "plan", "lin-1", check=0).stdout
        self.assertIn("retire virtual machine lin-1 in lab, 10.20.0.3/24 in netbox", shown)

        request = self.submit(stack, "alice", "lin-1")
        stack.wait_settled("alice", request)
        shown = stack.ctl("alice", "show", str(request), check=0).stdout
        self.assertIn("succeeded", shown)
        self.assertEqual(catalogue.tell(f"state netbox {own}"), "decommissioning")
        self.assertEqual(catalogue.tell(f"state netbox {other}"), "active")
        self.assertEqual(len(json.loads(catalogue.tell("changes netbox"))), 1)
        records = stack.ctl("alice", "records", "--name", "lin-1", "--ip", "10.20.0.3", "--system", "netbox", check=0).stdout
        self.assertIn("is retired", records)
        for text in (shown, records, stack.log.read_text(errors="replace")):
            self.assertNotIn("full-secret", text)


if __name__ == "__main__":
    sys.exit(main_of("__main__"))
