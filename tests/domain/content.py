#!/usr/bin/python3
"""What the test domain holds. Run as `content.py DIR`: provisions an Active Directory below DIR and fills it.

No server runs here; Samba's own Python API writes the databases. The result is cached by domain_server.py, so nothing
may depend on the address or the place it later runs from, and nothing may expire.
"""

import json
import logging
import os
import sys

import ldb
import samba
import samba.param

from settings import DOMAIN, NETBIOS, REALM, REVERSE_ZONE, write_samba_config

# Debian ships the schema in samba-ad-provision and patches this lookup for the command-line tool only.
SETUP = os.environ.get("SAMBA_SETUP", "/usr/share/samba/setup")
samba.param.setup_dir = lambda: SETUP

from samba import dsdb, sd_utils  # noqa: E402  (setup_dir must be in place before provision is imported)
from samba.auth import system_session  # noqa: E402
from samba.dcerpc import security  # noqa: E402
from samba.net import Net  # noqa: E402
from samba.param import LoadParm  # noqa: E402
from samba.provision import provision, sambadns  # noqa: E402
from samba.samdb import SamDB  # noqa: E402
import samba.dckeytab  # noqa: E402,F401  (adds Net.export_keytab)

PASSWORD = "Passw0rd!"
ADMINISTRATOR_PASSWORD = "Adm1n-canary-7c21!"

# One password each, so that a leak names the account.
SERVICE_ACCOUNTS = {
    "svc-decom": "Svc-canary-41f7!",
    "svc-noright": "Svc-canary-9b03!",
    "svc-decomd": "Svc-canary-c5e8!",
    "svc-dns": "Svc-canary-2da6!",
}
SERVICE_PRINCIPALS = {
    "svc-decomd": [f"decom/decom1.{DOMAIN}", f"HTTP/decom1.{DOMAIN}"],
    "svc-dns": ["DNS/ns1.lab.example.test"],
}
KEYTABS = {
    "svc-decom": ["svc-decom"],
    "svc-noright": ["svc-noright"],
    "decomd": SERVICE_PRINCIPALS["svc-decomd"],
    "dns": SERVICE_PRINCIPALS["svc-dns"],
}

# name -> what is special about the person
PEOPLE = {
    "alice": "operator through two nested groups",
    "olga": "operator, direct member",
    "bob": "in no group but Domain Users",
    "vera": "viewer by group",
    "carol": "approver; her UPN is carol.jones@example.test",
    "paul": "operator and approver",
    "root.admin": "admin",
    "zoe": "approver through a loop of groups; her CN needs escaping everywhere",
    "dave": "disabled",
    "erin": "account expired",
    "lou": "locked",
    "mona": "must change the password",
    "pete": "password expired",
    "hana": "no logon hours",
    "wanda": "may log on from one workstation only",
}
GROUPS = {
    "Decom Viewers": ["vera"],
    "Decom Operators": ["Server Team", "olga", "paul"],
    "Server Team": ["Linux Admins"],
    "Linux Admins": ["alice"],
    "Decom Approvers": ["carol", "paul", "Loop B"],
    "Decom Admins": ["root.admin"],
    "Loop A": ["Loop B", "zoe"],
    "Loop B": ["Loop A"],
}
UNITS = [
    "OU=People",
    "OU=Groups",
    "OU=Service Accounts",
    "OU=Servers",
    "OU=Linux,OU=Servers",
    "OU=Workstations",
    "OU=Retired",
]
# What ADUC's "protect from accidental deletion" writes on the object.
PROTECTED_ACE = "(D;;SDDT;;;WD)"
# Attributes that a service account may write which disables and moves computers ([MS-ADA1] to [MS-ADA3], schemaIDGUID).
USER_ACCOUNT_CONTROL = "bf967a68-0de6-11d0-a285-00aa003049e2"
DESCRIPTION = "bf967950-0de6-11d0-a285-00aa003049e2"
NAME = "bf967a0e-0de6-11d0-a285-00aa003049e2"
COMMON_NAME = "bf96793f-0de6-11d0-a285-00aa003049e2"
COMPUTER_CLASS = "bf967a86-0de6-11d0-a285-00aa003049e2"
DNS_NODE_CLASS = "e0fa1e8c-9b45-11d0-afdd-00c04fd930c9"

COMPUTERS = [
    *({"name": f"WEB{n:02}"} for n in range(1, 5)),
    {"name": "WEB05", "children": ["service", "bitlocker", "bitlocker"]},
    {"name": "WEB06", "children": ["nested"]},
    *({"name": f"WEB{n:02}"} for n in range(7, 10)),
    {"name": "DB01", "disabled": True},
    {"name": "APP01", "protected": True},
    {"name": "APP02", "dns": "app-two.other.example.test"},
    {"name": "ODDNAME1", "cn": "Odd+Name, #1"},
    {"name": "LONGSERVERNAME1", "dns": f"longservername1234567.{DOMAIN}"},
    {"name": "TWIN01", "dns": f"twin.{DOMAIN}"},
    {"name": "TWIN02", "dns": f"twin.{DOMAIN}"},
    {"name": "LNX01", "ou": "OU=Linux,OU=Servers", "os": "Linux"},
    {"name": "WKS01", "ou": "OU=Workstations", "os": "Windows 10 Enterprise"},
    {"name": "CRIT01", "critical": True},
    {"name": "FAKEDC01", "uac": 0x2000 | 0x80000, "primary_group": 516},
    {"name": "FAKERODC01", "uac": 0x1000 | 0x04000000, "primary_group": 521},
]


def rdn(cn):
    """CN=… with RFC 4514 escapes."""
    escaped = "".join("\\" + c if c in ',+"\\<>;=#' else c for c in cn)
    return "CN=" + escaped


def unicode_password(text):
    return f'"{text}"'.encode("utf-16-le")


def modify(db, dn, changes, flag=ldb.FLAG_MOD_REPLACE, controls=()):
    message = ldb.Message(ldb.Dn(db, dn))
    for attribute, value in changes.items():
        message[attribute] = ldb.MessageElement(value, flag, attribute)
    db.modify(message, controls=list(controls))


def sid_of(db, dn):
    found = db.search(dn, scope=ldb.SCOPE_BASE, attrs=["objectSid"])[0]
    return db.schema_format_value("objectSid", found["objectSid"][0]).decode()


def guid_of(db, dn):
    found = db.search(dn, scope=ldb.SCOPE_BASE, attrs=["objectGUID"])[0]
    return db.schema_format_value("objectGUID", found["objectGUID"][0]).decode()


def add_child(db, computer_dn, kind, number):
    """A child as Windows makes them: a service's connection point, a BitLocker recovery key, or a
    DFS Replication subscriber, which is a child of a child.
    """
    if kind == "service":
        dn = f"CN=service{number},{computer_dn}"
        db.add({"dn": dn, "objectClass": "serviceConnectionPoint", "keywords": "decom-test"})
    elif kind == "bitlocker":
        # The CN is the time and the recovery GUID; the password is a confidential attribute.
        guid = bytes([number] * 16)
        cn = f"2024-01-0{number + 1}T10:00:00-00:00{{{number:08X}-0000-0000-0000-000000000000}}"
        db.add(
            {
                "dn": rdn(cn) + "," + computer_dn,
                "objectClass": "msFVE-RecoveryInformation",
                "msFVE-RecoveryGuid": guid,
                "msFVE-RecoveryPassword": f"canary-bitlocker-{number}",
            }
        )
    elif kind == "nested":
        # What DFS Replication leaves below each of its members.
        settings = f"CN=DFSR-LocalSettings,{computer_dn}"
        db.add({"dn": settings, "objectClass": "msDFSR-LocalSettings"})
        subscriber = f"CN=subscriber,{settings}"
        db.add(
            {
                "dn": subscriber,
                "objectClass": "msDFSR-Subscriber",
                "msDFSR-ReplicationGroupGuid": bytes(16),
                "msDFSR-MemberReference": computer_dn,
            }
        )
    else:
        raise ValueError(f"no such kind of child: {kind}")


def add_computer(db, spec):
    """Adds one computer as `COMPUTERS` describes them; returns its DN."""
    base = str(db.domain_dn())
    name = spec["name"]
    dns = spec.get("dns", f"{name.lower()}.{DOMAIN}")
    dn = f"{rdn(spec.get('cn', name))},{spec.get('ou', 'OU=Servers')},{base}"
    uac = spec.get("uac", 0x1000) | (0x2 if spec.get("disabled") else 0)
    entry = {
        "dn": dn,
        "objectClass": "computer",
        "sAMAccountName": name + "$",
        "userAccountControl": str(uac),
        "operatingSystem": spec.get("os", "Windows Server 2022 Standard"),
    }
    if dns:
        entry["dNSHostName"] = dns
        entry["servicePrincipalName"] = [f"HOST/{name}", f"HOST/{name.lower()}.{DOMAIN}"]
    if "description" in spec:
        entry["description"] = spec["description"]
    db.add(entry)
    if "primary_group" in spec:
        modify(db, dn, {"primaryGroupID": str(spec["primary_group"])}, controls=["relax:0"])
    if spec.get("critical"):
        modify(db, dn, {"isCriticalSystemObject": "TRUE"}, controls=["relax:0"])
    for number, kind in enumerate(spec.get("children", []), 1):
        add_child(db, dn, kind, number)
    if spec.get("protected"):
        sd_utils.SDUtils(db).dacl_add_ace(dn, PROTECTED_ACE)
    return dn


def add_person(db, name, unit, password):
    db.newuser(name, password, userou=unit)
    return f"CN={name},{unit},{db.domain_dn()}"


def fill_people(db):
    dns = {name: add_person(db, name, "OU=People", PASSWORD) for name in PEOPLE if name != "zoe"}
    dns["zoe"] = f"{rdn('Smith, Zoë (ops) #1')},OU=People,{db.domain_dn()}"
    db.add(
        {
            "dn": dns["zoe"],
            "objectClass": "user",
            "sAMAccountName": "zoe",
            "userPrincipalName": f"zoe@{DOMAIN}",
            "unicodePwd": unicode_password(PASSWORD),
        }
    )
    db.enable_account("(sAMAccountName=zoe)")
    modify(db, dns["carol"], {"userPrincipalName": "carol.jones@example.test"})
    db.disable_account("(sAMAccountName=dave)")
    db.setexpiry("(sAMAccountName=erin)", -86400)
    modify(db, dns["lou"], {"lockoutTime": str(133_000_000_000_000_000)})  # 2022; lockoutDuration says for ever
    modify(db, dns["mona"], {"pwdLastSet": "0"})
    # DSDB_CONTROL_PASSWORD_BYPASS_LAST_SET: without it pwdLastSet takes 0 and -1 only. 1 is the year 1601.
    modify(db, dns["pete"], {"pwdLastSet": "1"}, controls=["local_oid:1.3.6.1.4.1.7165.4.3.20:0"])
    modify(db, dns["hana"], {"logonHours": b"\0" * 21})
    modify(db, dns["wanda"], {"userWorkstations": "WKS01"})
    return dns


def fill_service_accounts(db):
    dns = {name: add_person(db, name, "OU=Service Accounts", pw) for name, pw in SERVICE_ACCOUNTS.items()}
    for name, principals in SERVICE_PRINCIPALS.items():
        modify(db, dns[name], {"servicePrincipalName": principals, "msDS-SupportedEncryptionTypes": "24"})
    return dns


def fill_groups(db):
    for group in GROUPS:
        db.newgroup(group, groupou="OU=Groups")
    for group, members in GROUPS.items():
        db.add_remove_group_members(group, members, add_members_operation=True)


def add_reverse_zone(db):
    """Provisioning makes no reverse zone, and the command-line tool wants an RPC server."""
    base = str(db.domain_dn())
    admins = security.dom_sid(sid_of(db, f"CN=DnsAdmins,CN=Users,{base}"))
    domain = security.dom_sid(db.get_domain_sid())
    sambadns.add_domain_record(db, base, "DC=DomainDnsZones", REVERSE_ZONE, domain, admins)
    zone = f"DC={REVERSE_ZONE},CN=MicrosoftDNS,DC=DomainDnsZones,{base}"
    sambadns.add_at_record(db, zone, "DC=DomainDnsZones", "dc1", DOMAIN, None, None)


def delegate(db, service_dn):
    """What the manual tells an administrator to grant: delete computers of one OU, their children one by one, and DNS names."""
    base = str(db.domain_dn())
    sid = sid_of(db, service_dn)
    sd = sd_utils.SDUtils(db)
    sd.dacl_add_ace("OU=Servers," + base, f"(OA;CIIO;SDDT;;{COMPUTER_CLASS};{sid})")
    # SDDT alone answers 50 for a child and so 66 for its computer: a child may be deleted by who may delete children of its parent.
    sd.dacl_add_ace("OU=Servers," + base, f"(OA;CIIO;DC;;{COMPUTER_CLASS};{sid})")
    # Disabling writes two attributes. A move renames the entry, deletes it here and creates it there.
    for attribute in (USER_ACCOUNT_CONTROL, DESCRIPTION, NAME, COMMON_NAME):
        sd.dacl_add_ace("OU=Servers," + base, f"(OA;CIIO;WP;{attribute};{COMPUTER_CLASS};{sid})")
    sd.dacl_add_ace("OU=Retired," + base, f"(OA;CI;CC;{COMPUTER_CLASS};;{sid})")
    for zone in (DOMAIN, REVERSE_ZONE):
        zone_dn = f"DC={zone},CN=MicrosoftDNS,DC=DomainDnsZones,{base}"
        sd.dacl_add_ace(zone_dn, f"(OA;CIIO;RPWPLCLORCSD;;{DNS_NODE_CLASS};{sid})")


def describe(db, people, services):
    """The facts that tests look up instead of writing them down a second time."""
    base = str(db.domain_dn())

    def account(dn, password, note=None):
        found = db.search(dn, scope=ldb.SCOPE_BASE, attrs=["sAMAccountName", "userPrincipalName"])[0]
        facts = {
            "sam": str(found["sAMAccountName"]),
            "upn": str(found["userPrincipalName"]),
            "dn": dn,
            "sid": sid_of(db, dn),
            "password": password,
        }
        return {**facts, "note": note} if note else facts

    def group(name):
        dn = str(db.search(base, scope=ldb.SCOPE_SUBTREE, expression=f"(sAMAccountName={name})", attrs=["1.1"])[0].dn)
        return {"dn": dn, "sid": sid_of(db, dn)}

    return {
        "base_dn": base,
        "domain_sid": str(security.dom_sid(db.get_domain_sid())),
        "administrator": {"sam": "Administrator", "password": ADMINISTRATOR_PASSWORD},
        "users": {
            **{name: account(dn, PASSWORD, PEOPLE[name]) for name, dn in people.items()},
            **{name: account(dn, SERVICE_ACCOUNTS[name]) for name, dn in services.items()},
        },
        "groups": {name: group(name) for name in [*GROUPS, "Domain Users"]},
    }


def make(directory):
    for sub in ("etc", "private", "state", "keytabs"):
        os.makedirs(f"{directory}/{sub}", exist_ok=True)
    config = write_samba_config(directory, "127.0.0.1")
    params = LoadParm()
    params.load(config)
    logging.basicConfig(level=logging.ERROR)
    provision(
        logging.getLogger(),
        system_session(),
        smbconf=config,
        lp=params,
        realm=REALM,
        domain=NETBIOS,
        hostname="dc1",
        hostip="127.0.0.1",
        serverrole="active directory domain controller",
        adminpass=ADMINISTRATOR_PASSWORD,
        dns_backend="SAMBA_INTERNAL",
        skip_sysvolacl=True,  # POSIX ACLs are missing in most containers, and no share is served
        dom_for_fun_level=dsdb.DS_DOMAIN_FUNCTION_2008_R2,
    )
    db = SamDB(url=f"{directory}/private/sam.ldb", session_info=system_session(), lp=params)
    base = str(db.domain_dn())
    forever = str(-(2**63))
    modify(
        db,
        base,
        {
            "lockoutThreshold": "5",
            "lockoutDuration": forever,
            "lockOutObservationWindow": forever,
            "minPwdAge": "0",
            "maxPwdAge": str(-3650 * 86400 * 10**7),
        },
    )
    db.transaction_start()
    for unit in UNITS:
        db.add({"dn": f"{unit},{base}", "objectClass": "organizationalUnit"})
    people = fill_people(db)
    services = fill_service_accounts(db)
    fill_groups(db)
    for spec in COMPUTERS:
        add_computer(db, spec)
    dc1 = f"CN=DC1,OU=Domain Controllers,{base}"
    # Never a DNS/… principal here: the internal DNS server then cannot start and takes Samba with it.
    modify(db, dc1, {"servicePrincipalName": [f"ldap/dc1.{DOMAIN}", "ldap/dc1"]}, ldb.FLAG_MOD_ADD)
    db.transaction_commit()
    add_reverse_zone(db)
    delegate(db, services["svc-decom"])
    for file, principals in KEYTABS.items():
        for principal in principals:
            Net(None, params).export_keytab(keytab=f"{directory}/keytabs/{file}.keytab", principal=principal)
    with open(f"{directory}/facts.json", "w", encoding="utf-8") as out:
        json.dump(describe(db, people, services), out, indent=1)


if __name__ == "__main__":
    make(os.path.abspath(sys.argv[1]))
