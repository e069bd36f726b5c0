"""Answers each line with a line: what signxml makes of a signed document, or libxml2 of a document in canonical form."""
import base64
import json
import sys

from lxml import etree
from signxml import DigestAlgorithm, SignatureConfiguration, SignatureMethod, XMLVerifier

ALGORITHMS = SignatureConfiguration(signature_methods=frozenset([SignatureMethod.ECDSA_SHA384]), digest_algorithms=frozenset([DigestAlgorithm.SHA384]))
PARSER = etree.XMLParser(resolve_entities=False, no_network=True)


def answer(question):
    document = base64.b64decode(question["document"])
    if question["ask"] == "canonical":
        return etree.tostring(etree.fromstring(document, PARSER), method="c14n", with_comments=False)
    return XMLVerifier().verify(document, x509_cert=question["certificate"], expect_config=ALGORITHMS).signed_data


for line in sys.stdin:
    try:
        print(json.dumps({"answer": base64.b64encode(answer(json.loads(line))).decode()}), flush=True)
    except Exception as refusal:
        print(json.dumps({"refusal": f"{type(refusal).__name__}: {refusal}"}), flush=True)
