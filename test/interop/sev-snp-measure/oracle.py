"""Answers questions with sev-snp-measure's library: one JSON object a line on standard input, one a line on standard output."""
import base64
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from sevsnpmeasure import guest, id_block, vcpu_types, vmm_types
from sevsnpmeasure.sev_mode import SevMode

VMMS = {"qemu": vmm_types.VMMType.QEMU, "ec2": vmm_types.VMMType.ec2, "gce": vmm_types.VMMType.gce}


def launch(q):
    signature = vcpu_types.CPU_SIGS[q["vcpuType"]] if q["vcpuType"] else q["vcpuSignature"]
    mode = SevMode.SEV_SNP_SVSM if q["svsm"] else SevMode.SEV_SNP
    return guest.calc_launch_digest(mode, q["vcpus"], signature, q["ovmf"], q["kernel"], q["initrd"], q["append"], int(q["guestFeatures"], 16),
                                    q["ovmfHash"], VMMS[q["vmm"]], svsm_file=q["svsm"], ovmf_vars_size=q["varsSize"]).hex()


def number(field):
    return int.from_bytes(bytes(field), "little")


def verifies(key, signature, message):
    key = id_block.ECPublicKey.from_buffer_copy(key)
    signature = id_block.SnpSignature.from_buffer_copy(signature)
    if key.curve != id_block.CurveP384:
        return False
    public = ec.EllipticCurvePublicNumbers(number(key.qx), number(key.qy), ec.SECP384R1()).public_key()
    try:
        public.verify(utils.encode_dss_signature(number(signature.sig_r), number(signature.sig_s)), message, ec.ECDSA(hashes.SHA384()))
        return True
    except InvalidSignature:
        return False


def read_id_block(q):
    """Reads our ID block with the tool's structures, and verifies it with another library than ours."""
    block = base64.b64decode(q["idBlock"])
    parsed = id_block.IdBlock.from_buffer_copy(block)
    auth = id_block.IdAuth.from_buffer_copy(base64.b64decode(q["idAuth"]))
    return {"launchDigest": bytes(parsed.launch_digest).hex(), "version": parsed.version, "policy": parsed.policy, "algorithms": [auth.id_key_algo, auth.auth_key_algo],
            "idBlockSigned": verifies(auth.id_key, auth.block_sig, block), "idKeySigned": verifies(auth.author_key, auth.id_key_sig, bytes(auth.id_key))}


def create_id_block(q):
    text = id_block.snp_calc_id_block(bytes.fromhex(q["measurement"]), q["idKey"], q["authorKey"])
    return {"text": text, "idKey": base64.b64encode(id_block.marshal_ec_public_key(id_block.load_private_key_from_pem_file(q["idKey"]))).decode()}


QUESTIONS = {
    "launch": launch,
    "ovmfHash": lambda q: guest.calc_snp_ovmf_hash(q["ovmf"]).hex(),
    "vcpuTypes": lambda q: vcpu_types.CPU_SIGS,
    "readIdBlock": read_id_block,
    "createIdBlock": create_id_block,
}

for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = {"answer": QUESTIONS[question["ask"]](question)}
    except Exception as error:  # whatever the tool raises is its answer
        answer = {"refusal": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer))
