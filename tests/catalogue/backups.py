"""Veeam Backup Enterprise Manager."""

from vendor import Answer, Vendor, basic

ROOT = "11111111-2222-3333-4444-555555555555"
VCENTER = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
SPACE = 'xmlns="http://www.veeam.com/ent/v1.0"'


class Veeam(Vendor):
    """Answers XML. Of a virtual machine it knows the managed object, here made of the address, and the name."""

    busy = Answer(503, "<html><body>Service Unavailable</body></html>")
    misplaced = Answer(404, f'<Error {SPACE} StatusCode="404" Message="Not found" />')

    def furnish(self):
        self.made("Folder", "group-v3", "Prod")

    def made(self, kind, moref, name):
        self.next += 1
        key = f"da4a15c2-04e7-4135-b876-577249d3d720/includes/83071dc0-44f2-49b6-b431-{self.next:012x}"
        self.records[key] = (kind, moref, name)
        return key

    def make(self, name, address, uuid=""):
        return self.made("Vm", "vm-" + address.replace(".", ""), name)

    def shown(self, key):
        kind, moref, name = self.records[key]
        job, _, _ = key.partition("/")
        return (
            f'<ObjectInJob {SPACE} Type="ObjectInJob" Href="{self.base}/api/jobs/{key}"><Links>'
            f'<Link Rel="Delete" Type="ObjectInJob" Href="{self.base}/api/jobs/{key}" Name="{name}" />'
            f'<Link Rel="Up" Type="Job" Href="{self.base}/api/jobs/{job}?format=Entity" Name="Nightly" /></Links>'
            f"<ObjectInJobId>{key.rpartition('/')[2]}</ObjectInJobId><HierarchyObjRef>urn:VMware:{kind}:{ROOT}.{moref}</HierarchyObjRef>"
            f"<Name>{name}</Name><DisplayName>{name}</DisplayName><Order>0</Order></ObjectInJob>"
        )

    def answer(self, request):
        if request.path == "/api/sessionMngr/":
            user, password = basic(request)
            account = self.account(password) if user == "CORP\\svc-decom" else None
            if request.method != "POST" or not account:
                return Answer(401, f'<Error {SPACE} StatusCode="401" Message="Unauthorized" />')
            return Answer(201, f"<LogonSession {SPACE} Type=\"LogonSession\"><UserName>{user}</UserName></LogonSession>", {"X-RestSvcSessionId": f"session-{account}"})
        account = request.headers.get("x-restsvcsessionid", "").removeprefix("session-")
        if account not in ("full", "reader", "blind"):
            return Answer(401, f'<Error {SPACE} StatusCode="401" Message="Unauthorized" />')
        if ("change" if request.method == "DELETE" else "see") not in self.rights(account):
            return Answer(403, f'<Error {SPACE} StatusCode="403" Message="Access denied" />')
        if request.path == "/api/query" and request.query == {"type": "ObjectInJob", "format": "entities"}:
            inside = "".join(self.shown(key) for key in self.records)
            return Answer(200, f"<QueryResult {SPACE}><Entities><ObjectsInJob>{inside}</ObjectsInJob></Entities></QueryResult>")
        if request.path == f"/api/hierarchyRoots/{ROOT}" and request.query == {"format": "Entity"}:
            return Answer(200, f'<HierarchyRoot {SPACE} Type="HierarchyRoot" Name="vc01"><HierarchyRootId>{ROOT}</HierarchyRootId><UniqueId>{VCENTER}</UniqueId><HostType>VC</HostType></HierarchyRoot>')
        key = request.below("/api/jobs/")
        if key not in self.records:
            return Answer(404, f'<Error {SPACE} StatusCode="404" Message="Not found" />')
        if request.method == "DELETE":
            del self.records[key]
            return Answer(202, f'<Task {SPACE} Type="Task" Href="{self.base}/api/tasks/task-1"><TaskId>task-1</TaskId><State>Running</State></Task>')
        return Answer(200, self.shown(key))
