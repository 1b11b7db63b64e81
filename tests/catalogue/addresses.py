"""phpIPAM and Infoblox."""

import urllib.parse

from vendor import Answer, Vendor, basic


class PhpIpam(Vendor):
    """By the source of its API: 401 for a wrong token and, with another text, for an app that may only read."""

    busy = Answer(500, {"code": 500, "success": False, "message": "Your IP has been blocked for 5 minutes because of excesive login failures", "time": 0.01})
    misplaced = Answer(400, {"code": 400, "success": False, "message": "Invalid application id", "time": 0.003})
    path = "/api/decom/"

    def record(self, key, name, address, uuid):
        return {"id": int(key), "subnetId": "3", "ip": address, "is_gateway": "0", "description": "", "hostname": name, "mac": None, "owner": None,
                "tag": "2", "deviceId": None, "port": None, "note": None, "lastSeen": None, "excludePing": "0", "editDate": None}  # fmt: skip

    def said(self, status, message=None, **more):
        body = {"code": status, "success": status < 300, **({"message": message} if message else {}), **more, "time": 0.004}
        return Answer(status, body)

    def answer(self, request):
        account = self.account(request.headers.get("token"))
        if not account:
            return self.said(401, "Unauthorized")
        if request.method in self.changing and "change" not in self.rights(account):
            return self.said(401, "invalid permissions")
        words = (request.below(self.path) or "").strip("/").split("/")
        if words == ["sections"]:
            return self.said(200, data=[{"id": "1", "name": "Customers", "description": "Section for customers"}])
        if words[0] != "addresses":
            return self.said(400, "Invalid controller")
        if words[1] == "search":
            hits = [r for r in self.records.values() if r["ip"] == words[2]]
            return self.said(200, data=hits) if hits else self.said(404, "Address not found")
        if words[1] == "search_hostname":
            hits = [r for r in self.records.values() if r["hostname"].lower() == words[2].lower()]
            return self.said(200, data=hits) if hits else self.said(404, "Hostname not found")
        record = self.records.get(words[1])
        if request.method == "DELETE":
            if record is None:
                return self.said(404, "Address does not exist")
            del self.records[words[1]]
            return self.said(200, "Address deleted")
        return self.said(200, data=record) if record else self.said(404, "Invalid Id")


class Infoblox(Vendor):
    """References have slashes and colons; 404 stands for a reference and for a view that are not there."""

    busy = Answer(503, "<html><body>Service Unavailable</body></html>")
    misplaced = Answer(404, {"Error": "AdmConDataNotFoundError: View default not found", "code": "Client.Ibap.Data.NotFound", "text": "View default not found"})
    path = "/wapi/v2.12/"

    def key(self, name, address):
        return f"record:host/ZG5zLmhvc3QkLl9kZWZhdWx0L{self.next}:{name}/default"

    def record(self, key, name, address, uuid):
        return {"_ref": key, "name": name, "view": "default", "comment": "", "aliases": [],
                "ipv4addrs": [{"_ref": f"record:host_ipv4addr/X:{address}/{name}/default", "configure_for_dhcp": False, "host": name, "ipv4addr": address}]}  # fmt: skip

    def failed(self, status, error, code, text):
        return Answer(status, {"Error": f"{error}: {text}", "code": f"Client.Ibap.{code}", "text": text})

    def answer(self, request):
        user, password = basic(request)
        account = self.account(password) if user == "decom" else None
        if not account:
            return Answer(401, "<!DOCTYPE HTML><html><head><title>401 Authorization Required</title></head></html>")
        rest = request.below(self.path)
        if rest == "view":
            known = "see" in self.rights(account) and request.query.get("name") == "default"
            return Answer(200, [{"_ref": "view/ZG5zLnZpZXckLl9kZWZhdWx0:default/true", "is_default": True, "name": "default"}] if known else [])
        if rest == "record:host":
            return self.search(request, account)
        record = self.records.get(rest)
        if record is None or "see" not in self.rights(account):
            return self.failed(404, "AdmConDataNotFoundError", "Data.NotFound", f"Reference {rest} not found")
        if request.method == "DELETE":
            if "change" not in self.rights(account):
                return self.failed(400, "AdmConDataError: None (IBDataConflictError: IB.Data.Conflict", "Data.Conflict", "You have no permission to delete this object")
            del self.records[rest]
            return Answer(200, f'"{rest}"')
        return Answer(200, record)

    def search(self, request, account):
        query = request.query
        for family, wrong in (("ipv4addr", ":"), ("ipv6addr", ".")):
            if wrong in query.get(family, ""):
                return self.failed(400, "AdmConProtoError", "Proto", f"Invalid value for field {family}")
        rows = self.visible(account, lambda r: query.get("name", r["name"]) == r["name"] and (
            "ipv4addr" not in query or query["ipv4addr"] in [a["ipv4addr"] for a in r["ipv4addrs"]]) and "ipv6addr" not in query)  # fmt: skip
        page, then = self.page(rows, int(urllib.parse.unquote(query.get("_page_id", "0"))), int(query["_max_results"]))
        return Answer(200, {**({"next_page_id": str(then)} if then else {}), "result": page})
