#!/usr/bin/python3
"""Runs puppetserver with its certificate authority on a free loopback port; see README.md. Prints one line of JSON when ready."""

import json
import os
import shutil
import signal
import ssl
import sys
import tempfile
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from leash import Group, end_when_told, free_port, openssl, serve, wait_until  # noqa: E402

JAR = "/usr/share/puppetserver/puppetserver.jar"
HOME = "/etc/puppet/puppetserver"
PUPPET = """
[main]
certname = localhost
confdir = {folder}/puppet
ssldir = {folder}/ssl
vardir = {folder}/var
keylength = 2048
[server]
cadir = {folder}/ca
dns_alt_names = localhost
autosign = true
"""
SERVER = """
jruby-puppet: {{
    ruby-load-path: [/usr/lib/puppetserver/ruby/vendor_ruby]
    gem-home: {folder}/gems
    gem-path: [{folder}/gems, "/usr/lib/puppetserver/vendored-jruby-gems"]
    server-conf-dir: {folder}/puppet
    server-code-dir: {folder}/code
    server-var-dir: {folder}/var
    server-run-dir: {folder}/run
    server-log-dir: {folder}/log
    max-active-instances: 1
}}
"""
WEB = """
webserver: {{
    client-auth: want
    ssl-host: 127.0.0.1
    ssl-port: {port}
}}
"""
LOGBACK = """<configuration>
  <appender name="F" class="ch.qos.logback.core.FileAppender"><file>{folder}/puppetserver.log</file>
    <encoder><pattern>%d %-5p [%c{{2}}] %m%n</pattern></encoder></appender>
  <root level="info"><appender-ref ref="F" /></root>
</configuration>
"""


class PuppetCa:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.group = None
        for name in ("conf.d", "puppet", "ssl", "var", "ca", "code", "run", "log", "gems", "clients"):
            os.mkdir(f"{folder}/{name}")
        texts = {
            "puppet/puppet.conf": PUPPET, "conf.d/puppetserver.conf": SERVER, "conf.d/webserver.conf": WEB, "logback.xml": LOGBACK,
            "conf.d/global.conf": "global: {{ logging-config: {folder}/logback.xml }}",
        }  # fmt: skip
        for name, text in texts.items():
            self.write(name, text.format(folder=folder, port=self.port))
        for name in ("ca.conf", "metrics.conf", "web-routes.conf"):
            shutil.copy(f"{HOME}/conf.d/{name}", f"{folder}/conf.d/{name}")
        with open(f"{HOME}/conf.d/auth.conf", encoding="utf-8") as source:
            rules = source.read()
        # As the head of the recipe has it; "reader" may look, and no more.
        of_the_cli = 'allow: {\n               extensions: {\n                   pp_cli_auth: "true"\n               }\n            }'
        looking, cleaning = rules.split("# Allow the CA CLI to access the certificate clean endpoint")
        both = 'allow: ["reader", "decom", { extensions: { pp_cli_auth: "true" } }]'
        one = 'allow: ["decom", { extensions: { pp_cli_auth: "true" } }]'
        self.write("conf.d/auth.conf", looking.replace(of_the_cli, both) + cleaning.replace(of_the_cli, one))

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w", encoding="utf-8") as out:
            out.write(text)

    def begin(self):
        """Starts it, and does not wait until it answers."""
        self.group = Group(
            ["java", "-Xms512m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djruby.lib=/usr/share/jruby/lib",
             "-Djruby.logger.class=com.puppetlabs.jruby_utils.jruby.Slf4jLogger", "-jar", JAR,
             "--config", f"{self.folder}/conf.d", "--bootstrap-config", f"{HOME}/services.d", "--restart-file", f"{self.folder}/restart"],
            f"{self.folder}/java.log",
        )  # fmt: skip

    def start(self):
        self.begin()
        wait_until(self.is_ready, "puppetca_server", self.group, patience=200)

    def stop(self):
        if self.group:
            self.group.end(signal.SIGKILL)
        self.group = None

    def is_ready(self):
        try:
            return self.ask("GET", "/status/v1/simple") == "running"
        except (OSError, ValueError):
            return False

    def ask(self, method, path, body=None, kind="text/plain"):
        request = urllib.request.Request(f"https://localhost:{self.port}{path}", body.encode() if body else None, method=method)
        request.add_header("Content-Type", kind)
        request.add_header("Accept", "text/plain")
        context = ssl.create_default_context(cafile=f"{self.folder}/ca/ca_crt.pem")
        if os.path.exists(f"{self.folder}/ssl/certs/localhost.pem"):  # the server's own, which may do everything
            context.load_cert_chain(f"{self.folder}/ssl/certs/localhost.pem", f"{self.folder}/ssl/private_keys/localhost.pem")
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return answer.read().decode()

    def certificate(self, name):
        """As a new agent gets one."""
        base = f"{self.folder}/clients/{name}"
        if not os.path.exists(f"{base}.key"):
            openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{base}.key", "-out", f"{base}.csr", "-subj", f"/CN={name}")
        with open(f"{base}.csr", encoding="ascii") as request:
            self.ask("PUT", f"/puppet-ca/v1/certificate_request/{name}", request.read())
        with open(f"{base}.pem", "w", encoding="ascii") as out:
            out.write(self.ask("GET", f"/puppet-ca/v1/certificate/{name}"))

    def clean(self, name):
        self.ask("PUT", "/puppet-ca/v1/clean", json.dumps({"certnames": [name]}), "application/json")

    def state(self, name):
        """By the authority's own files: none or signed; and revoked, where its list has the certificate that was signed last."""
        if os.path.exists(f"{self.folder}/ca/signed/{name}.pem"):
            return "signed"
        if not os.path.exists(f"{self.folder}/clients/{name}.pem"):
            return "none"
        serial = openssl("x509", "-in", f"{self.folder}/clients/{name}.pem", "-noout", "-serial").split("=")[1].strip().lstrip("0")
        listed = openssl("crl", "-in", f"{self.folder}/ca/ca_crl.pem", "-noout", "-text")
        return "revoked" if any(line.split()[-1].lstrip("0") == serial for line in listed.splitlines() if "Serial Number:" in line) else "none"

    def pause(self):
        self.group.tell(signal.SIGSTOP)

    def resume(self):
        self.group.tell(signal.SIGCONT)


def main():
    end_when_told()
    folder = tempfile.mkdtemp(prefix="decom-puppetca-")
    authority = None
    try:
        authority = PuppetCa(folder)
        authority.start()
        for name in ("decom", "reader", "nobody"):
            authority.certificate(name)
        ready = {"url": f"https://localhost:{authority.port}", "ca": f"{folder}/ca/ca_crt.pem", "certificates": f"{folder}/clients", "folder": folder}
        print(json.dumps(ready), flush=True)
        verbs = ("certificate", "clean", "state", "begin", "start", "stop", "pause", "resume")
        serve({verb: getattr(authority, verb) for verb in verbs})
    finally:
        if authority:
            authority.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
