"""What the control API does to machines behind the API's back, inventories, tags, size."""
import base64
import json
import pathlib
import time
import urllib.error
import urllib.request

from pyVmomi import vim, vmodl

from contract.harness import INVENTORY, Case, VCenter


class Swaps(Case):
    def test_a_swap_leaves_the_name_and_changes_the_machine(self):
        vm = self.vm("twin", folder="Prod", annotation="a")
        was = self.made
        new = self.server.control("vm/swap", {"vm": "twin"})
        self.assertEqual((new["name"], new["folder"], new["annotation"]), ("twin", "Prod", "a"))
        self.assertNotEqual(new["moref"], was["moref"])
        self.assertNotEqual(new["instance_uuid"], was["instance_uuid"])
        with self.assertRaises(vmodl.fault.ManagedObjectNotFound):
            vm.name  # noqa: B018

    def test_the_same_number_can_be_another_machine(self):
        vm = self.vm("reborn")
        new = self.server.control("vm/reidentify", {"vm": "reborn"})
        self.assertEqual(new["moref"], vm._moId)
        self.assertEqual(vm.config.instanceUuid, new["instance_uuid"])
        self.assertNotEqual(new["instance_uuid"], self.made["instance_uuid"])

    def test_a_machine_moves_to_another_vcenter_with_all_it_is(self):
        other = VCenter(inventory=INVENTORY)
        self.addCleanup(other.close)
        self.vm("mover", ips=["10.7.7.7", "2001:db8::7"], host_name="mover.corp.example.test", annotation="goes", attributes={"owner": "x"},
                tags=["Environment:prod"], disks=[{"size_gb": 7, "backing": "rdm_virtual"}, {"size_gb": 3}], folder="Prod/Web",
                snapshots=[{"name": "a", "children": [{"name": "b"}]}], managed_by={"extension": "com.vmware.vim.eam", "type": "cluster-agent"})
        exported = self.server.control("vm/export", {"vm": "mover"})
        with self.assertRaises(RuntimeError):
            self.server.control("find", {"vm": "mover"})
        imported = other.control("vm/import", exported)
        self.assertEqual(imported["instance_uuid"], self.made["instance_uuid"])
        self.assertNotEqual(imported["moref"], exported["moref"])
        for different in ("moref",):
            imported.pop(different), exported.pop(different)
        self.assertEqual(imported, exported)

    def test_a_backup_brings_a_machine_back_under_its_old_number(self):
        vm = self.vm("undead")
        exported = self.server.control("vm/unregister", {"vm": "undead"})
        self.server.control("vm/create", exported)
        self.assertEqual(vm.config.instanceUuid, self.made["instance_uuid"])
        with self.assertRaises(RuntimeError):
            self.server.control("vm/create", exported)

    def test_everything_about_a_machine_can_be_set(self):
        vm = self.vm("settable", tools="running")
        self.server.control("vm/set", {
            "vm": "settable", "ips": ["10.1.2.3", "fd00::1"], "host_name": "set.corp.example.test", "guest_id": "windows2019srv_64Guest",
            "tools_guest_id": "rhel8_64Guest", "managed_by": {"extension": "e", "type": "t"}, "disks": [{"size_gb": 3, "sharing": "multi_writer"}],
            "snapshot": {"name": "s"}, "connection": "orphaned", "folder": "Other/Place", "tags": ["Owner:me"],
        })
        self.assertEqual(vm.guest.ipAddress, "10.1.2.3")
        self.assertEqual(list(vm.guest.net[0].ipAddress), ["10.1.2.3", "fd00::1"])
        self.assertEqual((vm.config.guestId, vm.guest.guestId, vm.guest.guestFamily), ("windows2019srv_64Guest", "rhel8_64Guest", "linuxGuest"))
        self.assertEqual((vm.config.managedBy.extensionKey, vm.runtime.connectionState), ("e", "orphaned"))
        self.assertEqual((vm.snapshot.rootSnapshotList[0].name, vm.parent.name), ("s", "Place"))
        shown = self.server.control("find", {"vm": "settable"})
        self.assertEqual((shown["tags"], shown["folder"], shown["disks"][0]["sharing"]), (["Owner:me"], "Other/Place", "multi_writer"))
        self.server.control("vm/set", {"vm": "settable", "tools": "not_running"})
        self.assertIsNone(vm.guest.ipAddress)
        self.server.control("vm/power", {"vm": "settable", "power": "suspended"})
        self.assertEqual(vm.runtime.powerState, "suspended")

    def test_two_machines_of_one_name_are_told_apart_by_their_number(self):
        one, two = self.vm("namesake", folder="A"), self.vm("namesake", folder="B")
        with self.assertRaises(RuntimeError) as raised:
            self.server.control("find", {"vm": "namesake"})
        self.assertIn("2 machines", str(raised.exception))
        self.assertEqual(self.server.control("find", {"vm": two._moId})["folder"], "B")
        self.assertNotEqual(one._moId, two._moId)

    def test_names_from_outside_arrive_as_they_are(self):
        for name in ("slash%2fname %25", "ünï & <x> \"q\" 'a'", "tab\tname", "日本"):
            self.assertEqual(self.vm(name).name, name)

    def test_an_inventory_file_says_it_all(self):
        inventory = dict(INVENTORY, categories={"Tier": {"cardinality": "SINGLE"}}, attributes=["cost"], vms=[
            {"name": "full", "folder": "Prod/Web", "cluster": "cluster-02", "guest_id": "sles15_64Guest", "guest_name": "SLES", "power": "off",
             "cpus": 8, "memory_mb": 1024, "created": "2020-02-03T04:05:06Z", "tags": ["Tier:gold"], "attributes": {"cost": "42"},
             "instance_uuid": "50000000-0000-4000-8000-000000000001", "bios_uuid": "42000000-0000-4000-8000-000000000001",
             "acl": [{"principal": "CORP\\alice", "role": "Decom"}]}])
        server = VCenter(inventory=inventory)
        self.addCleanup(server.close)
        si = server.login()
        vm = si.content.searchIndex.FindByUuid(None, "50000000-0000-4000-8000-000000000001", True, True)
        self.assertEqual((vm.config.hardware.numCPU, vm.config.hardware.memoryMB, vm.config.guestFullName), (8, 1024, "SLES"))
        self.assertEqual((vm.runtime.host.parent.name, vm.config.createDate.year), ("cluster-02", 2020))
        self.assertIn("CORP\\alice", [p.principal for p in si.content.authorizationManager.RetrieveEntityPermissions(vm, False)])


    def test_the_example_of_the_readme_is_an_inventory(self):
        readme = (pathlib.Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
        example = json.loads(readme.split("```json\n")[1].split("```")[0])
        server = VCenter(inventory=example)
        self.addCleanup(server.close)
        shown = server.control("find", {"vm": "win-db-01"})
        for key, value in example["vms"][0].items():
            if value and key not in ("disks", "acl", "booted", "snapshots"):
                self.assertEqual(shown[key], value, key)

    def test_every_control_call_of_the_readme_exists(self):
        readme = (pathlib.Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
        table = readme.split("| verb |")[1].split("\n\n")[0]
        verbs = [verb for line in table.splitlines()[2:] for verb in line.split("|")[1].replace("`", "").replace(",", " ").split()]
        self.assertGreater(len(verbs), 30)
        for verb in verbs:
            try:
                self.server.control(verb, {"no such key": 1})
            except RuntimeError as error:
                self.assertNotIn("there is no " + verb, str(error))


class Tagging(Case):
    def request(self, path, method="GET", body=None, token=None, login=None):
        request = urllib.request.Request(f"https://{self.server.host}:{self.server.port}{path}", method=method,
                                         data=json.dumps(body).encode() if body is not None else None)
        if token:
            request.add_header("vmware-api-session-id", token)
        if login:
            request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
        with urllib.request.urlopen(request, context=self.server.tls()) as answer:
            text = answer.read()
            return json.loads(text) if text else None

    def test_tags_can_be_read_both_ways(self):
        vm = self.vm("tagged", tags=["Environment:prod", "Owner:alice"])
        for prefix, action, unwrap in (("/api", "action", lambda v: v), ("/rest/com/vmware", "~action", lambda v: v["value"])):
            with self.subTest(prefix):
                session = "/api/session" if prefix == "/api" else "/rest/com/vmware/cis/session"
                token = unwrap(self.request(session, "POST", login="svc-decom@vsphere.local:s3cret"))
                base = prefix + "/cis/tagging"
                ids = unwrap(self.request(f"{base}/tag-association?{action}=list-attached-tags-on-objects", "POST",
                                          {"object_ids": [{"id": vm._moId, "type": "VirtualMachine"}]}, token))[0]["tag_ids"]
                names = set()
                for tag in ids:
                    tag = unwrap(self.request(f"{base}/tag/{'' if prefix == '/api' else 'id:'}{tag}", token=token))
                    category = unwrap(self.request(f"{base}/category/{'' if prefix == '/api' else 'id:'}{tag['category_id']}", token=token))
                    names.add(category["name"] + ":" + tag["name"])
                self.assertEqual(names, {"Environment:prod", "Owner:alice"})
                self.assertEqual(len(unwrap(self.request(f"{base}/tag", token=token))), 2)

    def test_tags_need_a_session_and_follow_rights(self):
        for path in ("/api/cis/tagging/tag", "/rest/com/vmware/cis/tagging/tag"):
            with self.assertRaises(urllib.error.HTTPError) as raised:
                self.request(path, token="wrong")
            self.assertEqual(raised.exception.code, 401)
        with self.assertRaises(urllib.error.HTTPError):
            self.request("/api/session", "POST", login="svc-decom@vsphere.local:wrong")
        self.server.rule(method="REST", action="http", status=503, times=1)
        with self.assertRaises(urllib.error.HTTPError) as raised:
            self.request("/api/session", "POST", login="svc-decom@vsphere.local:s3cret")
        self.assertEqual(raised.exception.code, 503)


class Size(Case):
    OPTIONS = ("--generate", "10000")

    def test_ten_thousand_machines_are_there_and_changes_still_arrive_soon(self):
        from contract.harness import Watch, machines_spec

        view = self.content.viewManager.CreateContainerView(self.content.rootFolder, [vim.VirtualMachine], True)
        watch = Watch(self.si, machines_spec(view, ["name"]))
        while watch.next(0) is not None:
            pass
        self.assertEqual(len(watch.known), 10000)
        victims = list(watch.known)[:20]
        begun = time.monotonic()
        for moref in victims:
            self.server.control("vm/power", {"vm": moref, "power": "off"})
            vim.VirtualMachine(moref, self.si._stub).Destroy_Task()
        watch.until(lambda known: not set(victims) & set(known))
        self.assertLess(time.monotonic() - begun, 3)
