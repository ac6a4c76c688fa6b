"""Certificate authorities for tests: leaves, revocation lists, files that change under a running server."""

import datetime
import os
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def pem(value):
    return value.public_bytes(serialization.Encoding.PEM)


def replace(path, content):
    """Puts a file in place in one step, as an operator should."""
    draft = pathlib.Path(f"{path}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(draft, path)


class Leaf:
    """A certificate and its key, as PEM."""

    def __init__(self, certificate, key):
        self.certificate = certificate
        self.serial = certificate.serial_number
        self.pem = pem(certificate)
        self.key_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Authority:
    """A CA of its own."""

    def __init__(self, common_name):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = name(common_name)
        self.certificate = (
            x509.CertificateBuilder().subject_name(self.name).issuer_name(self.name)
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now() - DAY).not_valid_after(now() + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256()))
        self.pem = pem(self.certificate)

    def leaf(self, common_name, usages=BOTH, lasts=DAY, begins=-DAY):
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"), x509.IPAddress(__import__("ipaddress").ip_address("127.0.0.1"))]
        certificate = (
            x509.CertificateBuilder().subject_name(name(common_name)).issuer_name(self.name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now() + begins).not_valid_after(now() + lasts)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(list(usages)), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256()))
        return Leaf(certificate, key)

    def revocations(self, *serials, lasts=DAY):
        """The list of this CA, PEM."""
        builder = (
            x509.CertificateRevocationListBuilder().issuer_name(self.name)
            .last_update(now() - 2 * DAY).next_update(now() + lasts))
        for serial in serials:
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now() - DAY)
            builder = builder.add_revoked_certificate(revoked.build())
        return pem(builder.sign(self.key, hashes.SHA256()))
