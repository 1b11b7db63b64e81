"""What a person or a script gets from decomctl, in a pipe."""

import csv
import io
import json
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import unittest

from harness import DECOMCTL, CliTest, interrupt
from scripted_daemon import Problem, machine


class WithoutDaemon(CliTest):
    def test_no_socket_says_what_to_do(self):
        self.check(self.run_cli("list", DECOMCTL_SOCKET=self.folder + "/none"), 5, "there is no socket", "systemctl start decomd")

    def test_nobody_listening_says_what_to_do(self):
        self.stop_daemon()
        with socket.socket(socket.AF_UNIX) as left_behind:
            left_behind.bind(self.socket)
        self.check(self.run_cli("list"), 5, "nobody listens", "journalctl")

    def test_doctor_works_without_a_daemon_and_without_a_login(self):
        self.check(self.run_cli("doctor", DECOMCTL_SOCKET=self.folder + "/none"), 5, "error     socket: cannot reach decomd")
        self.check(self.run_cli("doctor"), 4, "ok        socket", "ok        daemon", "error     login", "decomctl login")

    @unittest.skipIf(os.geteuid() != 0, "takes root to become somebody else")
    def test_a_closed_socket_names_the_group(self):
        os.chmod(self.folder, 0o700)
        with tempfile.TemporaryDirectory() as public:  # a checkout may lie where others cannot go
            os.chmod(public, 0o755)
            result = subprocess.run([shutil.copy(DECOMCTL, public), "list"], capture_output=True, text=True, env=self.environment,
                                    user=4711, check=False)
        self.check(result, 4, "only members of the group", "usermod -aG")

    @unittest.skipIf(os.geteuid() != 0, "takes root to become somebody else")
    def test_a_server_that_is_a_third_person_is_not_talked_to(self):
        other = os.path.join(self.folder, "squatter.sock")
        os.chmod(self.folder, 0o777)
        code = ("import socket,sys;s=socket.socket(socket.AF_UNIX);s.bind(sys.argv[1]);s.listen();print('up',flush=True);"
                "c,_=s.accept();print(len(c.recv(100)))")
        with subprocess.Popen(["python3", "-c", code, other], stdout=subprocess.PIPE, text=True, user=4711) as squatter:
            self.assertEqual(squatter.stdout.readline(), "up\n")
            result = self.run_cli("login", "alice", "--password-stdin", stdin="open sesame\n", DECOMCTL_SOCKET=other)
            self.check(result, 1, "uid 4711, which is neither root")
            self.assertEqual(squatter.stdout.readline(), "0\n")


class Records(CliTest):
    def test_records_shows_machine_by_system_and_says_what_could_not_be_asked(self):
        self.login()
        self.state.systems = {"dns-corp": True}
        self.check(self.run_cli("records", "web-01"), 0, "MACHINE", "web-01   dns-corp  proven  web-01 A 10.0.0.1")
        gone = self.run_cli("records", "gone-01")
        self.check(gone, 0, "gone-01  dns-corp  proven")
        self.assertRegex(gone.stderr, r"^gone-01 is gone: it was retired on 2026-01-01 [0-9:]+ [+-][0-9:]+\n$")
        self.state.systems["cmdb"] = False
        result = self.run_cli("records", "web-01", "--name", "old-01", "--ip", "10.0.0.9", "-o", "ndjson")
        self.check(result, 1, '"machine":"old-01"', "could not be asked: cmdb; what they hold is not known")
        self.assertEqual(len(result.stdout.splitlines()), 4)
        self.check(self.run_cli("records", "--name", "old-01", "--format", "{{machine}} {{system}} {{state}}"), 1,
                   "old-01 dns-corp proven\nold-01 cmdb unread")
        sent = json.loads(self.state.calls[-1][3])
        self.assertEqual(sent["machines"], [])
        self.assertEqual(sent["ghost"]["name"], "old-01")
        self.assertEqual(sent["timeout_ms"], 59000)
        self.check(self.run_cli("records"), 2, "no machine was named")

    def test_steps_lists_systems_and_tries_them(self):
        self.login()
        self.check(self.run_cli("steps"), 0, "vsphere.destroy", "no system of records is configured")
        self.state.systems = {"dns-corp": True, "cmdb": False}
        self.check(self.run_cli("steps"), 0, "dns-corp", "records.d/cmdb.toml")
        self.check(self.run_cli("steps", "--test"), 1, "unreachable", "cannot connect", "serial 17")
        self.check(self.run_cli("steps", "--test", "dns-corp"), 0, "dns-corp", "ok")
        self.check(self.run_cli("steps", "dns-corp"), 2, "add --test")


class Usage(CliTest):
    def test_what_is_misspelt_is_suggested(self):
        self.check(self.run_cli("serach", "x"), 2, "did you mean 'search'?")
        self.check(self.run_cli("search", "--limt", "3"), 2, "did you mean --limit?")
        self.check(self.run_cli("token", "creat"), 2, "did you mean 'create'?")
        self.check(self.run_cli(), 2, "a verb is missing")
        self.check(self.run_cli("search", "-o", "xml"), 2, "table|wide|json")
        self.check(self.run_cli("status", "abc"), 2, "is not a request")

    def test_every_verb_has_help_with_examples(self):
        verbs = [line.split()[0] for line in self.run_cli("--help").stdout.split("Verbs:")[1].splitlines()
                 if line.startswith("  ") and line[2] != " "]
        self.assertGreater(len(verbs), 15)
        for verb in verbs:
            self.check(self.run_cli(verb, "--help"), 0, "Example", f"decomctl {verb}")

    def test_an_unwritable_output_is_an_error(self):
        self.login()
        for verb in ("whoami", "--help"):
            with self.subTest(verb), open("/dev/full", "w", encoding="ascii") as full:
                result = subprocess.run([DECOMCTL, verb], stdout=full, stderr=subprocess.PIPE, text=True,
                                        env=self.environment, check=False)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn("cannot write the output: No space left on device", result.stderr)


class Login(CliTest):
    def test_without_a_login_it_is_denied_and_says_how(self):
        self.check(self.run_cli("list"), 4, "not logged in")

    def test_a_login_is_kept_and_ends(self):
        self.login()
        folder = os.path.join(self.folder, "decom")
        self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
        for name in os.listdir(folder):
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode), 0o600)
        self.check(self.run_cli("whoami"), 0, "CORP\\alice", "operator")
        self.check(self.run_cli("whoami", "--format", "{{user}}:{{roles}}"), 0, "CORP\\alice:viewer operator\n")
        self.check(self.run_cli("logout"), 0)
        self.assertEqual(os.listdir(folder), [])
        self.check(self.run_cli("whoami"), 4)
        self.check(self.run_cli("logout"), 0, "nobody was logged in")

    def test_a_wrong_password_and_an_empty_one(self):
        self.check(self.run_cli("login", "alice", "--password-stdin", stdin="wrong\n"), 4, "name or password is wrong")
        self.check(self.run_cli("login", "alice", "--password-stdin", stdin="\n"), 2, "empty password")
        self.assertNotIn("/v1/login", [path for _, path, _, body in self.state.calls if '"password":""' in body])

    def test_without_a_terminal_it_does_not_hang(self):
        self.check(self.run_cli("login", "alice"), 2, "--password-stdin")

    def test_tokens(self):
        self.login()
        created = self.run_cli("token", "create", "--name", "nightly", "--ttl", "90d")
        self.assertEqual(created.stdout, "secret-once\n")
        self.assertIn("not shown again", created.stderr)
        self.assertEqual(json.loads(self.state.calls[-1][3]), {"name": "nightly", "ttl_s": 90 * 86400})
        self.check(self.run_cli("token", "list"), 0, "7f3a", "nightly", "valid")
        self.check(self.run_cli("token", "revoke", "7f3a"), 0, "revoked")
        self.check(self.run_cli("token", "revoke", "none"), 3)

    def test_a_token_file_for_cron(self):
        path = os.path.join(self.folder, "cron")
        with open(path, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write("tok-0123456789abcdef\n")
        self.check(self.run_cli("whoami", DECOMCTL_TOKEN_FILE=path), 0, "alice")
        self.check(self.run_cli("logout", DECOMCTL_TOKEN_FILE=path), 2, "decomctl token revoke")
        self.check(self.run_cli("login", "alice", "--password-stdin", stdin="open sesame\n", DECOMCTL_TOKEN_FILE=path), 2, "unset it")
        self.assertEqual([call[1] for call in self.state.calls if call[1] in ("/v1/login", "/v1/logout")], [])
        self.check(self.run_cli("whoami", DECOMCTL_TOKEN_FILE=path), 0, "alice")
        os.chmod(path, 0o644)
        self.check(self.run_cli("whoami", DECOMCTL_TOKEN_FILE=path), 4, "chmod 600")


class Search(CliTest):
    def setUp(self):
        super().setUp()
        self.login()
        self.state.vms = [machine(n) for n in range(1, 31)]

    def test_formats(self):
        self.assertEqual(self.run_cli("search", "web-01", "-o", "id").stdout, "lab:vm-1\n")
        self.assertEqual(self.run_cli("search", "web-01", "-o", "name").stdout, "web-01\n")
        self.assertEqual(json.loads(self.run_cli("search", "web-01", "-o", "json").stdout)["items"][0], self.state.vms[0])
        rows = list(csv.DictReader(io.StringIO(self.run_cli("search", "-o", "csv", "--all").stdout)))
        self.assertEqual([row["id"] for row in rows], [vm["id"] for vm in self.state.vms])
        lines = self.run_cli("search", "-o", "ndjson").stdout.splitlines()
        self.assertEqual([json.loads(line)["id"] for line in lines], [vm["id"] for vm in self.state.vms])
        self.check(self.run_cli("search", "--format", "{{nmae}}"), 2, "there is no 'nmae'")

    def test_limits_and_pages(self):
        limited = self.run_cli("search", "--limit", "7", "-o", "id")
        self.assertEqual(len(limited.stdout.splitlines()), 7)
        self.assertIn("7 of 30 machines", limited.stderr)
        self.state.vms = [machine(n) for n in range(1, 2501)]
        everything = self.run_cli("search", "--all", "-o", "id")
        self.assertEqual(len(set(everything.stdout.splitlines())), 2500)
        self.assertEqual(everything.stderr, "")

    def test_the_fields_of_the_query_language(self):
        self.check(self.run_cli("search", "--fields"), 0, "os     operating system")

    def test_nothing_found_is_no_failure(self):
        self.check(self.run_cli("search", "nosuch"), 0, "no machine fits")

    def test_an_error_is_shown_in_its_place(self):
        result = self.run_cli("search", "web", "oss:linux")
        self.check(result, 2, "did you mean os:?")
        self.assertIn("  web oss:linux\n      ^~~\n", result.stderr)

    def test_a_stale_mirror_is_said_on_stderr(self):
        self.state.mirrors[0].update(connected=False, age_ms=95000, trouble="connection refused")
        result = self.run_cli("search", "web-01", "-o", "id")
        self.assertEqual(result.stdout, "lab:vm-1\n")
        self.assertIn("is away", result.stderr)

    def test_show_takes_a_name_an_id_or_a_request(self):
        self.check(self.run_cli("show", "web-07"), 0, "lab:vm-7")
        self.check(self.run_cli("show", "LAB:vm-7".lower()), 0, "web-07")
        self.check(self.run_cli("show", "web-0"), 3, "there is no machine")
        self.state.vms.append(machine(99, name="WEB-07", folder="attic"))
        self.check(self.run_cli("show", "web-07"), 2, "2 machines are named 'web-07'", "lab:vm-7", "lab:vm-99: attic")
        self.state.add_request(17, self.state.vms[:2])
        self.check(self.run_cli("show", "17.2"), 0, "web-02", "power_off")
        self.check(self.run_cli("show", "17.9"), 3, "has no machine 9")
        self.check(self.run_cli("show", "18"), 3)


class Submit(CliTest):
    def setUp(self):
        super().setUp()
        self.login()
        self.state.vms = [machine(n) for n in range(1, 11)]

    def posted(self, path):
        return [json.loads(body) for method, p, _, body in self.state.calls if (method, p) == ("POST", path)]

    def test_submits_exactly_what_was_planned(self):
        result = self.run_cli("submit", "web-01", "lab:vm-2", "--yes", "--reason", "attic", "--ticket", "CHG-1", "--skip",
                              "ad", "--shutdown-timeout", "90s", "--at", "2026-03-02T06:00:00+02:00")
        self.check(result, 0, "decomctl watch 17")
        self.assertEqual(result.stdout, "17\n")
        self.assertEqual(self.posted("/v1/plans"), [{"machines": ["web-01", "lab:vm-2"], "options": {
            "reason": "attic", "ticket": "CHG-1", "shutdown_timeout_s": 90, "guest_shutdown": True, "skip": ["ad"],
            "not_before": "2026-03-02T04:00:00.000Z", "records_only": False}}])
        self.assertEqual(self.posted("/v1/requests"), [{"plan": "p1", "hash": "h1"}])

    def test_machines_from_a_file_and_from_stdin(self):
        path = os.path.join(self.folder, "list")
        with open(path, "w", encoding="ascii") as file:
            file.write("# the attic\n\n  web-03  \nlab:vm-4\r\n")
        self.check(self.run_cli("submit", "--file", path, "--yes"), 0)
        self.check(self.run_cli("submit", "--file", "-", "--yes", stdin="web-05\n"), 0)
        self.check(self.run_cli("submit", "-", "--yes", stdin="web-06\n"), 0)
        self.assertEqual([p["machines"] for p in self.posted("/v1/plans")], [["web-03", "lab:vm-4"], ["web-05"], ["web-06"]])
        self.check(self.run_cli("submit", "--yes"), 2, "no machine was named")
        self.check(self.run_cli("submit", "--file", "/nonexistent", "--yes"), 2, "cannot read")

    def test_without_yes_and_without_a_terminal_nothing_is_submitted(self):
        self.check(self.run_cli("submit", "web-01"), 2, "--yes")
        self.assertEqual(self.posted("/v1/requests"), [])

    def test_a_lost_answer_is_asked_for_again_under_the_same_key(self):
        self.state.drop_after.add("/v1/requests")
        result = self.run_cli("submit", "web-01", "--yes")
        self.check(result, 0)
        self.assertEqual(len(self.state.requests), 1)
        keys = {headers["Idempotency-Key"] for method, path, headers, _ in self.state.calls
                if (method, path) == ("POST", "/v1/requests")}
        self.assertEqual(len(keys), 1)
        self.assertEqual(len(self.posted("/v1/requests")), 2)

    def test_every_machine_that_is_not_clear_is_named(self):
        self.check(self.run_cli("submit", "web-01", "nope", "nada", "--yes"), 3, "machines[1]: nope", "machines[2]: nada")

    def test_plan_changes_nothing(self):
        self.check(self.run_cli("plan", "web-01", "--skip", "ad"), 0, "it is there", "skipped", "nothing was changed")
        self.assertEqual(self.posted("/v1/requests"), [])

    def test_problems_have_their_exit_codes(self):
        for status, code, exit_code in ((403, "denied", 4), (409, "conflict", 1), (422, "invalid", 2), (503, "overloaded", 1),
                                        (503, "unreachable", 1), (507, "storage_full", 1)):
            self.state.answers[("POST", "/v1/plans")] = Problem(status, code, f"cannot: {code}", [("17.3", "lives there")])
            self.check(self.run_cli("submit", "web-01", "--yes"), exit_code, f"cannot: {code}", "17.3: lives there")


class Requests(CliTest):
    def setUp(self):
        super().setUp()
        self.login()
        self.state.add_request(17, [machine(1), machine(2)])

    def test_list_and_its_filters(self):
        self.check(self.run_cli("list"), 0, "17", "queued", "web-01 web-02", "attic cleanup")
        self.run_cli("list", "--state", "failed,running", "--live", "--machine", "web", "--text", "x y", "--since",
                     "2026-03-01T06:00:00Z", "--mine")
        self.assertIn("state=failed%2Crunning&live=true&user=S-1-5-21-1-2-3-1104&machine=web&text=x%20y"
                      "&since=2026-03-01T06%3A00%3A00.000Z", self.state.calls[-1][1])
        self.check(self.run_cli("list", "--state", "done"), 2, "needs_attention")
        self.assertEqual(self.run_cli("list", "-o", "id").stdout, "17\n")

    def test_status(self):
        self.check(self.run_cli("status"), 0, "request 17", "17.2", "web-02")
        self.check(self.run_cli("status", "17"), 0, "CHG-1", "17.1 web-01", "destroy !")
        self.assertEqual(json.loads(self.run_cli("status", "17", "-o", "json").stdout)["id"], 17)
        self.state.set_machine("17.1", "succeeded")
        self.state.set_machine("17.2", "succeeded")
        self.check(self.run_cli("status"), 0, "nothing is under way")

    def test_cancel_tells_what_was_done_and_what_was_not(self):
        self.check(self.run_cli("cancel", "17", "--vm", "web-02"), 0, "17.2 web-02  cancelled", "not done:")
        self.state.set_machine("17.1", "running")
        self.state.set_step("17.1", "power_off", "succeeded")
        process = self.start_cli("cancel", "17.1")
        self.wait_for_stream()
        self.state.set_step("17.1", "destroy", "unknown", "no answer")
        self.state.set_machine("17.1", "needs_attention", reason="the outcome of destroy is not known")
        out, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 8, out + err)
        self.assertIn("done:      power_off", out)
        self.assertIn("not known: destroy (no answer)", out)
        self.assertIn("is at work", err)

    def test_cancel_of_what_had_ended_says_that_it_came_too_late(self):
        for machine in ("17.1", "17.2"):
            self.state.set_machine(machine, "succeeded")
        self.check(self.run_cli("cancel", "17"), 1, "17.1", "nothing was cancelled: what was named had ended already")

    def test_ctrl_c_while_a_cancel_is_waited_for_says_that_it_stands(self):
        self.state.set_machine("17.1", "running")
        process = self.start_cli("cancel", "17.1")
        self.wait_for_stream()
        interrupt(process)
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        self.assertIn("the cancel of request 17 stands", err)
        self.assertNotIn("goes on", err)

    def test_cancel_can_return_at_once(self):
        self.state.set_machine("17.1", "running")
        self.check(self.run_cli("cancel", "17", "--no-wait"), 0, "is accepted")

    def test_retry_and_resolve(self):
        self.state.set_machine("17.1", "failed")
        self.check(self.run_cli("retry", "17", "--apply"), 0, "queued again: 17.1")
        self.assertEqual(json.loads(self.state.calls[-1][3]), {"machines": [], "apply": True})
        self.check(self.run_cli("resolve", "17.1/destroy", "--as", "done", "--reason", "seen"), 0, "closed as done")
        self.assertEqual(json.loads(self.state.calls[-1][3]),
                         {"machine": "17.1", "step": "destroy", "as": "done", "reason": "seen"})
        self.check(self.run_cli("resolve", "17.1", "--as", "done", "--reason", "seen"), 2, "17.3/destroy")
        self.check(self.run_cli("resolve", "17.1/destroy", "--as", "maybe", "--reason", "x"), 2, "done|not-done")

    def test_freeze_and_thaw(self):
        self.check(self.run_cli("freeze", "--reason", "incident"), 0, "no irreversible step", "incident")
        self.check(self.run_cli("thaw", "--reason", "over"), 0, "thawed")

    def test_the_raw_api(self):
        self.assertEqual(json.loads(self.run_cli("api", "GET", "/v1/health").stdout), {"status": "ok", "version": "0.1.0"})
        self.check(self.run_cli("api", "POST", "/v1/freeze", "--input", "-", stdin='{"reason": "x"}'), 0, '"frozen"')
        self.check(self.run_cli("api", "GET", "/v1/requests/99"), 3, '"code"')
        self.check(self.run_cli("api", "GET", "v1"), 2, "is not a path")


class Watch(CliTest):
    def setUp(self):
        super().setUp()
        self.login()
        self.state.add_request(17, [machine(1), machine(2)])

    def settle(self, first="succeeded", second="succeeded"):
        self.state.set_step("17.1", "power_off", "running")
        self.state.set_step("17.1", "power_off", "succeeded", "off")
        self.state.set_machine("17.1", first)
        self.state.set_machine("17.2", second)

    def test_in_a_pipe_it_is_one_event_a_line(self):
        process = self.start_cli("watch", "17")
        self.wait_for_stream()
        self.settle()
        out, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 0, err)
        self.assertIn("2026-03-01 09:15:00 +01:00  17.1/power_off  off\n", out)
        self.assertNotIn("\x1b", out)

    def test_exit_codes_by_result(self):
        for states, code in ((("failed", "succeeded"), 7), (("failed", "failed"), 1), (("cancelled", "succeeded"), 6),
                             (("needs_attention", "failed"), 8)):
            with self.subTest(states):
                number = max(self.state.requests) + 1
                self.state.add_request(number, [machine(1), machine(2)])
                process = self.start_cli("watch", str(number), "-o", "ndjson")
                self.wait_for_stream(self.state.streams + 1)
                for ordinal, state in enumerate(states, 1):
                    self.state.set_machine(f"{number}.{ordinal}", state)
                out, err = process.communicate(timeout=20)
                self.assertEqual(process.returncode, code, err)
                self.assertTrue(all(json.loads(line)["request"] == number for line in out.splitlines()))
                self.assertEqual(self.run_cli("watch", str(number)).returncode, code)

    def test_nothing_is_missed_and_nothing_comes_twice_when_the_daemon_restarts(self):
        process = self.start_cli("watch", "17", "-o", "ndjson")
        self.wait_for_stream()
        self.state.set_machine("17.1", "running")
        self.stop_daemon()
        self.state.set_machine("17.1", "succeeded")
        self.start_daemon()
        self.wait_for_stream(2)
        self.state.set_machine("17.2", "succeeded")
        out, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual([json.loads(line)["seq"] for line in out.splitlines()], [2, 3, 4, 5])
        self.assertIn("away", err)
        self.assertIn("back", err)

    def test_a_daemon_that_stays_away_ends_it(self):
        process = self.start_cli("--timeout", "1s", "watch", "17")
        self.wait_for_stream()
        self.stop_daemon()
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 5, err)

    def test_interrupt_detaches_and_says_how_to_come_back(self):
        process = self.start_cli("watch", "17")
        self.wait_for_stream()
        interrupt(process)
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        self.assertIn("decomctl watch 17", err)
        self.assertIn("decomctl cancel 17", err)
        self.assertEqual({m["state"] for m in self.state.requests[17]["machines"]}, {"queued"})

    def test_only_one_machine_of_it(self):
        process = self.start_cli("watch", "17.2")
        self.wait_for_stream()
        self.state.set_machine("17.1", "failed")
        self.state.set_machine("17.2", "succeeded")
        out, _ = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 0)
        self.assertNotIn("17.1", out)

    def test_replay_from_the_beginning(self):
        self.settle()
        out = self.run_cli("watch", "17", "--since", "0", "-o", "ndjson").stdout
        self.assertEqual([json.loads(line)["seq"] for line in out.splitlines()], list(range(1, len(self.state.events) + 1)))

    def test_submit_can_wait(self):
        self.state.vms = [machine(5)]
        process = self.start_cli("submit", "web-05", "--yes", "--wait")
        self.wait_for_stream()
        self.state.set_machine("18.1", "failed")
        out, err = process.communicate(timeout=20)
        self.assertEqual((process.returncode, out), (1, "18\n"), err)


if __name__ == "__main__":
    unittest.main()
