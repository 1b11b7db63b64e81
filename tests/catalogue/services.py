"""Consul, F5 BIG-IP, CrowdStrike, Tenable, Nagios XI and Vault."""

import re

from vendor import Answer, Vendor


class Consul(Vendor):
    """Leaves out what a token may not see. Its refusals are plain text."""

    busy = Answer(500, "No cluster leader")

    def key(self, name, address):
        return name if name not in self.records else f"{name}-{self.next}"

    def record(self, key, name, address, uuid):
        return {"ID": f"40e4a748-2192-161a-0510-{self.next:012x}", "Node": key, "Address": address, "Datacenter": "dc1",
                "TaggedAddresses": {"lan": address, "wan": address}, "Meta": {"consul-network-segment": ""}}  # fmt: skip

    def answer(self, request):
        account = self.account(request.headers.get("x-consul-token"))
        if not account:
            return Answer(403, "ACL not found")
        if request.path == "/v1/catalog/service/consul":
            return Answer(200, [{"Node": "consul-1", "Address": "10.1.10.11", "ServiceName": "consul"}] if "see" in self.rights(account) else [])
        if request.path == "/v1/catalog/nodes":
            filtered = re.fullmatch(r'(Node|Address) (==|matches) "([^"\\]*)"', request.query.get("filter", ""))
            if not filtered:
                return Answer(400, "Failed to create boolean expression evaluator")
            fits = (lambda text: text == filtered[3]) if filtered[2] == "==" else (lambda text: re.search(filtered[3], text))
            return Answer(200, self.visible(account, lambda r: fits(r[filtered[1]])))
        if request.path == "/v1/catalog/deregister" and request.method == "PUT":
            name = request.json()["Node"]
            if "change" not in self.rights(account):
                return Answer(403, f"Permission denied: token with AccessorID '6a1253d2' lacks permission 'node:write' on \"{name}\"")
            self.records.pop(name, None)
            return Answer(200, "true")
        return Answer(404, "")


class F5(Vendor):
    """Two pools. Links lead to localhost, whatever the host is called."""

    busy = Answer(503, {"code": 503, "message": "There is an active asynchronous task executing.", "errorStack": [], "apiError": 32768002})
    misplaced = Answer(404, {"code": 404, "message": "Public URI path not registered", "referer": "127.0.0.1", "restOperationId": 9, "kind": ":resterrorresponse"})
    path = "/mgmt/tm/ltm/pool"

    def furnish(self):
        self.saved = False

    def key(self, name, address):
        return f"~Common~pool{1 + self.next % 2}/members/~Common~{name}:80"

    def record(self, key, name, address, uuid):
        return {"kind": "tm:ltm:pool:members:membersstate", "name": f"{name}:80", "partition": "Common", "fullPath": f"/Common/{name}:80",
                "generation": 1, "selfLink": f"https://localhost/mgmt/tm/ltm/pool/{key}?ver=17.1.0", "address": address, "ratio": 1,
                "priorityGroup": 0, "session": "monitor-enabled", "state": "up", "fqdn": {"autopopulate": "disabled"}}  # fmt: skip

    def answer(self, request):
        if request.path == "/mgmt/shared/authn/login":
            login = request.json()
            account = self.account(login["password"]) if login["username"] == "decom" and login["loginProviderName"] == "tmos" else None
            if not account:
                return Answer(401, {"code": 401, "message": "Authentication failed.", "originalRequestBody": "{}", "restOperationId": 7, "errorStack": []})
            return Answer(200, {"username": "decom", "loginProviderName": "tmos", "token": {"token": f"TOKEN-{account}", "timeout": 1200}})
        token = request.headers.get("x-f5-auth-token", "")
        account = token.removeprefix("TOKEN-")
        if account not in ("full", "reader", "blind"):
            return Answer(401, {"code": 401, "message": "X-F5-Auth-Token does not exist.", "referer": "127.0.0.1", "restOperationId": 8, "kind": ":resterrorresponse"})
        if request.method != "GET" and "change" not in self.rights(account):
            return Answer(401, {"code": 401, "message": f"Authorization failed: user=https://localhost/mgmt/shared/authz/users/decom resource={request.path} verb={request.method}", "kind": ":resterrorresponse"})
        if request.path == "/mgmt/tm/sys/config":
            self.saved = True
            return Answer(200, {"kind": "tm:sys:config:savestate", "command": "save", "options": [{}]})
        rest = (request.below(self.path) or "").removeprefix("/")
        if not rest:
            return Answer(200, {"kind": "tm:ltm:pool:poolcollectionstate", "selfLink": "https://localhost/mgmt/tm/ltm/pool?ver=17.1.0", "items": self.pools(account)})
        record = self.records.get(rest)
        if record is None or "see" not in self.rights(account):
            return Answer(404, {"code": 404, "message": f"01020036:3: The requested Pool Member ({rest}) was not found.", "errorStack": [], "apiError": 3})
        if request.method == "DELETE":
            if record["session"] != "user-disabled":
                return Answer(409, {"code": 409, "message": "the test wants it to be disabled first"})
            del self.records[rest]
            self.saved = False
            return Answer(200)
        if request.method == "PATCH":
            record.update(request.json())
        return Answer(200, record)

    def pools(self, account):
        made = []
        for name in ("pool1", "pool2", "empty") if "see" in self.rights(account) else ():
            inside = [r for k, r in self.records.items() if k.startswith(f"~Common~{name}/")]
            link = f"https://localhost{self.path}/~Common~{name}/members?ver=17.1.0"
            made.append({"kind": "tm:ltm:pool:poolstate", "name": name, "partition": "Common", "fullPath": f"/Common/{name}", "loadBalancingMode": "round-robin",
                         "membersReference": {"link": link, "isSubcollection": True, **({"items": inside} if inside else {})}})  # fmt: skip
        return made

    def state(self, key):
        return super().state(key) or ("" if self.saved or self.next == 0 else "gone, not saved")


class CrowdStrike(Vendor):
    """OAuth2; a hidden host is not found any more, after a look that still finds it."""

    changing = ("POST",)
    busy = Answer(429, {"meta": {"query_time": 0.0, "trace_id": "t"}, "errors": [{"code": 429, "message": "API rate limit exceeded."}]})

    def furnish(self):
        self.hiding = {}
        self.make("other", "10.9.9.9")

    def key(self, name, address):
        return f"{self.next:032x}"

    def record(self, key, name, address, uuid):
        return {"device_id": key, "cid": "c", "hostname": name, "local_ip": address, "external_ip": "203.0.113.7", "mac_address": "00-50-56-00-00-01",
                "platform_name": "Linux", "serial_number": uuid, "system_manufacturer": "VMware, Inc.", "first_seen": "2024-01-08T10:00:00Z",
                "last_seen": "2024-02-08T10:00:00Z", "status": "normal", "tags": []}  # fmt: skip

    def answer(self, request):
        meta = {"query_time": 0.01, "powered_by": "device-api", "trace_id": "t"}
        denied = {"meta": meta, "errors": [{"code": 403, "message": "access denied, authorization failed"}]}
        if request.path == "/oauth2/token":
            account = self.account(request.form().get("client_secret")) if request.form().get("grant_type") == "client_credentials" else None
            if not account:
                return Answer(403, {"meta": meta, "errors": [{"code": 403, "message": "Failed to issue access token - Not Authorized"}]})
            return Answer(201, {"access_token": f"token-{account}", "token_type": "bearer", "expires_in": 1799})
        account = request.headers.get("authorization", "").removeprefix("Bearer token-")
        if account not in ("full", "reader", "blind"):
            return Answer(401, {"meta": meta, "errors": [{"code": 401, "message": "access denied, invalid bearer token"}]})
        if ("change" if request.method == "POST" else "see") not in self.rights(account):
            return Answer(403, denied)
        if request.path == "/devices/combined/devices/v1":
            text = request.query.get("filter")
            filtered = re.fullmatch(r"(hostname|local_ip|device_id):'([^']*)'", text) if text else None
            if text and not filtered:
                return Answer(400, {"meta": meta, "errors": [{"code": 400, "message": "invalid filter"}]})
            rows = self.visible(account, lambda r: not filtered or r[filtered[1]].lower() == filtered[2].lower())
            page, then = self.page(rows, int(request.query.get("offset", "0")), int(request.query.get("limit", "100")))
            for key in [k for k in self.hiding if any(r["device_id"] == k for r in page)]:
                self.records.pop(key)
            paging = {"total": len(rows), "limit": 100, "next": str(then) if then else "", "offset": ""}
            return Answer(200, {"meta": {**meta, "pagination": paging}, "resources": page, "errors": []})
        if request.path == "/devices/entities/devices-actions/v2" and request.query.get("action_name") == "hide_host":
            key = request.json()["ids"][0]
            if key not in self.records:
                return Answer(404, {"meta": meta, "resources": [], "errors": [{"code": 404, "message": "No device found"}]})
            self.hiding[key] = True
            return Answer(202, {"meta": meta, "resources": [{"id": key, "path": f"/devices/entities/devices/v1?ids={key}"}], "errors": []})
        return Answer(404, denied)


class Tenable(Vendor):
    """A deletion is accepted and done later: the next look still finds the asset."""

    changing = ("POST",)
    busy = Answer(429, {"statusCode": 429, "error": "Too Many Requests", "message": "You have reached your rate limit"}, {"Retry-After": "0"})

    def furnish(self):
        self.doomed = set()
        self.make("other", "10.9.9.9")

    def key(self, name, address):
        return f"116af8c3-969d-4621-9f9f-{self.next:012x}"

    def record(self, key, name, address, uuid):
        return {"id": key, "has_agent": False, "created_at": "2024-01-08T10:00:00Z", "updated_at": "2024-02-08T10:00:00Z", "terminated_at": None,
                "deleted_at": None, "network_name": "Default", "hostname": [name], "fqdn": [], "netbios_name": [name], "agent_name": [],
                "ipv4": [address], "ipv6": [], "bios_uuid": [uuid] if uuid else [], "operating_system": ["Linux"], "sources": []}  # fmt: skip

    def answer(self, request):
        keys = dict(part.strip().split("=", 1) for part in request.headers.get("x-apikeys", "").split(";") if "=" in part)
        account = self.account(keys.get("secretKey"))
        if not account:
            return Answer(401, {"statusCode": 401, "error": "Unauthorized", "message": "Invalid Credentials"})
        if ("change" if request.method == "POST" else "see") not in self.rights(account):
            return Answer(403, {"statusCode": 403, "error": "Forbidden", "message": "Insufficient scope"})
        if request.path == "/workbenches/assets":
            field, value = request.query.get("filter.0.filter"), request.query.get("filter.0.value")
            if field not in (None, "host.hostname", "ipv4"):
                return Answer(400, {"statusCode": 400, "error": "Bad Request", "message": f"invalid filter {field}"})
            names = {"host.hostname": "hostname", "ipv4": "ipv4"}
            rows = self.visible(account, lambda r: field is None or value.lower() in [v.lower() for v in r[names[field]]])
            short = ("id", "has_agent", "fqdn", "ipv4", "ipv6", "netbios_name", "agent_name", "operating_system", "sources")
            return Answer(200, {"assets": [{n: r[n] for n in short} for r in rows], "total": len(rows)})
        if request.path == "/api/v2/assets/bulk-jobs/delete":
            query = request.json()["query"]["or"][0]
            if query["field"] != "host.id":
                return Answer(400, {"response": {"data": {}, "error": {"title": "BAD_REQUEST", "detail": "Bad Request"}}})
            count = int(query["value"] in self.records)
            self.doomed |= {query["value"]} & set(self.records)
            return Answer(202, {"response": {"data": {"asset_count": count}}})
        key = request.below("/assets/")
        if key not in self.records:
            return Answer(404, {"statusCode": 404, "error": "Not Found", "message": f"Asset {key} not found"})
        found = Answer(200, self.records[key])
        if key in self.doomed:
            del self.records[key]
        return found


class Vault(Vendor):
    """AppRole. A list without entries is 404; 403 stands for a wrong token and for a missing policy."""

    busy = Answer(503, {"errors": ["Vault is sealed"]})
    misplaced = Answer(404, {"errors": ['no handler for route "auth/approle/role". route entry not found.']})
    path = "/v1/auth/approle/role"

    def key(self, name, address):
        return name

    def record(self, key, name, address, uuid):
        return {"bind_secret_id": True, "local_secret_ids": False, "secret_id_bound_cidrs": [f"{address}/32"], "secret_id_num_uses": 40,
                "secret_id_ttl": 600, "token_bound_cidrs": [], "token_policies": ["default"], "token_ttl": 1200, "token_type": "default"}  # fmt: skip

    def said(self, data, **more):
        body = {"request_id": "r", "lease_id": "", "renewable": False, "lease_duration": 0, "data": data, "wrap_info": None, "warnings": None, "auth": None}
        return Answer(200, {**body, **more})

    def answer(self, request):
        account = self.account(request.headers.get("x-vault-token"))
        if not account:
            return Answer(403, {"errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]})
        rights = self.rights(account)
        if request.path == "/v1/sys/capabilities-self":
            may = {"auth/approle/role": ["list"] if "see" in rights else ["deny"],
                   "auth/approle/role/decom-control": (["delete"] * ("change" in rights) + ["read"] * ("see" in rights)) or ["deny"]}  # fmt: skip
            return self.said(may, **may)
        if ("change" if request.method in self.changing else "see") not in rights:
            return Answer(403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]})
        rest = request.below(self.path)
        if rest == "" and request.query.get("list") == "true":
            return self.said({"keys": sorted(self.records)}) if self.records else Answer(404, {"errors": []})
        record = self.records.get((rest or "")[1:])
        if request.method == "DELETE":
            self.records.pop(rest[1:], None)
            return Answer(204)
        return self.said(record) if record else Answer(404, {"errors": []})


class NagiosXi(Vendor):
    """200 for everything. A host with services is not removed, and the refusal does not say why."""

    busy = Answer(500, "")
    misplaced = Answer(404, "No Endpoint: config\n")
    path = "/nagiosxi/api/v1/config/host"

    def furnish(self):
        self.make("localhost", "127.0.0.1")
        self.applied = True

    def key(self, name, address):
        return name

    def record(self, key, name, address, uuid):
        return {"host_name": name, "use": ["linux-server"], "alias": name, "address": address, "check_command": "check-host-alive!!!!!!!!",
                "notifications_enabled": "1", "register": "1"}  # fmt: skip

    def answer(self, request):
        account = self.account(request.query.get("apikey"))
        if not account:
            return Answer(200, {"error": "Invalid API Key"})
        if account == "blind":
            return Answer(200, {"error": "Authenticiation failed."})
        name = request.query.get("host_name")
        if request.path != self.path:
            return Answer(404, "No Endpoint: x")
        if request.method == "DELETE":
            if name not in self.records or account == "reader":  # whoever has services is refused alike
                return Answer(200, {"error": "Could not remove hosts. Failed hosts may not exist.", "hosts": [], "failed": [name]})
            del self.records[name]
            applied = "Config applied, Nagios Core was restarted." if request.query.get("applyconfig") == "1" else "Config imported but not yet applied."
            return Answer(200, {"success": f"Removed hosts from the system. {applied}", "hosts": [name], "failed": []})
        return Answer(200, [r for r in self.records.values() if name is None or r["host_name"] == name])
