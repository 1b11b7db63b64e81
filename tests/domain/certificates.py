"""The test authority and the controller's certificate: a good one, and the bad ones that a client must refuse."""

import os
import subprocess
import tempfile

from settings import HOST

KINDS = ("good", "expired", "not-yet-valid", "wrong-name", "other-authority", "self-signed", "client-only")

EC_KEY = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")


def make_authority(key, certificate, name):
    openssl(
        "req", "-x509", "-newkey", *EC_KEY, "-keyout", key, "-out", certificate, "-days", "3650", "-subj", f"/CN={name}",
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    )  # fmt: skip


def ensure_authority(directory):
    if not os.path.exists(f"{directory}/tls/ca.pem"):
        make_authority(f"{directory}/tls/ca.key", f"{directory}/tls/ca.pem", "Test authority")
    return f"{directory}/tls/ca.pem"


def issue(directory, address, kind="good"):
    """Writes tls/dc1.pem and tls/dc1.key; Samba reads them when it starts."""
    if kind not in KINDS:
        raise ValueError(f"no such certificate: {kind}; there are {', '.join(KINDS)}")
    tls = f"{directory}/tls"
    names = "DNS:dc9.corp.example.test" if kind == "wrong-name" else f"DNS:{HOST},IP:{address}"
    usage = "clientAuth" if kind == "client-only" else "serverAuth"
    extensions = f"subjectAltName={names}\nextendedKeyUsage={usage}\n"
    with tempfile.TemporaryDirectory(dir=tls) as work:
        with open(f"{work}/ext", "w", encoding="ascii") as out:
            out.write(extensions)
        openssl("req", "-newkey", *EC_KEY, "-keyout", f"{work}/key", "-out", f"{work}/csr", "-subj", f"/CN={HOST}")
        authority = [f"{tls}/ca.key", f"{tls}/ca.pem"]
        if kind == "other-authority":
            # The same name on purpose: only the signature tells the two apart.
            authority = [f"{work}/other.key", f"{work}/other.pem"]
            make_authority(*authority, "Test authority")
        # `x509` takes no dates, and `ca` does.
        with open(f"{work}/ca.conf", "w", encoding="ascii") as out:
            out.write(
                f"[ca]\ndefault_ca=x\n[x]\ndatabase={work}/index\nnew_certs_dir={work}\nrand_serial=yes\n"
                "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n"
            )
        open(f"{work}/index", "w", encoding="ascii").close()
        dates = {"expired": ("20200101000000Z", "20210101000000Z"), "not-yet-valid": ("20900101000000Z", "20910101000000Z")}
        start, end = dates.get(kind, ("20240101000000Z", "20490101000000Z"))
        signer = ["-selfsign", "-keyfile", f"{work}/key"] if kind == "self-signed" else ["-keyfile", authority[0], "-cert", authority[1]]
        openssl(
            "ca", "-batch", "-notext", "-config", f"{work}/ca.conf", *signer, "-in", f"{work}/csr", "-out", f"{work}/pem",
            "-startdate", start, "-enddate", end, "-extfile", f"{work}/ext",
        )  # fmt: skip
        os.chmod(f"{work}/key", 0o600)  # Samba refuses a key that others can read
        os.replace(f"{work}/key", f"{tls}/dc1.key")
        os.replace(f"{work}/pem", f"{tls}/dc1.pem")
