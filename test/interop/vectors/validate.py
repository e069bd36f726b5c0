"""Validates files against a JSON Schema: prints the name of each that holds, and fails with the first thing that is wrong."""
import json
import sys

from jsonschema import Draft202012Validator

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for name in sys.argv[2:]:
    with open(name, encoding="utf-8") as file:
        error = next(validator.iter_errors(json.load(file)), None)
    if error is not None:
        sys.exit(f"{name}: {error.json_path}: {error.message[:200]}")
    print(name)
