"""The local cluster's own certificate authority and server certificate, made once per state directory."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from dagset.local.state import write_private

__all__ = ["Certificates", "ensure_certificates", "server_context"]

_DAYS = 3650


@dataclass(frozen=True)
class Certificates:
    """Where the PEM files are: the CA for clients, certificate and key for the server."""

    ca: Path
    server: Path
    server_key: Path


def ensure_certificates(directory: Path) -> Certificates:
    """Give the certificates, made now if there are none. The CA's key is used once and never written."""
    certificates = Certificates(directory / "ca.crt", directory / "server.crt", directory / "server.key")
    if not certificates.ca.exists():
        _make(certificates)
    return certificates


def server_context(certificates: Certificates) -> ssl.SSLContext:
    """Give what a server needs to speak TLS 1.2 or newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificates.server, certificates.server_key)
    return context


def _make(certificates: Certificates) -> None:
    """Write all three; the CA last, for it says that the others are there."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def usage(*, is_ca: bool) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=is_ca,
            crl_sign=is_ca,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )

    ca_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())

    def builder(name: str, key: ec.EllipticCurvePublicKey, *, is_ca: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(named("dagset local CA"), named(name), key, x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=_DAYS))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), critical=True)
            .add_extension(usage(is_ca=is_ca), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(authority, critical=False)
        )

    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    ca = builder("dagset local CA", ca_key.public_key(), is_ca=True).sign(ca_key, hashes.SHA256())
    server = (
        builder("dagset local", server_key.public_key(), is_ca=False)
        .add_extension(names, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    key_text = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    write_private(certificates.server_key, content=key_text)
    write_private(certificates.server, content=server.public_bytes(pem))
    write_private(certificates.ca, content=ca.public_bytes(pem))
