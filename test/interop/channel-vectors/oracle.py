"""The channel layer of the CPU-GPU link once more, from its description, with pyca/cryptography: one JSON object a line on standard input, one a line on
standard output. Nothing here knows the other implementation."""
import json
import struct
import sys

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand


def expand(prk, label):
    return HKDFExpand(algorithm=hashes.SHA256(), length=32, info=label.encode("ascii")).derive(prk)


def sha256(data):
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize()


def key(q):
    """The key of a label after so many rotations."""
    value = expand(bytes.fromhex(q["emk"]), q["label"])
    for _ in range(q["rotations"]):
        value = expand(sha256(value), q["label"])
    return value


def iv(q):
    raw = struct.pack("<IQ", q["message"], int(q["channel"])) if q["width"] == 32 else struct.pack("<QI", int(q["message"]), 0)
    return bytes(a ^ b for a, b in zip(raw, bytes.fromhex(q["mask"])))


def seal(q):
    sealed = AESGCM(bytes.fromhex(q["key"])).encrypt(iv(q), bytes.fromhex(q["plain"]), bytes.fromhex(q["aad"]))
    return {"iv": iv(q).hex(), "ciphertext": sealed[:-16].hex(), "tag": sealed[-16:].hex()}


def open_(q):
    return AESGCM(bytes.fromhex(q["key"])).decrypt(iv(q), bytes.fromhex(q["ciphertext"]) + bytes.fromhex(q["tag"]), bytes.fromhex(q["aad"])).hex()


def mac(q):
    tag = hmac.HMAC(bytes.fromhex(q["key"]), hashes.SHA256())
    for address, data in q["methods"]:
        tag.update(struct.pack("<II", address, data))
    tag.update(int(q["message"]).to_bytes(24, "little") + int(q["channel"]).to_bytes(8, "little"))
    return tag.finalize().hex()


def ratchet(q):
    """Pairs of channel keys, in the order in which channels are opened."""
    seed = expand(bytes.fromhex(q["emk"]), "ce_channel")
    pairs = []
    for _ in range(q["count"]):
        pairs.append([expand(seed, "update_key1").hex(), expand(seed, "update_key2").hex()])
        seed = expand(seed, "update_keyseeed")
    return pairs


QUESTIONS = {"key": lambda q: key(q).hex(), "seal": seal, "open": open_, "mac": mac, "ratchet": ratchet}

for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps({"answer": QUESTIONS[question["ask"]](question)}))
