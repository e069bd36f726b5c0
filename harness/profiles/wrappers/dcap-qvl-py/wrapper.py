"""Judges TDX evidence with PyPI's dcap-qvl, unmodified: teemu's JSON lines on standard input, its verdicts on standard output."""
import base64
import json
import re
import sys

import dcap_qvl


def split(body, member):
    """A document and its signature, as they stand in the body that Intel serves: the signature is over these very bytes."""
    start = body.index(f'"{member}":') + len(member) + 3
    return body[start:body.rindex(',"signature":')], json.loads(body)["signature"]


def collateral(files):
    text = lambda name: files["collateral/" + name].decode()
    tcb_info, tcb_info_signature = split(text("tcb_info.json"), "tcbInfo")
    qe_identity, qe_identity_signature = split(text("qe_identity.json"), "enclaveIdentity")
    members = {
        "pck_crl_issuer_chain": text("pck_crl_issuer_chain.pem"),
        "root_ca_crl": files["collateral/root_ca_crl.der"].hex(),
        "pck_crl": files["collateral/pck_crl.der"].hex(),
        "tcb_info_issuer_chain": text("tcb_info_issuer_chain.pem"),
        "tcb_info": tcb_info,
        "tcb_info_signature": tcb_info_signature,
        "qe_identity_issuer_chain": text("qe_identity_issuer_chain.pem"),
        "qe_identity": qe_identity,
        "qe_identity_signature": qe_identity_signature,
    }
    if "collateral/pck_chain.pem" in files:
        members["pck_certificate_chain"] = text("pck_chain.pem")
    return dcap_qvl.QuoteCollateralV3.from_json(json.dumps(members))


# Members of a request, and where the library's report has them.
ASKED = {"reportData": "report_data", "measurement": "mr_td", "mrTd": "mr_td", "mrSeam": "mr_seam", "mrConfigId": "mr_config_id", "mrOwner": "mr_owner",
         "mrOwnerConfig": "mr_owner_config", "rtmr0": "rt_mr0", "rtmr1": "rt_mr1", "rtmr2": "rt_mr2", "rtmr3": "rt_mr3"}

# What the library's own answer says, or what it always asks for.
KNOWN = {*ASKED, "requireCrl", "tcbStatuses", "refusedAdvisories"}


def td_report(quote):
    """The TD's report as the library itself reads it."""
    report = dcap_qvl.Quote.parse(quote).report
    return getattr(report, "base", report)


def judge(question):
    files = {name: base64.b64decode(contents) for name, contents in question["files"].items()}
    root = base64.b64decode(re.sub(r"-----[^-]+-----|\s", "", next(iter(question["roots"].values()))))
    request = question["request"]
    unknown = next((name for name in request if name not in KNOWN), None)
    if unknown is not None:
        return {"verdict": "skip", "detail": f"it has no option for {unknown}"}
    try:
        verified = dcap_qvl.verify_with_root_ca(files["quote.bin"], collateral(files), root, question["now"])
    except Exception as error:
        return {"verdict": "reject", "detail": str(error)}
    if verified.status not in request.get("tcbStatuses", ["UpToDate"]):
        return {"verdict": "reject", "stage": "tcb", "detail": f"the status is {verified.status}"}
    report = td_report(files["quote.bin"])
    for name, member in ASKED.items():
        values = request.get(name)
        if values is not None and bytes(getattr(report, member)).hex() not in (values if isinstance(values, list) else [values]):
            return {"verdict": "reject", "stage": "binding", "detail": f"{name} differs"}
    if any(advisory in verified.advisory_ids for advisory in request.get("refusedAdvisories", [])):
        return {"verdict": "reject", "stage": "tcb", "detail": "an advisory applies"}
    return {"verdict": "accept"}


for line in sys.stdin:
    question = json.loads(line)
    if question["cmd"] == "hello":
        print(json.dumps({"protocol": 1, "name": "dcap-qvl (Python)", "version": "0.7.0"}), flush=True)
    elif question["cmd"] == "verify":
        print(json.dumps({"seq": question["seq"], **judge(question)}), flush=True)
    else:
        break
