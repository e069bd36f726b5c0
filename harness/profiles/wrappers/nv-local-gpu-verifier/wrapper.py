"""Judges NVIDIA evidence with PyPI's nv-local-gpu-verifier, unmodified: teemu's JSON lines on standard input, its verdicts on standard output.

Each question is answered in a process of its own, forked after the imports: the verifier keeps much in variables of its modules.
"""
import base64
import json
import os
import sys
import tempfile

import nvml
from verifier import cc_admin
from verifier.config import BaseSettings

ARCHITECTURES = {"HOPPER": 9, "BLACKWELL": 10}


def machine(question, files):
    """What the driver's library would say: the bundle's manifest has the versions, and system.json the modes where they matter."""
    manifest = question["manifest"]
    devices = manifest.get("devices", {})
    system = json.loads(files["system.json"]) if "system.json" in files else {}
    gpus = []
    for index, device in enumerate(json.loads(files["evidence.json"])):
        if device["arch"] not in ARCHITECTURES:
            continue
        named = devices.get(f"gpu.{index}", {})
        gpus.append({
            "report": base64.b64decode(device["evidence"]).hex(),
            "certificate": base64.b64decode(device["certificate"]).decode(),
            "vbiosVersion": named.get("vbiosVersion", manifest.get("vbiosVersion", "")),
            "uuid": named.get("uuid", f"GPU-{index}"),
            "boardId": index,
            "architecture": ARCHITECTURES[device["arch"]],
        })
    return {
        "gpus": gpus,
        "driverVersion": system.get("driverVersion", manifest.get("driverVersion", "")),
        "ccFeature": 1 if system.get("confidentialComputing", True) else 0,
        "devToolsMode": 1 if system.get("developerTools", False) else 0,
        "multiGpuMode": 0,
        "ready": 0,
    }


def judge(question, folder):
    files = {name: base64.b64decode(contents) for name, contents in question["files"].items()}
    # Its two root certificates are files of the package; here they are the caller's.
    for setting, name in (("DEVICE_ROOT_CERT", "root.pem"), ("RIM_ROOT_CERT", "rim_root.pem")):
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write(question["roots"].get(name, ""))
        setattr(BaseSettings, setting, path)
    nvml.MACHINE.update(machine(question, files))
    nonce = question["request"].get("nonce") or question["manifest"].get("nonce")
    hold = ["--allow_hold_cert"] if question["request"].get("allowHold") else []
    services = question["services"]
    sys.argv = ["cc_admin", "--nonce", nonce, "--rim_service_url", services["rim"] + "/v1/rim/", "--ocsp_url", services["ocsp"] + "/", *hold]
    try:
        cc_admin.main()
    except SystemExit as end:
        return end.code in (None, 0)
    return True


# What its command line can be asked for.
KNOWN = {"nonce", "allowHold"}


def answered(question):
    request = question["request"]
    unknown = next((name for name in request if name not in KNOWN), None)
    if isinstance(request.get("nonce"), list):
        unknown = "one of several nonces"
    if unknown is not None:
        return {"verdict": "skip", "detail": f"it has no option for {unknown}"}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.chdir(folder)
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
                verdict = "accept" if judge(question, folder) else "reject"
                os.write(writing, verdict.encode())
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            verdict = pipe.read()
        os.waitpid(child, 0)
        log.seek(0)
        said = log.read().decode(errors="replace").strip().splitlines()
    return {"verdict": verdict or "reject", "detail": " ".join(said[-3:])[-500:] if said else ""}


def main():
    # The verifier and its libraries print: only answers go to the real standard output.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        question = json.loads(line)
        if question["cmd"] == "hello":
            said = {"protocol": 1, "name": "nv-local-gpu-verifier", "version": "2.7.3", "services": True}
        elif question["cmd"] == "verify":
            said = {"seq": question["seq"], **answered(question)}
        else:
            return
        out.write(json.dumps(said) + "\n")
        out.flush()


main()
