"""Changes the domain, and looks at it, through its database files, past the server: fast, and a witness of its own.

Works while Samba runs (the files are locked by transaction) and while it is down; not while it is frozen inside one.
"""

import json
import os

import ldb
from samba import param, sd_utils
from samba.auth import system_session
from samba.dcerpc import dnsp
from samba.ndr import ndr_pack
from samba.samdb import SamDB

import content
from settings import DOMAIN

BINARY = {"objectGUID", "objectSid", "nTSecurityDescriptor"}


class Database:
    def __init__(self, directory):
        self.directory = directory
        params = param.LoadParm()
        params.load(f"{directory}/etc/smb.conf")
        self.db = SamDB(url=f"{directory}/private/sam.ldb", session_info=system_session(), lp=params)
        self.base = str(self.db.domain_dn())

    # -- what the address changes -------------------------------------------------------------------------------------

    def move_to(self, address):
        """The controller's address, where the domain keeps it: an SPN for clients that connect by address, and DNS."""
        dc1 = f"CN=DC1,OU=Domain Controllers,{self.base}"
        names = [str(n) for n in self.db.search(dc1, scope=ldb.SCOPE_BASE, attrs=["servicePrincipalName"])[0]["servicePrincipalName"]]
        kept = [n for n in names if not n.startswith("ldap/127.")]
        content.modify(self.db, dc1, {"servicePrincipalName": [*kept, f"ldap/{address}"]})
        record = dnsp.DnssrvRpcRecord()
        record.wType = dnsp.DNS_TYPE_A
        record.rank = dnsp.DNS_RANK_ZONE
        record.dwTtlSeconds = 900
        record.data = address
        node = f"DC=dc1,DC={DOMAIN},CN=MicrosoftDNS,DC=DomainDnsZones,{self.base}"
        if self.read(node, ["1.1"]) is None:  # provision leaves loopback addresses out
            self.db.add({"dn": node, "objectClass": "dnsNode"})
        content.modify(self.db, node, {"dnsRecord": ndr_pack(record)})

    # -- people -------------------------------------------------------------------------------------------------------

    def account(self, name):
        found = self.db.search(self.base, expression=f"(sAMAccountName={ldb.binary_encode(name)})", attrs=["*"])
        if len(found) != 1:
            raise KeyError(f"no such account: {name}")
        return found[0]

    def user(self, name):
        entry = self.account(name)
        number = lambda attribute: int(str(entry.get(attribute, idx=0) or 0))  # noqa: E731
        return {
            "dn": str(entry.dn),
            "sid": self.db.schema_format_value("objectSid", entry["objectSid"][0]).decode(),
            "disabled": bool(number("userAccountControl") & 0x2),
            "bad_passwords": number("badPwdCount"),
            "locked": number("lockoutTime") != 0,
            "groups": sorted(str(ldb.Dn(self.db, str(g)).get_rdn_value()) for g in entry.get("memberOf", [])),
        }

    def add_user(self, name, password=content.PASSWORD):
        content.add_person(self.db, name, "OU=People", password)
        return self.user(name)

    def delete_user(self, name):
        self.db.delete(self.account(name).dn)

    def disable(self, name):
        self._account_flag(name, 0x2, True)

    def enable(self, name):
        self._account_flag(name, 0x2, False)

    def lock(self, name):
        content.modify(self.db, str(self.account(name).dn), {"lockoutTime": "133000000000000000"})

    def unlock(self, name):
        content.modify(self.db, str(self.account(name).dn), {"lockoutTime": "0", "badPwdCount": "0"}, controls=["relax:0"])

    def expire(self, name):
        content.modify(self.db, str(self.account(name).dn), {"accountExpires": "133000000000000000"})

    def unexpire(self, name):
        content.modify(self.db, str(self.account(name).dn), {"accountExpires": "0"})

    def password(self, name, new):
        content.modify(self.db, str(self.account(name).dn), {"unicodePwd": content.unicode_password(new)})

    def join(self, group, member):
        self.db.add_remove_group_members(group, [member], add_members_operation=True)

    def leave(self, group, member):
        self.db.add_remove_group_members(group, [member], add_members_operation=False)

    def _account_flag(self, name, flag, on):
        entry = self.account(name)
        now = int(str(entry["userAccountControl"]))
        content.modify(self.db, str(entry.dn), {"userAccountControl": str(now | flag if on else now & ~flag)})

    # -- computers ----------------------------------------------------------------------------------------------------

    def add_computers(self, specs):
        """`specs` as in content.COMPUTERS, one or a list; answers their DNs and GUIDs."""
        specs = [specs] if isinstance(specs, dict) else specs
        self.db.transaction_start()
        try:
            dns = [content.add_computer(self.db, spec) for spec in specs]
        except BaseException:
            self.db.transaction_cancel()
            raise
        self.db.transaction_commit()
        return [{"name": s["name"], "dn": dn, "guid": content.guid_of(self.db, dn)} for s, dn in zip(specs, dns)]

    def add_child(self, name, kind):
        dn = self.account(name + "$").dn
        content.add_child(self.db, str(dn), kind, len(self._below(dn)) + 1)

    def delete_computer(self, name):
        dn = self.account(name + "$").dn
        content.modify(self.db, str(dn), {"isCriticalSystemObject": "FALSE"}, controls=["relax:0"])
        self.db.delete(dn, ["tree_delete:0"])

    def computers(self, under=None):
        """Every computer with its children's DNs, deepest first."""
        base = f"{under},{self.base}" if under else self.base
        return self._computers(base, "(objectCategory=computer)")

    def computer(self, name):
        found = self._computers(self.base, f"(sAMAccountName={ldb.binary_encode(name)}$)")
        return found[0] if found else None

    def _computers(self, base, expression):
        attributes = ["sAMAccountName", "dNSHostName", "objectGUID", "userAccountControl"]
        found = self.db.search(base, expression=expression, attrs=attributes)
        return [
            {
                "name": str(c["sAMAccountName"]).rstrip("$"),
                "dns": str(c.get("dNSHostName", idx=0) or ""),
                "dn": str(c.dn),
                "guid": self.db.schema_format_value("objectGUID", c["objectGUID"][0]).decode(),
                "disabled": bool(int(str(c["userAccountControl"])) & 0x2),
                "children": self._below(c.dn),
            }
            for c in found
        ]

    def _below(self, dn):
        try:
            found = [str(e.dn) for e in self.db.search(dn, scope=ldb.SCOPE_SUBTREE, attrs=["1.1"]) if e.dn != dn]
        except ldb.LdbError as error:
            if error.args[0] == ldb.ERR_NO_SUCH_OBJECT:  # removed by the server since it was listed
                return []
            raise
        return sorted(found, key=lambda d: (-len(ldb.Dn(self.db, d)), d))

    # -- anything else ------------------------------------------------------------------------------------------------

    def read(self, dn, attributes=("*",)):
        """An entry as {attribute: [text]}, or null. Binary values come as Samba prints them."""
        try:
            entry = self.db.search(dn, scope=ldb.SCOPE_BASE, attrs=list(attributes))[0]
        except ldb.LdbError as error:
            if error.args[0] == ldb.ERR_NO_SUCH_OBJECT:
                return None
            raise
        text = lambda a, v: self.db.schema_format_value(a, v).decode() if a in BINARY else bytes(v).decode(errors="replace")  # noqa: E731
        return {a: [text(a, v) for v in entry[a]] for a in entry if a != "dn"}

    def modify(self, dn, changes):
        """Replaces attributes; an empty list removes one. Passes over the rules that bind a client."""
        content.modify(self.db, dn, changes, controls=["relax:0"])

    def delete(self, dn):
        self.db.delete(dn)

    def add_ace(self, dn, ace):
        sd_utils.SDUtils(self.db).dacl_add_ace(dn, ace)

    def remove_ace(self, dn, ace):
        sd_utils.SDUtils(self.db).dacl_delete_aces(dn, ace)

    # -- witness of who knocked ---------------------------------------------------------------------------------------

    def logons(self, since=0):
        """Every authentication that the server saw, from entry number `since` on: mechanism, account and status.

        From Samba's audit log, so a password that a client sent in vain is seen as well.
        """
        seen = []
        path = f"{self.directory}/log/log.samba"
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as log:
                for line in log:
                    start = line.find('{"timestamp"')
                    if start < 0:
                        continue
                    entry = json.loads(line[start:])
                    if entry.get("type") == "Authentication":
                        what = entry["Authentication"]
                        account = what.get("mappedAccount") or what.get("clientAccount")
                        seen.append({"by": what["authDescription"], "account": account, "status": what["status"]})
        return seen[since:]
