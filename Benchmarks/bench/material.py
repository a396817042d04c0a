"""What the servers and clients are given: one certificate, one key set, tokens, a body."""

import base64
import json
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography import x509
from cryptography.x509.oid import NameOID
import datetime

TOKEN_COUNT = 4000
BODY_BYTES = 16384
ISSUER = "https://identity.bench.local"


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Material:
    """Files in `directory`, made anew for each run; nothing of it is a secret worth keeping."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.certificate = self.directory / "certificate.pem"
        self.key = self.directory / "key.pem"
        self.bundle = self.directory / "bundle.pem"
        self.key_set = self.directory / "jwks.json"
        self.body = self.directory / "body"
        self.tokens_file = self.directory / "tokens"
        self._make_certificate()
        self._make_tokens()
        self.body.write_bytes((b"0123456789abcdef" * 1024)[:BODY_BYTES])

    def _make_certificate(self):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256()))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        public = certificate.public_bytes(serialization.Encoding.PEM)
        self.certificate.write_bytes(public)
        self.key.write_bytes(private)
        self.bundle.write_bytes(public + private)

    def _make_tokens(self):
        key = ec.generate_private_key(ec.SECP256R1())
        numbers = key.public_key().public_numbers()
        self.key_set.write_text(json.dumps({"keys": [{
            "kty": "EC", "crv": "P-256", "kid": "bench", "alg": "ES256", "use": "sig",
            "x": _base64url(numbers.x.to_bytes(32, "big")), "y": _base64url(numbers.y.to_bytes(32, "big"))}]}))
        head = _base64url(b'{"alg":"ES256","kid":"bench","typ":"JWT"}')
        now = int(time.time())
        self.tokens = []
        for index in range(TOKEN_COUNT):
            claims = {"iss": ISSUER, "aud": "bench", "sub": f"caller-{index}", "scope": "bench:read bench:write",
                      "iat": now, "exp": now + 86400}
            signed = f"{head}.{_base64url(json.dumps(claims).encode())}"
            r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
            self.tokens.append(f"{signed}.{_base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}")
        self.tokens_file.write_text("\n".join(self.tokens) + "\n")

    @property
    def token(self):
        return self.tokens[0]
