"""A definition for each system in each fault, and the proxy that it leads through where the fault wants one."""

import pathlib
import subprocess

from fault_proxy import FaultProxy, dns_servfail, http_500, is_dns_update, is_http_removal, is_ldap_delete, ldap_busy
from record_scenario import CMDB_CODE, FORWARD, REVERSE, RecordCase, run_with_words, toml

CORP = "corp.example.test"
# What the daemon gives a server for one answer. A loaded machine must never be taken for a slow server, but in that column.
PATIENT = {"dns": "1m", "adns": "1m", "ad": "2m", "icinga": "2m", "zabbix": "2m", "cmdb": "2m"}
SLOW = {**dict.fromkeys(PATIENT, "2s"), "cmdb": "4s"}
# What may still be on its way is waited for as long as two answers, and a minute at least.
TIMEOUTS = {"slow": SLOW, "busy": dict.fromkeys(PATIENT, "30s")}
REMOVES = {"ad": is_ldap_delete, "dns": is_dns_update, "adns": is_dns_update, **dict.fromkeys(("icinga", "zabbix", "cmdb"), is_http_removal)}


class FaultCells(RecordCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        facts = cls.domain.facts
        cls.kerberos = {"PATH": "/usr/bin:/bin", "KRB5_CONFIG": facts["krb5_conf"], "KRB5CCNAME": f"FILE:{cls.class_folder}/administrator.ccache"}
        run_with_words(["kinit", f"{facts['administrator']['sam']}@{facts['realm']}"], facts["administrator"]["password"] + "\n", cls.kerberos)

    def samba_dns(self, *lines):
        """All lines in one update. nsupdate cannot verify what Samba signs, so its status says nothing, and who asks for it looks."""
        script = f"server {self.domain.facts['address']}\nzone {CORP}\n" + "".join(f"update {line}\n" for line in lines) + "send\n"
        return subprocess.run(["nsupdate", "-g", "-v"], input=script, text=True, check=False, capture_output=True, env=self.kerberos)

    def samba_has(self, name):
        found = subprocess.run(["dig", "+tcp", f"@{self.domain.facts['address']}", "+short", f"{name}.{CORP}", "A"], text=True, check=True, capture_output=True)
        return found.stdout.strip()

    def adns_definition(self, stack):
        return self.adns_cell(stack, "adns", 'timeout = "5s"\n', f"{self.domain.facts['address']}:53", False)

    # ---- which cell goes through a proxy, and to where
    def servers_of_cells(self):
        self.proxies = {}
        domain, icinga, zabbix = self.domain.facts, self.icinga.facts, self.zabbix.facts
        tls = f"{icinga['folder']}/tls/localhost"
        dc = pathlib.Path(domain["ca"]).parent / "dc1"
        to = {
            "ad": ((domain["address"], 636), ldap_busy, (f"{dc}.pem", f"{dc}.key", domain["ca"], domain["host"])),
            "dns": ((self.dns.facts["address"], self.dns.facts["port"]), dns_servfail, None),
            "adns": ((domain["address"], 53), dns_servfail, None),
            "icinga": (("127.0.0.1", int(icinga["url"].split(":")[2].split("/")[0])), http_500, (f"{tls}.pem", f"{tls}.key", icinga["ca"], "localhost")),
            "zabbix": (("127.0.0.1", int(zabbix["url"].rsplit(":", 1)[1])), http_500, None),
            "cmdb": (("127.0.0.1", self.cmdb.port), http_500, None),
        }
        self.direct = {system: target for system, (target, _, _) in to.items()}
        for system, (target, error, certificate) in to.items():
            for fault in ("down", "slow", "error", "busy", "lost", "again", *(["credential"] if system == "ad" else [])):
                proxy = FaultProxy(target, error, certificate)
                self.proxies[system, fault] = proxy
                self.addCleanup(proxy.close)

    def at(self, system, fault):
        proxy = self.proxies.get((system, fault))
        return ("127.0.0.1", proxy.port) if proxy else self.direct[system]

    def of_fault(self, fault):
        return [self.proxies[system, fault] for system in self.direct]

    # ---- the definition of a cell
    def define(self, stack, system, fault, machine):
        """For that machine alone."""
        name, timeout = f"{system}-{fault}", TIMEOUTS.get(fault, PATIENT)[system]
        head = f"timeout = {toml(timeout)}\ndeadline = \"5m\"\n"
        where = ":".join(map(str, self.at(system, fault)))
        text = getattr(self, f"{system}_cell")(stack, name, head, where, fault == "no-right")
        (stack.folder / "etc" / "records.d" / f"{name}.toml").write_text(f"{text}\n[when]\nname = {toml(machine)}\n")

    def ad_cell(self, stack, name, head, where, powerless):
        facts = self.domain.facts
        who = "svc-noright" if powerless else "svc-decom"
        self.secret(stack, f"{name}.password", facts["users"][who]["password"] + "\n")
        host, port = where.rsplit(":", 1)
        return f"""kind = "ad.computer"
url = "ldaps://{facts["host"]}:{port}"
address = "{host}"
base_dn = "{facts["base_dn"]}"
computer_ous = "OU=Servers,{facts["base_dn"]}"
bind_dn = "{who}@{CORP}"
password_file = "{name}.password"
ca_file = "{facts["ca"]}"
{head}"""

    def dns_cell(self, stack, name, head, where, powerless):
        key = "other-key" if powerless else "decom-key"
        self.secret(stack, f"{name}.key", pathlib.Path(self.dns.facts["keys"][key]).read_text())
        return f"""kind = "dns"
server = "{where}"
zones = ["{FORWARD}", "{REVERSE}"]
{head}[tsig]
name = "{key}"
algorithm = "hmac-sha256"
secret_file = "{name}.key"
"""

    def adns_cell(self, stack, name, head, where, powerless):
        facts = self.domain.facts
        who = "svc-noright" if powerless else "svc-decom"
        path = stack.folder / "etc" / f"{name}.keytab"
        path.write_bytes(pathlib.Path(facts["keytabs"][who]).read_bytes())
        path.chmod(0o600)
        return f"""kind = "dns"
server = "{where}"
zones = ["{CORP}"]
{head}[gss]
keytab_file = "{name}.keytab"
principal = "{who}@{facts["realm"]}"
service = "DNS/{facts["host"]}"
"""

    def icinga_cell(self, stack, name, head, where, powerless):
        self.secret(stack, f"{name}.password", "reader-pw\n" if powerless else "decom-pw\n")
        return self.shipped(
            "icinga2",
            name=('name = "icinga"\n', f'name = "{name}"\n{head}'),
            url=("https://icinga.example.com:5665/v1", f"https://localhost:{where.rsplit(':', 1)[1]}/v1"),
            ca=('"icinga-ca.pem"', toml(self.icinga.facts["ca"])),
            username=('username      = "decom"', f'username = "{"reader" if powerless else "decom"}"'),
            password=('"icinga.password"', f'"{name}.password"'),
        )

    def zabbix_cell(self, stack, name, head, where, powerless):
        self.secret(stack, f"{name}.token", self.zabbix.facts["tokens"]["reader" if powerless else "decom"] + "\n")
        return self.shipped(
            "zabbix",
            name=('name = "zabbix"\n', f'name = "{name}"\n{head}'),
            url=("https://zabbix.example.com/zabbix", f"http://{where}"),
            ca=('ca_file = "zabbix-ca.pem"\n', ""),
            token=('"zabbix.token"', f'"{name}.token"'),
        )

    def cmdb_cell(self, stack, name, head, where, powerless):
        self.secret(stack, f"{name}.token", (self.cmdb.reader if powerless else self.cmdb.token) + "\n")
        return f"""kind = "exec"
language = "python"
env = {{ CMDB = "http://{where}" }}
secrets = {{ TOKEN = "{name}.token" }}
network = true
{head}code = '''{CMDB_CODE}'''
"""
