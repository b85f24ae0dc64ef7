"""Judges answers in JSON by web/openapi.json with another people's validator: judge_answers.py OPENAPI ANSWERS

ANSWERS holds a JSON object a line: method, path, status, type (the media type), body (text). Of what is described as
an object, members that are not described are wrong too. Prints what is wrong, nothing where all is well.
"""

import json
import re
import sys

from jsonschema import Draft202012Validator, RefResolver

document = json.load(open(sys.argv[1], encoding="utf-8"))


def close(schema):
    """An object with described members has no others."""
    if isinstance(schema, list):
        for each in schema:
            close(each)
    elif isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for each in schema.values():
            close(each)


for path in document["paths"].values():
    for operation in path.values():
        close(operation["responses"])
resolver = RefResolver.from_schema(document)


def operation_of(method, path):
    plain = path.split("?")[0]
    found = None
    for pattern, methods in document["paths"].items():
        if re.fullmatch(re.sub(r"\\\{[^/]*\\\}|\{[^/]*\}", "[^/]+", pattern), plain) and method in methods:
            if found is None or "{" not in pattern:
                found = methods[method]
    return found


def judge(one):
    operation = operation_of(one["method"].lower(), one["path"])
    if operation is None:
        return "no such operation"
    response = operation["responses"].get(str(one["status"]))
    if response is None:
        return "a status that is not described"
    if "$ref" in response:
        response = resolver.resolve(response["$ref"])[1]
    content = response.get("content", {})
    if not content:
        return "a body where none is described" if one["body"] else None
    if one["type"] not in content:
        return f"{one['type']} is not described"
    schema = content[one["type"]]["schema"]
    wrong = [f"{'/'.join(map(str, each.absolute_path))}: {each.message}"
             for each in Draft202012Validator(schema, resolver=resolver).iter_errors(json.loads(one["body"]))]
    return "; ".join(wrong)[:1000] if wrong else None


for line in open(sys.argv[2], encoding="utf-8"):
    one = json.loads(line)
    if said := judge(one):
        print(f"{one['method']} {one['path']} {one['status']}: {said}\n  {one['body'][:400]}")
