# SPDX-License-Identifier: Apache-2.0 OR MIT
"""rfc3161-client as a client of a running server: URL, PEM of roots, PEM of the signer's certificate, document.

Prints for each request its name, a tab, and OK or why not.
"""

import sys
import urllib.request

import cryptography.x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

url, roots_file, signer_file, document_file = sys.argv[1:]


def load(name):
    with open(name, "rb") as file:
        return cryptography.x509.load_pem_x509_certificates(file.read())


roots = load(roots_file)
[signer] = load(signer_file)
with open(document_file, "rb") as file:
    document = file.read()


def outcome(request, answer, message):
    """Everything that may be raised on bytes from outside, as words."""
    try:
        response = decode_timestamp_response(answer)
        builder = VerifierBuilder.from_request(request).tsa_certificate(signer)
        for root in roots:
            builder = builder.add_root_certificate(root)
        return "OK" if builder.build().verify_message(response, message) else "false"
    except (VerificationError, ValueError) as error:
        return f"{type(error).__name__}: {error}".replace("\n", " ")


def ask(query):
    headers = {"Content-Type": "application/timestamp-query"}
    request = urllib.request.Request(url, data=query, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


for algorithm in HashAlgorithm:
    for certificates in (True, False):
        for nonce in (True, False):
            builder = TimestampRequestBuilder().data(document).hash_algorithm(algorithm)
            request = builder.cert_request(cert_request=certificates).nonce(nonce=nonce).build()
            answer = ask(request.as_bytes())
            name = f"{algorithm.name} certificates={certificates} nonce={nonce}"
            print(f"{name}\t{outcome(request, answer, document)}")
            print(f"{name} other document\t{outcome(request, answer, document + b'!')}")
            spoiled = answer[:-1] + bytes([answer[-1] ^ 1])
            print(f"{name} spoiled signature\t{outcome(request, spoiled, document)}")
            if nonce:
                other = builder.cert_request(cert_request=certificates).nonce(nonce=True).build()
                print(f"{name} other nonce\t{outcome(other, answer, document)}")
