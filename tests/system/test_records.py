#!/usr/bin/python3
"""What other systems know of dead machines: shown before, removed exactly, proven gone, and the neighbours untouched."""

import json
import socket
import sys
import time

from fault_cells import CORP, FaultCells
from record_scenario import FORWARD, RecordServer, toml
from scenario import computer, machine
from stack import main_of, wait_for

ALL = {"dns", "ptr", "icinga", "zabbix", "cmdb"}


def step(detail, name, machine_index=0):
    return next(s for s in detail["machines"][machine_index]["steps"] if s["name"] == name)


class Records(FaultCells):
    number = 0

    def world(self, arguments=(), **daemon):
        """Three machines that every system knows, in a vCenter, and a daemon that knows the systems. New ones for each case."""
        Records.number += 1
        at = [10 * Records.number + i for i in range(3)]
        self.win, self.lnx, self.neighbour = ((f"{name}{Records.number}", f"10.0.2.{n}") for name, n in zip(("win-app", "lnx-web", "win-db"), at))
        self.ids = dict(zip((self.win[0], self.lnx[0], self.neighbour[0]), at))
        for name, address in (self.win, self.lnx, self.neighbour):
            self.enter_everywhere(self.ids[name], name, address)
        self.add_computers(computer(self.win[0]), computer(self.neighbour[0]))
        families = ((self.win, "windows"), (self.lnx, "linux"), (self.neighbour, "windows"))
        self.served = self.vcenter([machine(name, family, ips=[address]) for (name, address), family in families], arguments=arguments)
        stack = self.records_stack(self.served, **daemon).start(env={"KRB5_CONFIG": self.domain.facts["krb5_conf"]})
        stack.login("alice")
        stack.wait_loaded("alice", 3)
        return stack

    def all_known(self):
        return {name: self.knowers(name, address) for name, address in (self.win, self.lnx, self.neighbour)}

    def test_two_machines_are_forgotten_everywhere_and_their_neighbour_is_not(self):
        stack = self.world(systems=("dns", "adns", "icinga", "zabbix", "cmdb"))
        three = (self.win, self.lnx, self.neighbour)
        self.samba_dns(*(f"add {name}.{CORP} 300 A {address}" for name, address in three))
        self.assertEqual([self.samba_has(name) for name, _ in three], [address for _, address in three])
        before = self.all_known()
        deleted = len(self.cmdb.deletions())
        self.assertEqual(before, {self.win[0]: ALL | {"ad"}, self.lnx[0]: ALL, self.neighbour[0]: ALL | {"ad"}})

        shown = stack.ctl("alice", "records", self.win[0], self.lnx[0], check=0).stdout
        for text in (self.win[1], f"{self.win[0]}-alias", f"{self.win[0]}.{CORP}", "icinga", "zabbix", "cmdb", "dns", self.lnx[1]):
            self.assertIn(text, shown)
        self.assertNotIn(self.neighbour[0], shown)
        plan = stack.ctl("alice", "plan", self.win[0], self.lnx[0], check=0).stdout
        for text in (f"{self.win[0]}.{FORWARD}", f"{self.win[0]}.{CORP}", f"{self.win[0]}-alias", "rack 7", f"host {self.win[0]}"):
            self.assertIn(text, plan)
        self.assertEqual(self.all_known(), before)
        self.assertEqual([self.samba_has(name) for name, _ in three], [address for _, address in three])
        self.assertEqual(self.served.ledger(), [])
        self.assertEqual(len(self.cmdb.deletions()), deleted)

        request = self.submit(stack, "alice", self.win[0], self.lnx[0])
        detail = stack.wait_settled("alice", request)
        self.assertEqual([m["state"] for m in detail["machines"]], ["succeeded"] * 2, json.dumps(detail, indent=1)[:6000])
        self.assertEqual(self.all_known(), {self.win[0]: set(), self.lnx[0]: set(), self.neighbour[0]: before[self.neighbour[0]]})
        self.assertEqual([self.samba_has(name) for name, _ in three], ["", "", self.neighbour[1]])
        self.assertEqual(len(self.cmdb.deletions()), deleted + 2)

    def test_ten_systems_of_which_two_hang_are_asked_in_the_time_of_the_slowest_deadline(self):
        hung = socket.create_server(("127.0.0.1", 0), backlog=64)  # who connects to it hears nothing
        self.addCleanup(hung.close)
        where, seconds = f"127.0.0.1:{hung.getsockname()[1]}", 4
        dns, icinga, ad = self.dns_definition, self.icinga_definition, self.domain.facts
        away = f'deadline = "{seconds}s"\n'
        more = {
            "ad_old": lambda _: f"""kind = "ad.computer"
url = {toml(ad["ldaps"])}
base_dn = {toml(ad["base_dn"])}
computer_ous = {toml("OU=Servers," + ad["base_dn"])}
bind_dn = {toml(ad["bind_dn"])}
password_file = {toml(ad["bind_password_file"])}
ca_file = {toml(ad["ca"])}
""",
            "cmdb_old": self.cmdb_definition,
            "dns_reverse": lambda stack: dns(stack).replace(f'"{FORWARD}", ', ""),
            "dns_away": lambda stack: away + dns(stack).replace(toml(self.dns.facts["server"]), toml(where)).replace('"2s"', '"1m"'),
            "icinga_away": lambda stack: away + icinga(stack).replace('name = "icinga"\n', "").replace(self.icinga.facts["url"], f"https://{where}/v1"),
        }
        for system, definition in more.items():
            setattr(self, f"{system}_definition", definition)
        stack = self.world(systems=("dns", "icinga", "zabbix", "cmdb", *more))
        began = time.monotonic()
        shown = stack.ctl("alice", "records", self.win[0], "-o", "json")
        took = time.monotonic() - began
        self.assertEqual(shown.returncode, 1, shown.stdout + shown.stderr)
        self.assertIn("could not be asked: dns_away, icinga_away; what they hold is not known", shown.stderr)
        systems = {one["system"]: one for one in json.loads(shown.stdout)["items"][0]["systems"]}
        self.assertEqual(len(systems), 10, list(systems))
        states = {name: one["state"] for name, one in systems.items()}
        self.assertEqual(states, {name: "unread" if name.endswith("_away") else "found" for name in systems})
        for name in ("dns_away", "icinga_away"):
            self.assertIn(systems[name]["code"], ("timed_out", "unreachable"))
            self.assertGreater(systems[name]["elapsed_ms"], 1000 * (seconds - 1), systems[name])
        print(f"\nten systems, two of which hang for {seconds} s: answered in {took:.2f} s", file=sys.stderr)
        self.assertLess(took, 2 * seconds)  # one behind the other, these two alone would take that long

    def down_and_up(self, system, down, up):
        """Away between the plan and its step: the step waits, the others go on, and it ends by itself."""
        stack = self.world()
        token = stack.token("alice")
        status, plan = stack.api("POST", "/v1/plans", {"machines": [self.lnx[0]]}, token)
        self.assertEqual(status, 201, plan)
        down()
        try:
            request = stack.api("POST", "/v1/requests", {"plan": plan["plan"], "hash": plan["hash"]}, token)[1]["id"]
            detail = stack.wait_settled("alice", request)
            self.assertEqual(detail["machines"][0]["state"], "holding", json.dumps(detail, indent=1)[:4000])
            self.assertEqual(step(detail, system)["state"], "deferred")
            unlike = (system, f"silence_{system}", "ad_computer")
            others = {s["name"]: s["state"] for s in detail["machines"][0]["steps"] if s["name"] not in unlike}
            self.assertEqual(set(others.values()), {"succeeded"}, others)
            if self.silences:
                self.assertEqual(step(detail, f"silence_{system}")["state"], "warned", step(detail, f"silence_{system}"))
        finally:
            up()
        wait_for(lambda: stack.wait_settled("alice", request)["machines"][0]["state"] == "succeeded", 120, f"{system} is back")
        self.assertEqual(self.knowers(*self.lnx), set())
        self.assertEqual(self.knowers(*self.neighbour), ALL | {"ad"})

    def test_dns_down_and_up_again(self):
        self.down_and_up("dns", lambda: self.dns.tell("down"), lambda: self.dns.tell("up"))

    def test_icinga_down_and_up_again(self):
        self.silences = True  # nothing waits for a monitoring that cannot be told to be quiet
        self.down_and_up("icinga", lambda: self.icinga.tell("stop"), lambda: self.icinga.tell("start"))

    def test_zabbix_without_its_database_and_with_it_again(self):
        self.silences = True
        self.down_and_up("zabbix", lambda: self.zabbix.tell("stop_database"), lambda: self.zabbix.tell("start_database"))

    def test_a_cmdb_of_the_site_down_and_up_again(self):
        self.down_and_up("cmdb", self.cmdb.down, self.cmdb.up)

    def test_monitoring_is_quiet_during_the_run_and_loud_again_after_a_cancel(self):
        self.silences = True
        self.alertmanager = RecordServer("tests/records/alertmanager_server.py", self.folder / "alertmanager.log")
        self.addCleanup(self.alertmanager.stop)
        stack = self.world(arguments=["--guest-shutdown-ms", "-1"], systems=("dns", "icinga", "zabbix", "cmdb", "alertmanager"))
        name, address = self.lnx
        host, other = f"{name}.corp.example.test", f"{self.neighbour[0]}.corp.example.test"
        for one in (host, other):
            self.alertmanager.tell("alert", f"instance={one}:9100")
        muted = lambda of: self.alertmanager.tell("muted", f"instance={of}:9100")  # noqa: E731
        before = self.all_known()
        plan = " ".join(stack.ctl("alice", "plan", name, check=0).stdout.split())
        for system in ("icinga", "zabbix"):
            self.assertIn(f"silence what {system} has of {name}, for 4h 5m at most", plan)
        self.assertIn(f"silence alerts of {host} in alertmanager for 4h 5m at most", plan)
        self.assertEqual((self.quiet(name), muted(host)), ({"icinga": 0, "zabbix": 0}, "no"))
        request = self.submit(stack, "alice", name)
        wait_for(lambda: self.calls(self.served, "ShutdownGuest", "received"), 60, "the guest is asked")
        self.assertEqual(self.quiet(name), {"icinga": 1, "zabbix": 1})
        self.assertEqual(self.quiet(self.neighbour[0]), {"icinga": 0, "zabbix": 0})
        self.assertEqual((muted(host), muted(other)), ("yes", "no"))
        self.assertEqual(stack.ctl("alice", "records", name, check=0).stdout.count(f"host {name}, {address}, silent until "), 2)
        self.assertIn("silent in icinga: host", stack.ctl("alice", "show", f"{request}.1", check=0).stdout)

        stack.ctl("alice", "cancel", str(request), check=0)
        detail = stack.wait_settled("alice", request)
        self.assertEqual(detail["machines"][0]["state"], "cancelled", json.dumps(detail, indent=1)[:4000])
        said = self.wait_lifted(stack, "alice", request)
        whom = {"icinga": f"host {name}, {address}", "zabbix": f"host {name}, {address}", "alertmanager": f"alerts of {host}"}
        self.assertEqual(said, {f"silence_{system}": f"{system} is loud again about {what}" for system, what in whom.items()})
        self.assertEqual((self.quiet(name), muted(host)), ({"icinga": 0, "zabbix": 0}, "no"))
        self.assertIn("icinga is loud again", stack.ctl("alice", "status", str(request), check=0).stdout)
        self.assertEqual(self.all_known(), before)

    def test_after_a_success_no_silence_is_left(self):
        self.silences = True
        left = (self.icinga.tell("downtimes"), self.zabbix.tell("maintenances"))
        stack = self.world()
        request = self.submit(stack, "alice", self.lnx[0])
        detail = stack.wait_settled("alice", request)
        self.assertEqual(detail["machines"][0]["state"], "succeeded", json.dumps(detail, indent=1)[:4000])
        self.assertEqual(detail["warnings"], 0, json.dumps(detail, indent=1)[:4000])
        for system in ("icinga", "zabbix"):
            self.assertEqual(step(detail, f"silence_{system}")["state"], "succeeded")
        said = self.wait_lifted(stack, "alice", request)
        self.assertEqual(said, {f"silence_{system}": f"{system} has no silence of ours any more" for system in ("icinga", "zabbix")})
        self.assertEqual(self.knowers(*self.lnx), set())
        self.assertEqual((self.icinga.tell("downtimes"), self.zabbix.tell("maintenances")), left)

    def test_what_changed_since_it_was_shown_is_left_alone_with_a_warning(self):
        stack = self.world()
        token = stack.token("alice")
        plan = stack.api("POST", "/v1/plans", {"machines": [self.lnx[0]]}, token)[1]
        self.cmdb.add(self.ids[self.lnx[0]], self.lnx[0], "10.0.2.199")  # somebody gave it to another machine meanwhile
        self.icinga.tell("rename", self.lnx[0], "precious")
        self.nsupdate(f"delete {self.lnx[0]}.{FORWARD} TXT", f"add {self.lnx[0]}.{FORWARD} 300 TXT \"rack 8\"")
        request = stack.api("POST", "/v1/requests", {"plan": plan["plan"], "hash": plan["hash"]}, token)[1]["id"]
        detail = stack.wait_settled("alice", request)
        self.assertEqual(detail["machines"][0]["state"], "succeeded", json.dumps(detail, indent=1)[:4000])
        for name in ("dns", "icinga", "cmdb"):
            self.assertEqual(step(detail, name)["state"], "warned", step(detail, name))
        self.assertEqual(self.knowers(*self.lnx), {"dns", "icinga", "cmdb"})
        self.assertEqual(self.dig(f"{self.lnx[0]}.{FORWARD}", "TXT"), ['"rack 8"'])
        self.assertEqual(self.dig(f"{self.lnx[0]}.{FORWARD}", "A"), [])

    def test_what_comes_back_after_the_end_is_told_also_where_the_daemon_died_meanwhile(self):
        """And it is left, but by the system whose configuration says that it is to be removed again."""
        of_cmdb = self.cmdb_definition
        self.cmdb_definition = lambda stack: of_cmdb(stack) + 'on_return = "remove"\n'
        stack = self.world(extra='[aftercare]\nlook_again = ["4s", "7d"]\n')
        token = stack.token("alice")
        request = self.submit(stack, "alice", self.lnx[0])
        detail = stack.wait_settled("alice", request)
        self.assertEqual(detail["machines"][0]["state"], "succeeded", json.dumps(detail, indent=1)[:4000])
        stack.kill()
        self.icinga.tell("host", *self.lnx)  # its agent was still about
        self.cmdb.add(self.ids[self.lnx[0]], *self.lnx)
        stack.start()

        def looks():
            steps = stack.api("GET", f"/v1/requests/{request}", token=token)[1]["machines"][0]["steps"]
            return {s["name"]: s["aftercare"] for s in steps if s["aftercare"]}

        wait_for(lambda: all(first["state"] == "done" for first, _ in looks().values()), 120, "every system was asked again")
        self.assertGreater(set(looks()), {"icinga", "cmdb"})
        self.assertEqual({name: first["found"] for name, (first, _) in looks().items() if first["found"]}, {"icinga": 1, "cmdb": 1})
        self.assertEqual({later["state"] for _, later in looks().values()}, {"waiting"})
        self.assertEqual(stack.api("GET", f"/v1/requests/{request}", token=token)[1]["warnings"], detail["warnings"] + 2)
        self.assertIn("2 records came back", stack.ctl("alice", "status", str(request), check=0).stdout)

        again = stack.wait_settled("alice", request + 1)
        self.assertEqual((again["requester"], again["machines"][0]["state"]), ("CORP\\alice", "succeeded"), json.dumps(again, indent=1)[:4000])
        self.assertEqual([s["name"] for s in again["machines"][0]["steps"]], ["cmdb"])
        self.assertIn(f"request {request + 1} removes it again", looks()["cmdb"][0]["said"])
        self.assertEqual(self.knowers(*self.lnx), {"icinga"})
        self.assertEqual(self.knowers(*self.neighbour), ALL | {"ad"})

    def test_what_nobody_was_shown_stays_until_records_only_shows_and_removes_it(self):
        stack = self.world()
        token = stack.token("alice")
        self.cmdb.down()
        plan = stack.api("POST", "/v1/plans", {"machines": [self.lnx[0]]}, token)[1]
        self.cmdb.up()
        request = stack.api("POST", "/v1/requests", {"plan": plan["plan"], "hash": plan["hash"]}, token)[1]["id"]
        detail = stack.wait_settled("alice", request)
        self.assertEqual(detail["machines"][0]["state"], "succeeded", json.dumps(detail, indent=1)[:4000])
        self.assertEqual(step(detail, "cmdb")["state"], "warned", step(detail, "cmdb"))
        self.assertEqual(self.knowers(*self.lnx), {"cmdb"})

        shown = stack.ctl("alice", "records", self.lnx[0])
        self.assertEqual(shown.returncode, 0, shown.stdout + shown.stderr)
        self.assertIn("it was retired on", shown.stderr)
        for there in (self.neighbour[0], stack.ctl("alice", "search", self.neighbour[0], "-o", "id").stdout.strip()):
            live = stack.ctl("alice", "submit", there, "--records-only", "--yes")
            self.assertEqual(live.returncode, 2, live.stdout + live.stderr)
            self.assertIn("gone", live.stderr)
        both = stack.ctl("alice", "submit", self.lnx[0], self.neighbour[0], "--records-only", "--yes")
        self.assertIn("nothing was accepted", both.stderr)
        unknown = stack.ctl("alice", "submit", "never-was", "--records-only", "--yes")
        self.assertEqual(unknown.returncode, 3, unknown.stdout + unknown.stderr)
        self.assertIn("no request here retired", unknown.stderr)
        stack.login("olga")
        other = stack.ctl("olga", "submit", self.lnx[0], "--records-only", "--yes")
        self.assertEqual(other.returncode, 4, other.stdout + other.stderr)

        # While some machine of its UUID is there, whatever its name and MoRef, nothing is shown and nothing accepted.
        gone = detail["machines"][0]["machine"]
        body = {"machines": [gone["id"]], "options": {"records_only": True}}
        status, plan = stack.api("POST", "/v1/plans", body, token)
        self.assertEqual(status, 201, plan)
        again = self.served.control("vm/create", name="registered-again", instance_uuid=gone["instance_uuid"], folder="Prod")
        status, refused = stack.api("POST", "/v1/requests", {"plan": plan["plan"], "hash": plan["hash"]}, token)
        self.assertEqual((status, refused.get("code")), (422, "invalid"), refused)
        self.assertIn(f"is there, as lab:{again['moref']}", json.dumps(refused))
        status, refused = stack.api("POST", "/v1/plans", body, token)
        self.assertEqual(status, 422, refused)
        self.served.control("vm/unregister", vm="registered-again")
        self.assertEqual(self.knowers(*self.lnx), {"cmdb"})

        request = self.submit(stack, "alice", self.lnx[0], options=["--records-only"])
        detail = stack.wait_settled("alice", request)
        self.assertEqual(detail["machines"][0]["state"], "succeeded", json.dumps(detail, indent=1)[:4000])
        self.assertEqual(self.knowers(*self.lnx), set())
        self.assertEqual(self.knowers(*self.neighbour), ALL | {"ad"})
        self.assertEqual(len(self.calls(self.served, "Destroy_Task", "received")), 1)

    def test_a_wrong_credential_fails_its_step_alone_and_names_it(self):
        stack = self.world()
        self.secret(stack, "cmdb.token", "not-this-one\n")
        shown = stack.ctl("alice", "records", self.lnx[0])
        self.assertEqual(shown.returncode, 1, shown.stdout + shown.stderr)
        self.assertIn("401", shown.stdout + shown.stderr)
        tried = stack.ctl("alice", "steps", "--test")
        self.assertEqual(tried.returncode, 1, tried.stdout + tried.stderr)
        self.assertNotIn("not-this-one", shown.stdout + shown.stderr + tried.stdout + tried.stderr)
        self.secret(stack, "cmdb.token", self.cmdb.token + "\n")
        stack.ctl("alice", "steps", "--test", check=0)

    def test_a_live_machine_that_bears_the_name_keeps_the_records(self):
        stack = self.world()
        self.served.control("vm/create", name=f"{self.lnx[0]}-new", ips=[self.lnx[1]], host_name=f"{self.lnx[0]}.{FORWARD}", folder="Prod", tools="running", power="on")
        stack.wait_loaded("alice", 4)
        request = self.submit(stack, "alice", self.lnx[0])
        detail = stack.wait_settled("alice", request)
        self.assertEqual(detail["machines"][0]["state"], "succeeded", json.dumps(detail, indent=1)[:4000])
        self.assertEqual(step(detail, "dns")["state"], "warned", step(detail, "dns"))
        self.assertEqual(self.knowers(*self.lnx) & {"dns", "ptr", "icinga", "zabbix"}, {"dns", "ptr", "icinga", "zabbix"})


if __name__ == "__main__":
    sys.exit(main_of("__main__"))
