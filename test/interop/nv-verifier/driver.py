"""NVIDIA's own verifiers from PyPI, unmodified, one case a line: JSON on standard input, JSON on standard output.

What stands in for a GPU is the NVML library only: the functions of `pynvml` that the verifiers call answer with what the case says. Each case runs
in a process of its own, forked after the imports, so that nothing of one case is left for the next.
"""
import json
import os
import sys
import tempfile
import time

# The stand-in for NVML is that of the profile of this verifier; it must be there before the verifier is.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 3, "harness", "profiles", "wrappers", "nv-local-gpu-verifier"))
from nvml import MACHINE  # noqa: E402

from verifier import cc_admin  # noqa: E402: after the stand-in is in its place
from nv_attestation_sdk import attestation  # noqa: E402


def local(case):
    """nv-local-gpu-verifier's own command line."""
    sys.argv = ["cc_admin", "--nonce", case["nonce"], "--rim_service_url", case["rim"], "--ocsp_url", case["ocsp"], *case.get("arguments", [])]
    try:
        cc_admin.main()
    except SystemExit as end:
        return {"accepted": end.code in (None, 0), "ready": MACHINE["ready"]}
    return {"accepted": True, "ready": MACHINE["ready"]}


def remote(case):
    """nv-attestation-sdk's remote flow: evidence to NRAS, the token checked, then appraised by a policy."""
    client = attestation.Attestation()
    client.set_name("teemu")
    client.set_nonce(case["nonce"])
    client.set_claims_version(case.get("claimsVersion", "2.0"))
    client.add_verifier(attestation.Devices.GPU, attestation.Environment.REMOTE, case["nras"], "")
    answer = {"attested": client.attest(client.get_evidence({"ppcie_mode": False}))}
    token = case.get("token") or client.get_token()
    answer["token"] = token
    if case.get("policy") is not None:
        answer["validated"] = client.validate_token(json.dumps(case["policy"]), token)
    answer["accepted"] = bool(answer["attested"] and answer.get("validated", True))
    return answer


def validate(case):
    """nv-attestation-sdk looks at a token that is already there."""
    client = attestation.Attestation()
    client.set_nonce(case["nonce"])
    client.add_verifier(attestation.Devices.GPU, attestation.Environment.REMOTE, case["nras"], "")
    return {"accepted": bool(client.validate_token(json.dumps(case["policy"]), case["token"]))}


MODES = {"local": local, "remote": remote, "validate": validate}


def run(case):
    """Runs a case in a child; what the verifier prints is its log. Times are of the verification alone."""
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as log:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.close(reading)
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
                MACHINE.update({"ready": 0, "ccFeature": 1, "devToolsMode": 0, "multiGpuMode": 0}, **case["machine"])
                before, wall = time.process_time(), time.monotonic()
                answer = MODES[case["mode"]](case)
                answer.update(cpu=time.process_time() - before, wall=time.monotonic() - wall)
                with os.fdopen(writing, "w") as pipe:
                    json.dump(answer, pipe)
                code = 0
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            text = pipe.read()
        _, status = os.waitpid(child, 0)
        log.seek(0)
        said = log.read().decode(errors="replace")
    answer = json.loads(text) if text else {"accepted": False, "crashed": status}
    answer["log"] = said[-20000:]
    return answer


def main():
    # The verifiers and their libraries may print while they are imported or used: only answers go to the real standard output.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        out.write(json.dumps(run(json.loads(line))) + "\n")
        out.flush()


main()
