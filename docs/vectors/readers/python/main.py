"""Prints a line for each case: its id, what is expected, when it is looked at, and digests of what a verifier is handed."""
import hashlib
import sys

from vectors import cases


def digest(subject):
    total = hashlib.sha256()
    for part in ("files", "roots"):
        for name in sorted(subject[part]):
            total.update(f"{part}/{name}\0{len(subject[part][name])}\0".encode() + subject[part][name])
    return total.hexdigest()


for case, subject, twin in cases(sys.argv[1]):
    # Here a verifier would be handed subject["files"], told subject["request"], and would trust subject["roots"] at subject["now"].
    print(case["id"], case["expect"], subject["now"], digest(subject), digest(twin))
