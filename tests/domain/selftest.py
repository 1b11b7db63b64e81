#!/usr/bin/python3
"""Proves that the test domain behaves as README.md says, with OpenLDAP's tools as clients and the databases as witness."""

import json
import os
import re
import resource
import select
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import certificates  # noqa: E402
from domainctl import Domain, DomainError  # noqa: E402


class Server:
    """domain_server.py on a leash."""

    def __init__(self, *arguments, command=None):
        command = command or [f"{HERE}/domain_server.py", "--stdin-leash", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the domain server did not start: status {self.process.wait()}")
        self.facts = json.loads(line)
        self.domain = Domain(self.facts["control"])

    def end(self):
        self.domain.close()
        self.process.stdin.close()
        status = self.process.wait(10)
        self.process.stdout.close()
        return status


def wait_until_ended(pid, seconds=10):
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ready, _, _ = select.select([watch], [], [], seconds)
    os.close(watch)
    if not ready:
        raise AssertionError(f"{pid} still runs after {seconds} s")


class DomainServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="decom-domain-test-")
        computers = f"{cls.folder.name}/computers.json"
        with open(computers, "w", encoding="utf-8") as out:
            json.dump([{"name": "EXTRA01", "description": "from a file"}, {"name": "WEB01"}], out)
        cls.server = Server("--dir", f"{cls.folder.name}/dc", "--computers", computers)
        cls.facts = cls.server.facts
        cls.domain = cls.server.domain
        cls.base = cls.facts["base_dn"]

    @classmethod
    def tearDownClass(cls):
        status = cls.server.end()
        cls.folder.cleanup()
        assert status == 0, status

    def ldap(self, tool, *arguments, user=None, password=None, url=None, **environment):
        """Runs an OpenLDAP tool with our authority; answers (status, output)."""
        who = [] if user is None else ["-x", "-D", user, "-w", password]
        done = subprocess.run(
            [tool, "-H", url or self.facts["ldaps"], "-o", "nettimeout=3", *who, *arguments],
            env={**os.environ, "LDAPTLS_CACERT": self.facts["ca"], **environment},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def bind(self, user, password, url=None):
        """(result code, `data` code or None) of a simple bind."""
        search = ["-LLL", "-s", "base", "-b", self.base, "1.1"]
        status, output = self.ldap("ldapsearch", *search, user=user, password=password, url=url)
        data = re.search(r"data ([0-9a-f]+),", output)
        return status, data and data[1]

    def service(self, name="svc-decom"):
        account = self.facts["users"][name]
        return {"user": account["upn"], "password": account["password"]}

    def delete(self, dn, account="svc-decom"):
        return self.ldap("ldapdelete", dn, **self.service(account))[0]

    def search(self, *arguments, **who):
        status, output = self.ldap("ldapsearch", "-LLL", "-o", "ldif-wrap=no", *arguments, **(who or self.service()))
        self.assertEqual(status, 0, output)
        return output

    def token_groups(self, user):
        output = self.search("-s", "base", "-b", self.facts["users"][user]["dn"], "tokenGroups")
        import base64

        def text(raw):
            parts = [int.from_bytes(raw[i : i + 4], "little") for i in range(8, len(raw), 4)]
            return "-".join(map(str, ["S", raw[0], int.from_bytes(raw[2:8], "big"), *parts]))

        return [text(base64.b64decode(v)) for v in re.findall(r"^tokenGroups:: (\S+)$", output, re.M)]

    # -- who may log on -----------------------------------------------------------------------------------------------

    def test_each_account_binds_or_is_refused_with_its_own_code(self):
        expected = {
            "alice": None, "olga": None, "bob": None, "vera": None, "carol": None, "paul": None, "root.admin": None,
            "zoe": None, "dave": "533", "erin": "701", "lou": "775", "mona": "773", "pete": "532", "hana": "530",
            "wanda": "531",
        }  # fmt: skip
        users = self.facts["users"]
        self.assertEqual(set(expected), {n for n in users if not n.startswith("svc-")})
        for name, data in expected.items():
            with self.subTest(name):
                got = self.bind(users[name]["upn"], users[name]["password"])
                self.assertEqual(got, (49, data) if data else (0, None))

    def test_every_spelling_of_a_person_binds(self):
        alice = self.facts["users"]["alice"]
        for spelling in (alice["upn"], "CORP\\alice", alice["dn"], "alice@CORP.EXAMPLE.TEST"):
            with self.subTest(spelling):
                self.assertEqual(self.bind(spelling, alice["password"]), (0, None))
        zoe = self.facts["users"]["zoe"]
        self.assertEqual(self.bind(zoe["dn"], zoe["password"]), (0, None))
        self.assertIn("\\, Zoë (ops) \\#1", zoe["dn"])

    def test_wrong_password_and_unknown_user_are_not_told_apart(self):
        self.assertEqual(self.bind("olga@corp.example.test", "wrong"), (49, "52e"))
        self.assertEqual(self.bind("nobody@corp.example.test", "wrong"), (49, "52e"))

    def test_a_simple_bind_needs_tls(self):
        alice = self.facts["users"]["alice"]
        self.assertEqual(self.bind(alice["upn"], alice["password"], self.facts["ldap"])[0], 8)

    def test_every_attempt_to_log_on_is_witnessed(self):
        before = len(self.domain.call("logons"))
        self.bind("olga@corp.example.test", "wrong")
        self.bind("olga@corp.example.test", self.facts["users"]["olga"]["password"])
        seen = self.domain.call("logons", before)
        self.assertEqual(
            [(e["account"], e["status"]) for e in seen],
            [("olga", "NT_STATUS_WRONG_PASSWORD"), ("olga", "NT_STATUS_OK")],
        )

    def test_five_wrong_passwords_lock_an_account(self):
        self.domain.call("add-user", "temp.lock")
        for _ in range(5):
            self.assertEqual(self.bind("temp.lock@corp.example.test", "wrong")[1], "52e")
        self.assertTrue(self.domain.call("user", "temp.lock")["locked"])
        self.assertEqual(self.bind("temp.lock@corp.example.test", "Passw0rd!")[1], "775")
        self.domain.call("unlock", "temp.lock")
        self.assertEqual(self.bind("temp.lock@corp.example.test", "Passw0rd!")[0], 0)
        self.domain.call("delete-user", "temp.lock")

    def test_kerberos_keytabs_work(self):
        with tempfile.TemporaryDirectory() as work:
            environment = {"KRB5_CONFIG": self.facts["krb5_conf"], "KRB5CCNAME": f"FILE:{work}/cc"}
            principals = {
                "svc-decom": "svc-decom",
                "svc-noright": "svc-noright",
                "decomd": "svc-decomd",
                "dns": "svc-dns",
            }
            self.assertEqual(set(principals), set(self.facts["keytabs"]))
            for keytab in ("svc-noright", "svc-decom"):
                subprocess.run(
                    ["kinit", "-k", "-t", self.facts["keytabs"][keytab], keytab],
                    env={**os.environ, **environment},
                    check=True,
                )
            for principal in ("decom/decom1.corp.example.test", "DNS/ns1.lab.example.test"):
                subprocess.run(["kvno", "-q", principal], env={**os.environ, **environment}, check=True)
            # By address, which needs the SPN that follows it.
            arguments = ["-Y", "GSSAPI", "-Q", "-N", "-O", "minssf=128", "-LLL", "-s", "base", "-b", self.base, "1.1"]
            status, output = self.ldap("ldapsearch", *arguments, url=self.facts["ldap"], **environment)
            self.assertEqual(status, 0, output)

    # -- groups -------------------------------------------------------------------------------------------------------

    def test_nested_and_looped_groups_count(self):
        sid = {name: group["sid"] for name, group in self.facts["groups"].items()}
        for user, group in (("alice", "Decom Operators"), ("zoe", "Decom Approvers"), ("bob", "Domain Users")):
            with self.subTest(user):
                self.assertIn(sid[group], self.token_groups(user))
        self.assertNotIn(sid["Decom Operators"], self.token_groups("bob"))

    def test_membership_and_state_change_at_once(self):
        operators = self.facts["groups"]["Decom Operators"]["sid"]
        self.domain.call("join", "Decom Operators", "bob")
        self.assertIn(operators, self.token_groups("bob"))
        self.domain.call("leave", "Decom Operators", "bob")
        self.assertNotIn(operators, self.token_groups("bob"))
        vera = self.facts["users"]["vera"]
        for verb, data, undo in (("disable", "533", "enable"), ("lock", "775", "unlock"), ("expire", "701", "unexpire")):
            self.domain.call(verb, "vera")
            self.assertEqual(self.bind(vera["upn"], vera["password"])[1], data)
            self.domain.call(undo, "vera")
            self.assertEqual(self.bind(vera["upn"], vera["password"])[0], 0)

    # -- computers ----------------------------------------------------------------------------------------------------

    def test_the_service_account_deletes_computers_leaf_by_leaf_in_its_unit_only(self):
        web05 = self.domain.call("computer", "WEB05")
        self.assertEqual(len(web05["children"]), 3)
        self.assertEqual(self.delete(web05["dn"]), 66)
        self.assertEqual(self.delete(web05["children"][0], "svc-noright"), 50)
        for child in web05["children"]:
            self.assertEqual(self.delete(child), 0, child)
        self.assertEqual(self.delete(web05["dn"], "svc-noright"), 50)
        self.assertEqual(self.delete(web05["dn"]), 0)
        self.assertEqual(self.delete(web05["dn"]), 32)
        self.assertIsNone(self.domain.call("computer", "WEB05"))
        self.assertEqual(self.delete(self.domain.call("computer", "LNX01")["dn"]), 0)
        for name in ("WKS01", "DC1", "APP01"):
            with self.subTest(name):
                self.assertEqual(self.delete(self.domain.call("computer", name)["dn"]), 50)
        self.domain.call("add-computers", {"name": "WEB05", "children": ["service", "bitlocker", "bitlocker"]})
        self.domain.call("add-computers", {"name": "LNX01", "ou": "OU=Linux,OU=Servers", "os": "Linux"})

    def test_a_child_of_a_child_is_beyond_the_delegation(self):
        web06 = self.domain.call("computer", "WEB06")
        self.assertEqual([dn.split(",")[0] for dn in web06["children"]], ["CN=subscriber", "CN=DFSR-LocalSettings"])
        self.assertEqual(self.delete(web06["children"][0]), 50)
        self.assertEqual(self.delete(web06["children"][1]), 66)

    def test_of_a_recovery_key_the_service_account_sees_the_name_only(self):
        web05 = self.domain.call("computer", "WEB05")["dn"]
        output = self.search("-s", "one", "-b", web05)
        self.assertEqual(output.count("dn: CN=2024-01-0"), 2)
        self.assertNotIn("canary-bitlocker", output)
        # Nor may it read what they are: their class admits administrators only.
        self.assertNotIn("msFVE", output)

    def test_computers_that_must_be_refused_say_what_they_are(self):
        read = lambda name: self.domain.call("read", self.domain.call("computer", name)["dn"])  # noqa: E731
        self.assertEqual(read("CRIT01")["isCriticalSystemObject"], ["TRUE"])
        self.assertEqual(read("DC1")["primaryGroupID"], ["516"])
        self.assertTrue(int(read("FAKEDC01")["userAccountControl"][0]) & 0x2000)
        self.assertTrue(int(read("FAKERODC01")["userAccountControl"][0]) & 0x04000000)
        self.assertEqual(read("FAKERODC01")["primaryGroupID"], ["521"])
        self.assertTrue(self.domain.call("computer", "DB01")["disabled"])
        self.assertEqual(self.domain.call("computer", "APP02")["dns"], "app-two.other.example.test")
        twins = [c["name"] for c in self.domain.call("computers") if c["dns"] == "twin.corp.example.test"]
        self.assertEqual(sorted(twins), ["TWIN01", "TWIN02"])

    def test_computers_of_a_file_are_added_once(self):
        extra = self.domain.call("computer", "EXTRA01")
        self.assertEqual(self.domain.call("read", extra["dn"], ["description"]), {"description": ["from a file"]})

    def test_computers_come_and_go_and_every_client_sees_it(self):
        added = self.domain.call("add-computers", [{"name": "TMP01"}, {"name": "TMP02", "children": ["service"]}])
        output = self.search("-b", f"<GUID={added[1]['guid']}>", "-s", "base", "sAMAccountName")
        self.assertIn("sAMAccountName: TMP02$", output)
        for name in ("TMP01", "TMP02"):
            self.domain.call("delete-computer", name)
        self.assertNotIn("TMP0", self.search("-b", self.base, "(objectCategory=computer)", "sAMAccountName"))

    def test_a_mistake_is_told_and_ends_nothing(self):
        for call in (["no-such-verb"], ["user", "nobody"], ["add-computers", {"name": "WEB01"}], ["delete", "DC=x"]):
            with self.subTest(call), self.assertRaises(DomainError):
                self.domain.call(*call)
        self.assertIsNotNone(self.domain.call("computer", "WEB01"))

    def test_a_call_by_the_tool_is_cheap(self):
        tool = [f"{HERE}/domainctl.py", "--control", self.facts["control"]]
        self.assertEqual(json.loads(subprocess.check_output([*tool, "user", "alice"]))["groups"], ["Linux Admins"])

        def work():  # of the tool; time by the clock would measure who else runs on this machine
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            return used.ru_utime + used.ru_stime

        before = work()
        for _ in range(5):
            subprocess.check_output([*tool, "computer", "WEB01"])
        self.assertLess((work() - before) / 5, 0.15)

    # -- failures -----------------------------------------------------------------------------------------------------

    def test_the_controller_freezes_restarts_and_goes_down(self):
        url = ["-LLL", "-s", "base", "-b", "", "isSynchronized"]
        self.domain.call("freeze")
        with socket.create_connection((self.facts["address"], 389), 2) as silent:
            silent.settimeout(0.3)
            silent.sendall(b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00")
            with self.assertRaises(TimeoutError):
                silent.recv(1)
        self.domain.call("thaw")
        self.domain.call("down")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection((self.facts["address"], 636), 2)
        self.assertIsNotNone(self.domain.call("computer", "WEB01"))
        self.domain.call("up")
        self.assertEqual(self.ldap("ldapsearch", "-x", *url)[0], 0)
        self.domain.call("restart")
        self.assertEqual(self.ldap("ldapsearch", "-x", *url)[0], 0)

    def test_bad_certificates_are_bad_each_in_its_own_way(self):
        words = {
            "expired": "expired",
            "not-yet-valid": "not yet valid",
            "wrong-name": "mismatch",
            "other-authority": "signature failure|unable to get local issuer|self-signed|certificate verify failed",
            "self-signed": "self-signed|unable to get local issuer",
            "client-only": "unsuitable|unsupported certificate purpose",
        }
        self.assertEqual({"good", *words}, set(certificates.KINDS))
        trust = ssl.create_default_context(cafile=self.facts["ca"])

        def shake_hands():
            with socket.create_connection((self.facts["address"], 636), 5) as plain:
                trust.wrap_socket(plain, server_hostname=self.facts["host"]).close()

        for kind, pattern in words.items():
            with self.subTest(kind):
                self.domain.call("certificate", kind)
                with self.assertRaisesRegex(ssl.SSLCertVerificationError, pattern):
                    shake_hands()
        self.domain.call("certificate", "good")
        shake_hands()


class Life(unittest.TestCase):
    def test_it_ends_with_its_leash(self):
        server = Server()
        samba = server.domain.call("pid")
        folder = os.path.dirname(server.facts["ca"])
        self.assertEqual(server.end(), 0)
        wait_until_ended(samba)
        self.assertFalse(os.path.exists(folder))

    def test_it_ends_on_sigterm_even_when_frozen(self):
        server = Server()
        samba = server.domain.call("pid")
        server.domain.call("freeze")
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(10), 0)
        wait_until_ended(samba)
        server.end()

    def test_samba_dies_with_a_killed_server_even_when_frozen(self):
        with tempfile.TemporaryDirectory() as folder:
            server = Server("--dir", folder)
            samba = server.domain.call("pid")
            server.domain.call("freeze")
            server.process.kill()
            self.assertEqual(server.process.wait(10), -signal.SIGKILL)
            wait_until_ended(samba)
            server.domain.close()
            server.process.stdin.close()
            server.process.stdout.close()

    def test_it_does_not_outlive_its_parent_and_a_kept_domain_starts_again_elsewhere(self):
        with tempfile.TemporaryDirectory() as folder:
            # A shell in between, which is then killed: no leash, only parenthood.
            server = Server(command=["/bin/sh", "-c", f"{HERE}/domain_server.py --dir {folder}/dc; true"])
            first = server.facts["address"]
            server.domain.call("delete-computer", "WEB02")
            samba = server.domain.call("pid")
            server.domain.close()
            server.process.kill()
            server.process.wait(10)
            wait_until_ended(samba)
            server.process.stdin.close()
            server.process.stdout.close()

            again = Server("--dir", f"{folder}/dc")
            self.assertNotEqual(again.facts["address"], first)
            self.assertIsNone(again.domain.call("computer", "WEB02"))
            self.assertEqual(again.facts["domain_sid"], server.facts["domain_sid"])
            node = f"DC=dc1,DC=corp.example.test,CN=MicrosoftDNS,DC=DomainDnsZones,{again.facts['base_dn']}"
            self.assertIsNotNone(again.domain.call("read", node))
            self.assertEqual(again.end(), 0)


if __name__ == "__main__":
    unittest.main()
