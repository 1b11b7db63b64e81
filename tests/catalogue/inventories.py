"""NetBox, ServiceNow, Foreman and AWX."""

import re

from vendor import Answer, Vendor, basic


class Listed(Vendor):
    """Lists as Django REST framework makes them: count, next, previous, results."""

    root = ""
    size_name = "limit"

    def listed(self, request, path, items):
        size = int(request.query.get(self.size_name, "50"))
        start = int(request.query.get("offset", "0"))
        page, then = self.page(items, start, size)
        more = "&".join(f"{k}={v}" for k, v in {**request.query, "offset": then}.items())
        return Answer(200, {"count": len(items), "next": f"{self.root_of(path)}?{more}" if then else None, "previous": None, "results": page})


class NetBox(Listed):
    """Tokens: 403 for a wrong one (netbox/api/authentication.py), and for a missing right. Absolute links."""

    busy = Answer(429, {"detail": "Request was throttled. Expected available in 2 seconds."}, {"Retry-After": "0"})
    path = "/api/virtualization/virtual-machines/"

    def root_of(self, path):
        return self.base + path

    def record(self, key, name, address, uuid):
        ip = {"id": 100 + int(key), "family": {"value": 4, "label": "IPv4"}, "address": f"{address}/24", "display": f"{address}/24"}
        return {
            "id": int(key), "url": f"{self.base}{self.path}{key}/", "display": name, "name": name,
            "status": {"value": "active", "label": "Active"}, "site": None, "cluster": {"id": 1, "name": "lab", "display": "lab"},
            "role": None, "tenant": None, "platform": None, "primary_ip": ip, "primary_ip4": ip, "primary_ip6": None, "vcpus": 2.0,
            "memory": 4096, "disk": 40, "description": "", "comments": "", "serial": uuid, "tags": [], "custom_fields": {},
            "created": "2024-01-08T10:00:00Z", "last_updated": "2024-01-08T10:00:00Z",
        }  # fmt: skip

    def answer(self, request):
        account = self.account(request.headers.get("authorization", "").removeprefix("Token "))
        if not account:
            return Answer(403, {"detail": "Invalid token"})
        if ("change" if request.method in self.changing else "see") not in self.rights(account):
            return Answer(403, {"detail": "You do not have permission to perform this action."})
        rest = request.below(self.path)
        if rest == "":
            name = request.query.get("name")
            return self.listed(request, self.path, [r for r in self.records.values() if name is None or r["name"].lower() == name.lower()])
        record = self.records.get((rest or "").rstrip("/"))
        if record is None:
            return Answer(404, {"detail": "No VirtualMachine matches the given query."})
        if request.method == "DELETE":
            del self.records[str(record["id"])]
            return Answer(204)
        if request.method == "PATCH":
            status = request.json()["status"]
            if status not in ("offline", "active", "planned", "staged", "failed", "decommissioning", "paused"):
                return Answer(400, {"status": [f"{status} is not a valid choice."]})
            record["status"] = {"value": status, "label": status.capitalize()}
        return Answer(200, record)

    def state(self, key):
        return self.records[key]["status"]["value"] if key in self.records else ""

    def furnish(self):
        self.make("other", "10.9.9.9")


class Awx(Listed):
    """Relative links; rows that an account may not see are left out; `role_level` filters by what it may do."""

    busy = Answer(503, "<html><body>503 Service Temporarily Unavailable</body></html>")
    path = "/api/v2/hosts/"
    size_name = "page_size"

    def root_of(self, path):
        return path_below(self.base) + path

    def record(self, key, name, address, uuid):
        return {
            "id": int(key), "type": "host", "url": f"{self.path}{key}/", "name": name, "description": "", "inventory": 2, "enabled": True,
            "instance_id": uuid, "variables": f"---\nansible_host: {address}\nansible_user: root\n", "has_active_failures": False,
            "summary_fields": {"inventory": {"id": 2, "name": "lab", "has_active_failures": False}},
        }  # fmt: skip

    def answer(self, request):
        account = self.account(request.headers.get("authorization", "").removeprefix("Bearer "))
        if not account:
            return Answer(401, {"detail": "Authentication credentials were not provided. To establish a login session, visit /api/login/."})
        if request.path == "/api/v2/inventories/":
            mine = "change" in self.rights(account) or ("role_level" not in request.query and "see" in self.rights(account))
            return self.listed(request, request.path, [{"id": 2, "type": "inventory", "name": "lab", "has_inventory_sources": True}] if mine else [])
        rest = request.below(self.path)
        if rest == "":
            wanted = {"name__iexact": "name", "instance_id__iexact": "instance_id"}
            return self.listed(request, self.path, self.visible(account, lambda r: all(
                str(r[field]).lower() == request.query[name].lower() for name, field in wanted.items() if name in request.query)))  # fmt: skip
        record = self.records.get((rest or "").rstrip("/"))
        if record is None or "see" not in self.rights(account):
            return Answer(404, {"detail": "Not found."})
        if request.method in self.changing and "change" not in self.rights(account):
            return Answer(403, {"detail": "You do not have permission to perform this action."})
        if request.method == "DELETE":
            del self.records[str(record["id"])]
            return Answer(204)
        if request.method == "PATCH":
            record.update(request.json())
        return Answer(200, record)

    def state(self, key):
        return ("enabled" if self.records[key]["enabled"] else "disabled") if key in self.records else ""


class ServiceNow(Vendor):
    """Rows and records that an account may not see are not there. Every value is a string."""

    busy = Answer(429, {"error": {"message": "Rate limit exceeded", "detail": "Rejected by rate limit"}, "status": "failure"}, {"Retry-After": "0"})
    misplaced = Answer(400, {"error": {"message": "Invalid table cmdb_ci_server", "detail": None}, "status": "failure"})
    path = "/api/now/table/cmdb_ci_server"

    def key(self, name, address):
        return f"{self.next:032x}"

    def record(self, key, name, address, uuid):
        return {"sys_id": key, "name": name, "fqdn": "", "host_name": "", "ip_address": address, "serial_number": uuid,
                "sys_class_name": "cmdb_ci_linux_server", "install_status": "1", "operational_status": "1"}  # fmt: skip

    def furnish(self):
        self.make("decom-control", "")

    def answer(self, request):
        user, password = basic(request)
        account = self.account(password) if user == "decom" else None
        if not account:
            return Answer(401, {"error": {"message": "User Not Authenticated", "detail": "Required to provide Auth information"}, "status": "failure"})
        rest = request.below(self.path)
        if rest is None:
            return Answer(400, {"error": {"message": "Invalid table", "detail": None}, "status": "failure"})
        fields = request.query.get("sysparm_fields", "").split(",")
        shown = lambda record: {name: value for name, value in record.items() if fields == [""] or name in fields}  # noqa: E731
        if rest == "":
            field, _, wanted = request.query.get("sysparm_query", "").removesuffix("^ORDERBYsys_id").partition("=")
            rows = self.visible(account, lambda r: not field or str(r.get(field, "")).lower() == wanted.lower())
            page, _ = self.page(rows, int(request.query.get("sysparm_offset", "0")), int(request.query.get("sysparm_limit", "10000")))
            return Answer(200, {"result": [shown(row) for row in page]})
        record = self.records.get(rest[1:])
        if record is None or "see" not in self.rights(account):
            return Answer(404, {"error": {"message": "No Record found", "detail": "Record doesn't exist or ACL restricts the record retrieval"}, "status": "failure"})
        if request.method in self.changing and "change" not in self.rights(account):
            return Answer(403, {"error": {"message": "Operation Failed", "detail": "ACL Exception Update Failed due to security constraints"}, "status": "failure"})
        if request.method == "DELETE":
            del self.records[record["sys_id"]]
            return Answer(204)
        if request.method == "PATCH":
            record.update(request.json())
        return Answer(200, {"result": shown(record)})

    def state(self, key):
        return "{install_status} {operational_status}".format(**self.records[key]) if key in self.records else ""


class Foreman(Vendor):
    """A host that is removed while it knows its virtual machine takes that along: `state` tells."""

    busy = Answer(503, "<html><body>Service Unavailable</body></html>")
    path = "/api/hosts"

    def furnish(self):
        self.dead_machines = []
        self.make("foreman.example.test", "10.9.9.9")

    def record(self, key, name, address, uuid):
        return {
            "id": int(key), "name": name, "ip": address, "ip6": None, "mac": None, "certname": name, "managed": True, "enabled": True,
            "build": False, "comment": "", "uuid": uuid or None, "compute_resource_id": 1, "compute_resource_name": "vcenter",
            "hostgroup_id": None, "hostgroup_name": None, "owner_name": "Admin User", "organization_name": "lab", "location_name": "lab",
        }  # fmt: skip

    def answer(self, request):
        user, password = basic(request)
        account = self.account(password) if user == "decom" else None
        if not account:
            return Answer(401, {"error": {"message": f"Unable to authenticate user {user}"}})
        if request.method in self.changing and request.method != "DELETE" and request.headers.get("content-type") != "application/json":
            return Answer(415, {"error": {"message": "Unsupported Media Type"}})
        rest = request.below(self.path)
        if rest == "":
            found = re.fullmatch(r"(name|ip|uuid) = (\S+)", request.query.get("search", ""))
            if not found and request.query.get("search"):
                return Answer(400, {"error": {"message": "Field 'x' not recognized for searching!"}})
            rows = self.visible(account, lambda r: not found or str(r[found[1]]).lower() == found[2].lower())
            size, number = int(request.query.get("per_page", "20")), int(request.query.get("page", "1"))
            size = min(size, self.cap or size)
            page, _ = self.page(rows, size * (number - 1), size)
            return Answer(200, {"total": len(self.records), "subtotal": len(rows), "page": number, "per_page": size, "search": None,
                                "sort": {"by": None, "order": None}, "results": page})  # fmt: skip
        key, _, verb = (rest or "/").strip("/").partition("/")
        record = self.records.get(key)
        if record is None or "see" not in self.rights(account):
            return Answer(404, {"error": {"message": f"Resource host not found by id '{key}'"}})
        if request.method in self.changing and "change" not in self.rights(account):
            right = "destroy_hosts" if request.method == "DELETE" else "edit_hosts"
            return Answer(403, {"error": {"message": "Access denied", "missing_permissions": [right],
                                          "details": f"Missing one of the required permissions: {right}"}})  # fmt: skip
        if verb == "disassociate":
            record.update(uuid=None, compute_resource_id=None, compute_resource_name=None)
        elif request.method == "DELETE":
            del self.records[key]
            if record["compute_resource_id"]:
                self.dead_machines.append(key)
        return Answer(200, record)

    def state(self, key):
        return "machine deleted" if key in self.dead_machines else super().state(key)


def path_below(base):
    """The path of an URL: a prefix of ours that a relative link of the real system would not have."""
    return "/" + base.split("/", 3)[3]
