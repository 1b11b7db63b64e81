"""Starts a test vCenter and talks to it: SOAP through pyvmomi, raw SOAP for what pyvmomi hides, JSON for the control API."""
import http.client
import http.cookies
import json
import os
import ssl
import subprocess
import tempfile
import unittest
import urllib.parse
import urllib.request

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

PROGRAM = ""  # set by selftest.py
PC = vmodl.query.PropertyCollector
PATHS = ["name", "config.instanceUuid", "config.annotation", "config.template", "guest.ipAddress", "runtime.powerState", "customValue", "parent"]

INVENTORY = {
    "users": [
        {"name": "svc-decom@vsphere.local", "password": "s3cret"},
        {"name": "CORP\\alice", "password": "alice"},
        {"name": "CORP\\bob", "password": "bob"},
    ],
    "groups": {"CORP\\Decom Operators": ["CORP\\bob"]},
    "roles": {
        "Decom": ["VirtualMachine.Interact.PowerOff", "VirtualMachine.Inventory.Delete"],
        "PowerOnly": ["VirtualMachine.Interact.PowerOff"],
    },
    "permissions": [
        {"on": "/", "principal": "svc-decom@vsphere.local", "role": "Admin"},
        {"on": "/", "principal": "CORP\\alice", "role": "ReadOnly"},
        {"on": "/Prod", "principal": "CORP\\Decom Operators", "group": True, "role": "Decom"},
    ],
    "folders": ["Prod/Web", "Empty"],
}


class VCenter:
    """One running server. Ends with its process, whatever happens to the test."""

    def __init__(self, *options, inventory=None):
        self.folder = tempfile.TemporaryDirectory(prefix="vcenter-contract-")
        self.ca = os.path.join(self.folder.name, "ca.pem")
        self.ledger_file = os.path.join(self.folder.name, "ledger.jsonl")
        command = [PROGRAM, "--stdin-leash", "--cert-out", self.ca, "--ledger", self.ledger_file]
        if inventory is not None:
            path = os.path.join(self.folder.name, "inventory.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(inventory, file)
            command += ["--inventory", path]
        self.process = subprocess.Popen(command + list(options), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server did not start: {self.process.wait()}")
        self.ready = json.loads(line)
        parts = urllib.parse.urlsplit(self.ready["url"])
        self.host, self.port = parts.hostname, parts.port

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
        self.folder.cleanup()

    def tls(self):
        return ssl.create_default_context(cafile=self.ca)

    def login(self, user="svc-decom@vsphere.local", password="s3cret"):
        return SmartConnect(host=self.host, port=self.port, user=user, pwd=password, sslContext=self.tls())

    def control(self, verb, body=None, timeout=20):
        data = json.dumps(body).encode() if body is not None else b""
        request = urllib.request.Request(self.ready["control"] + "/" + verb, data=data, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{verb}: {error.read().decode()}") from None

    def rule(self, **fields):
        return self.control("rules", fields)["ids"][0]

    def create(self, name, **fields):
        return self.control("vm/create", dict(name=name, **fields))

    def ledger(self, **match):
        return [r for r in self.control("ledger") if all(r.get(key) == value for key, value in match.items())]


class Soap:
    """Bare SOAP over one kept connection, to see status lines, raw bytes and dropped connections."""

    def __init__(self, server):
        self.connection = http.client.HTTPSConnection(server.host, server.port, context=server.tls(), timeout=20)
        self.cookie = ""

    def post(self, method, this, inner="", kind=None):
        kind = kind or this
        body = (
            '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><e:Body>'
            f'<{method} xmlns="urn:vim25"><_this type="{kind}">{this}</_this>{inner}</{method}></e:Body></e:Envelope>'
        )
        headers = {"Content-Type": "text/xml", "SOAPAction": "urn:vim25/6.5"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        self.connection.request("POST", "/sdk", body, headers)
        answer = self.connection.getresponse()
        if answer.getheader("Set-Cookie"):
            cookies = http.cookies.SimpleCookie(answer.getheader("Set-Cookie"))
            self.cookie = "vmware_soap_session=" + cookies["vmware_soap_session"].coded_value
        return answer.status, answer.read().decode(errors="replace")

    def login(self, user="svc-decom@vsphere.local", password="s3cret"):
        return self.post("Login", "SessionManager", f"<userName>{user}</userName><password>{password}</password>")

    def close(self):
        self.connection.close()


class Case(unittest.TestCase):
    """A class of tests with one server and one logged-in session."""

    OPTIONS = ()
    INVENTORY = INVENTORY

    @classmethod
    def setUpClass(cls):
        cls.server = VCenter(*cls.OPTIONS, inventory=cls.INVENTORY)
        cls.si = cls.server.login()
        cls.content = cls.si.RetrieveContent()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.server.control("rules/delete")

    def vm(self, name, si=None, **fields):
        """A new machine of the test's own, and a pyvmomi handle to it."""
        self.made = self.server.create(name, **fields)
        return vim.VirtualMachine(self.made["moref"], (si or self.si)._stub)

    def session(self, user, password):
        si = self.server.login(user, password)
        self.addCleanup(Disconnect, si)
        return si

    def soap(self, **login):
        soap = Soap(self.server)
        self.addCleanup(soap.close)
        status, text = soap.login(**login)
        self.assertEqual(status, 200, text)
        return soap


def machines_spec(view, paths=None):
    through = PC.TraversalSpec(name="view", type=vim.view.ContainerView, path="view", skip=False)
    return PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=view, skip=True, selectSet=[through])],
        propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=paths or PATHS)],
    )


def task_spec(task, paths=("info.state", "info.progress")):
    return PC.FilterSpec(objectSet=[PC.ObjectSpec(obj=task)], propSet=[PC.PropertySpec(type=vim.Task, pathSet=list(paths))])


class Watch:
    """A filter on a collector of its own, read to the end before it is used."""

    def __init__(self, si, spec):
        self.collector = si.RetrieveContent().propertyCollector.CreatePropertyCollector()
        self.filter = self.collector.CreateFilter(spec, False)
        self.version = ""
        self.known = {}

    def next(self, seconds=10, limit=None):
        updates = self.collector.WaitForUpdatesEx(self.version, PC.WaitOptions(maxWaitSeconds=seconds, maxObjectUpdates=limit))
        if updates is None:
            return None
        self.version = updates.version
        for part in updates.filterSet:
            for change in part.objectSet:
                self.apply(change)
        return updates

    def apply(self, change):
        key = change.obj._moId
        if change.kind == "leave":
            self.known.pop(key)
            return
        if change.kind == "enter":
            assert key not in self.known, f"{key} entered twice"
            self.known[key] = {}
        for one in change.changeSet:
            self.known[key][one.name] = one.val

    def value(self, obj, path):
        return self.known.get(obj._moId, {}).get(path)

    def until(self, condition):
        """Reads updates until the condition holds for what is known."""
        while not condition(self.known):
            assert self.next() is not None, f"nothing more came; known is {self.known}"


def wait(si, task):
    """Waits for a task with a property filter, as a client should."""
    watch = Watch(si, task_spec(task))
    watch.until(lambda known: known.get(task._moId, {}).get("info.state") in ("success", "error"))
    watch.collector.DestroyPropertyCollector()
    return task.info
