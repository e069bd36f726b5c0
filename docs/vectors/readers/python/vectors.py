"""Reads teemu's published vectors. Nothing but Python's own library."""
import base64
import json


def contents(blobs, key):
    blob = blobs[key]
    if isinstance(blob, str):
        return base64.b64decode(blob)
    base = base64.b64decode(blobs[blob["of"]])
    return b"".join(base64.b64decode(part) if isinstance(part, str) else base[part[0] : part[0] + part[1]] for part in blob["parts"])


def cases(path):
    """Yields each case with its subject and its good twin: now, request, services, files and roots (name to bytes)."""
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    for case in vectors["cases"]:
        made = []
        for subject in (vectors["subjects"][case["subject"]], vectors["subjects"][case["twin"]]):
            read = {part: {name: contents(vectors["blobs"], key) for name, key in subject[part].items()} for part in ("files", "roots")}
            made.append({**subject, **read})
        yield case, *made
