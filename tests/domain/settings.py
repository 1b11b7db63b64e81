"""Names that never change, and the configuration files that do: they carry the directory and the address."""

import os

DOMAIN = "corp.example.test"
REALM = DOMAIN.upper()
NETBIOS = "CORP"
HOST = f"dc1.{DOMAIN}"
REVERSE_ZONE = "2.0.10.in-addr.arpa"


def write_samba_config(directory, address):
    path = f"{directory}/etc/smb.conf"
    with open(path, "w", encoding="utf-8") as out:
        out.write(
            f"""[global]
 netbios name = DC1
 workgroup = {NETBIOS}
 realm = {REALM}
 server role = active directory domain controller
 interfaces = {address}/8
 bind interfaces only = yes
 server services = kdc, dns, ldap
 disable netbios = yes
 private dir = {directory}/private
 state directory = {directory}/state
 cache directory = {directory}/cache
 lock directory = {directory}/lock
 pid directory = {directory}/run
 ncalrpc dir = {directory}/run/ncalrpc
 winbindd socket directory = {directory}/run/winbindd
 ntp signd socket directory = {directory}/run/ntp
 binddns dir = {directory}/bind-dns
 logging = file
 log level = 1 auth_json_audit:3
 max log size = 0
 panic action =
 load printers = no
 allow dns updates = secure only
 tls cafile = {directory}/tls/ca.pem
 tls certfile = {directory}/tls/dc1.pem
 tls keyfile = {directory}/tls/dc1.key
[sysvol]
 path = {directory}/state/sysvol
[netlogon]
 path = {directory}/state/sysvol/{DOMAIN}/scripts
"""
        )
    return path


def write_kerberos_config(directory, address):
    path = f"{directory}/etc/krb5.conf"
    with open(path, "w", encoding="utf-8") as out:
        out.write(
            f"""[libdefaults]
 default_realm = {REALM}
 dns_lookup_realm = false
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
[realms]
 {REALM} = {{
  kdc = {address}:88
  kpasswd_server = {address}:464
 }}
[domain_realm]
 .{DOMAIN} = {REALM}
 {DOMAIN} = {REALM}
 .example.test = {REALM}
"""
        )
    return path


def make_folders(directory):
    for sub in ("etc", "cache", "lock", "run", "log", "bind-dns", "tls", "secrets"):
        os.makedirs(f"{directory}/{sub}", exist_ok=True)
