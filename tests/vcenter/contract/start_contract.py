"""Starting, ending, certificates, identities, generated machines."""
import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest

from contract import harness
from contract.harness import VCenter


def names(server):
    return [vm["name"] for vm in server.control("inventory")["vms"]]


def identities(server):
    inventory = server.control("inventory")
    return inventory["instance_uuid"], [(vm["moref"], vm["instance_uuid"], vm["bios_uuid"]) for vm in inventory["vms"]]


class Start(unittest.TestCase):
    def start(self, *options, **fields):
        server = VCenter(*options, **fields)
        self.addCleanup(server.close)
        return server

    def test_one_line_of_json_says_where_it_is(self):
        server = self.start()
        self.assertEqual(server.ready["pid"], server.process.pid)
        self.assertTrue(server.ready["url"].startswith("https://127.0.0.1:"))
        leaf = ssl.get_server_certificate((server.host, server.port))
        self.assertRegex(server.ready["thumbprint"], r"^SHA256:([0-9A-F]{2}:){31}[0-9A-F]{2}$")
        import hashlib

        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(leaf)).hexdigest().upper()
        self.assertEqual(server.ready["thumbprint"].replace(":", ""), "SHA256" + digest)

    def test_every_start_is_another_vcenter_with_other_machines(self):
        one, two = (self.start("--generate", "20", "--seed", "7") for _ in range(2))
        self.assertEqual(names(one), names(two))
        (uuid1, vms1), (uuid2, vms2) = identities(one), identities(two)
        self.assertNotEqual(uuid1, uuid2)
        self.assertFalse(set(map(lambda v: v[1], vms1)) & set(map(lambda v: v[1], vms2)))
        self.assertNotEqual(vms1[0][0], vms2[0][0])

    def test_with_an_identity_seed_it_is_the_same_vcenter_again(self):
        one, two = (self.start("--generate", "20", "--identity-seed", "lab") for _ in range(2))
        self.assertEqual(identities(one), identities(two))

    def test_another_seed_invents_other_machines(self):
        one, two = self.start("--generate", "20", "--seed", "1"), self.start("--generate", "20", "--seed", "2")
        self.assertNotEqual(names(one), names(two))

    def test_generated_machines_are_believable(self):
        vms = self.start("--generate", "1000").control("inventory")["vms"]
        self.assertEqual(len(vms), 1000)
        windows = sum(vm["guest_id"].startswith("win") for vm in vms)
        self.assertTrue(350 < windows < 450, windows)
        self.assertEqual(len({vm["name"] for vm in vms}), 1000)
        with_host = [vm for vm in vms if vm.get("host_name")]
        self.assertTrue(all(vm["host_name"].lower() == vm["name"] + ".corp.example.test" for vm in with_host))
        addresses = [ip for vm in vms for ip in vm.get("ips", [])]
        self.assertEqual(len(addresses), len(set(addresses)))
        self.assertTrue(any(":" in ip for ip in addresses))
        self.assertTrue(any(vm.get("snapshots") for vm in vms))
        self.assertTrue(any(vm["power"] == "off" for vm in vms))
        self.assertTrue(any(vm["tools"] == "not_running" for vm in vms))
        self.assertTrue(all(vm["attributes"]["owner"] and vm["tags"] for vm in vms))

    def test_it_ends_when_standard_input_is_closed_and_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as scratch:
            process = subprocess.Popen([harness.PROGRAM, "--stdin-leash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       env=dict(os.environ, TMPDIR=scratch))
            process.stdout.readline()
            self.assertTrue(os.listdir(scratch))
            process.stdin.close()
            self.assertEqual(process.wait(10), 0)
            process.stdout.close()
            self.assertEqual(os.listdir(scratch), [])

    def test_it_ends_on_sigterm_and_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as scratch:
            with subprocess.Popen([harness.PROGRAM], stdout=subprocess.PIPE, env=dict(os.environ, TMPDIR=scratch)) as process:
                process.stdout.readline()
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(10), 0)
            self.assertEqual(os.listdir(scratch), [])

    def test_what_a_killed_server_left_is_swept_by_the_next(self):
        with tempfile.TemporaryDirectory() as scratch:
            environment = dict(os.environ, TMPDIR=scratch)
            with subprocess.Popen([harness.PROGRAM], stdout=subprocess.PIPE, env=environment) as process:
                process.stdout.readline()
                process.kill()
            self.assertEqual(len(os.listdir(scratch)), 1)
            with subprocess.Popen([harness.PROGRAM, "--stdin-leash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
                process.stdout.readline()
                self.assertEqual(len(os.listdir(scratch)), 1)
                process.stdin.close()
            self.assertEqual(os.listdir(scratch), [])

    def test_it_listens_on_loopback_only(self):
        done = subprocess.run([harness.PROGRAM, "--listen", "0.0.0.0:0"], capture_output=True, text=True, timeout=10)
        self.assertEqual(done.returncode, 1)
        self.assertIn("loopback", done.stderr)

    def test_a_mistake_in_the_inventory_is_named(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"vms": [{"name": "x", "colour": "red"}]}, file)
            file.flush()
            done = subprocess.run([harness.PROGRAM, "--inventory", file.name], capture_output=True, text=True, timeout=10)
        self.assertEqual(done.returncode, 1)
        self.assertIn("colour", done.stderr)

    def test_bad_certificates_are_refused_by_a_verifying_client(self):
        for bad in ("expired", "not-yet-valid", "wrong-host", "no-san", "weak-rsa1024", "untrusted", "client-only"):
            with self.subTest(bad):
                server = self.start("--bad-cert", bad)
                with socket.create_connection((server.host, server.port)) as bare:
                    with self.assertRaises(ssl.SSLError):
                        server.tls().wrap_socket(bare, server_hostname=server.host).close()

    def test_own_certificate_files_are_used(self):
        with tempfile.TemporaryDirectory() as folder:
            cert, key = folder + "/c.pem", folder + "/k.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=own",
                            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
            server = self.start("--cert", cert, "--key", key)
            with open(cert, encoding="ascii") as own, open(server.ca, encoding="ascii") as written:
                self.assertEqual(own.read(), written.read())
