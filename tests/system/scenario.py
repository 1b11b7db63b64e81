"""What the system tests have in common: machines, people, rights, and a domain that all cases of one file share."""

import pathlib
import shutil
import tempfile
import unittest

from stack import Domain, Stack, Vcenter, bin_dir

DECOM_ROLE = ["VirtualMachine.Interact.PowerOff", "VirtualMachine.Inventory.Delete", "System.Read", "System.View"]
PEOPLE = ("alice", "olga", "paul", "root.admin")


def machine(name, family="windows", number=1, **more):
    guest = {"windows": "windows2019srv_64Guest", "linux": "rhel8_64Guest", "other": "freebsd12_64Guest"}[family]
    return {
        "name": name,
        "folder": "Prod",
        "guest_id": guest,
        "ips": [f"10.20.{number // 250}.{number % 250 + 1}"],
        "host_name": f"{name}.corp.example.test",
        "tools": "running",
        "power": "on",
        "attributes": {"owner": "ops"},
        **more,
    }


def computer(name, **more):
    return {"name": name.upper(), "dns": f"{name.lower()}.corp.example.test", "os": "Windows Server 2019 Standard", **more}


def inventory(machines, people=PEOPLE, permissions=()):
    return {
        "users": [
            {"name": "svc-decom@vsphere.local", "password": "s3cret-of-decomd"},
            {"name": "colleague@vsphere.local", "password": "by-other-means"},
        ],
        "roles": {"Decom": DECOM_ROLE},
        "permissions": [
            {"on": "/", "principal": "svc-decom@vsphere.local", "role": "Admin"},
            {"on": "/", "principal": "colleague@vsphere.local", "role": "Admin"},
            *({"on": "/", "principal": f"CORP\\{p}", "role": "Decom"} for p in people),
            *permissions,
        ],
        "vms": machines,
    }


def destroyed_by_a_colleague(vcenter, name):
    """Powered off and destroyed by somebody else, with VMware's own client."""
    import ssl

    from pyVim.connect import Disconnect, SmartConnect
    from pyVim.task import WaitForTask
    from pyVmomi import vim

    host, port = vcenter.url.split("//")[1].split("/")[0].split(":")
    context = ssl.create_default_context(cafile=str(vcenter.ca))
    context.check_hostname = False
    service = SmartConnect(host=host, port=int(port), user="colleague@vsphere.local", pwd="by-other-means", sslContext=context)
    try:
        content = service.RetrieveContent()
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        found = next(vm for vm in view.view if vm.name == name)
        if found.runtime.powerState == "poweredOn":
            WaitForTask(found.PowerOffVM_Task())
        WaitForTask(found.Destroy_Task())
    finally:
        Disconnect(service)


class SystemCase(unittest.TestCase):
    """One domain for the class; vCenters and daemons for each case, ended with it."""

    @classmethod
    def setUpClass(cls):
        cls.class_folder = pathlib.Path(tempfile.mkdtemp(prefix="decom-system-"))
        cls.domain = Domain(cls.class_folder / "domain")

    @classmethod
    def tearDownClass(cls):
        cls.domain.stop()
        shutil.rmtree(cls.class_folder, ignore_errors=True)

    def setUp(self):
        self.fresh_folder()

    def fresh_folder(self):
        """Where the servers that are started from now on live: an empty ledger, an empty database."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="decom-case-"))
        self.addCleanup(shutil.rmtree, self.folder, True)

    def vcenter(self, machines, name="lab", arguments=(), **more):
        served = Vcenter(bin_dir() / "test-vcenter", self.folder, name, arguments, inventory(machines, **more))
        self.addCleanup(served.stop)
        return served

    def stack(self, *vcenters, **more):
        stack = Stack(bin_dir(), list(vcenters), self.domain, folder=self.folder, **more)
        self.addCleanup(stack.stop)
        return stack

    def add_computers(self, *computers):
        self.domain.control("add-computers", list(computers))
        self.addCleanup(lambda: [self.domain.control("delete-computer", c["name"]) for c in computers if c["name"] in self.domain.computers()])

    # ---- witnesses
    def calls(self, vcenter, method, phase="executed"):
        """Names of the machines that a call of ours reached, in that order."""
        ours = "svc-decom@vsphere.local"
        return [r["name"] for r in vcenter.ledger() if r["method"] == method and r["phase"] == phase and r["user"] == ours]

    def assert_destroyed_once(self, vcenter, names):
        self.assertEqual(sorted(self.calls(vcenter, "Destroy_Task")), sorted(names))
        self.assertEqual(len(self.calls(vcenter, "Destroy_Task", "received")), len(names))

    def submit(self, stack, person, *machines, options=()):
        """Accepted without a question; the request's number."""
        done = stack.ctl(person, "submit", *machines, "--yes", *options, check=0)
        digits = "".join(c if c.isdigit() else " " for c in done.stdout).split()
        self.assertTrue(digits, done.stdout + done.stderr)
        return int(digits[0])
