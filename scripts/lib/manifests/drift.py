"""Whether two renderings describe the same system; what only one of the two ways of installing has is named here."""

import json

import yaml

# What the chart has besides: how it was installed, its hooks, and what its hooks may reach.
CHART_ONLY = {("NetworkPolicy", "migration"), ("NetworkPolicy", "gatehouse-test")}
# The namespace is Helm's business (--create-namespace); Secrets are made where the system is installed.
LEFT_OUT = {"Namespace", "Secret"}
LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/part-of", "app.kubernetes.io/component")


def key(document):
    return document["kind"], document["metadata"]["name"]


def is_hook(document):
    return "helm.sh/hook" in document["metadata"].get("annotations", {})


def normal(value, path=""):
    """Lists whose order means nothing become mappings or are sorted."""
    if isinstance(value, dict):
        return {field: normal(part, f"{path}.{field}") for field, part in value.items()}
    if isinstance(value, list):
        if path.endswith((".env", ".volumes", ".volumeMounts", ".ports", ".containers")) and value:
            named = [entry.get("name") for entry in value]
            if all(named) and len(set(named)) == len(named):
                return {entry["name"]: normal(entry, path) for entry in value}
        items = [normal(part, path) for part in value]
        if path.endswith((".from", ".to", ".policyTypes", ".ingress", ".egress")):
            items.sort(key=lambda item: json.dumps(item, sort_keys=True))
        return items
    return value


def documents_of(config_map):
    """The gateway's documents by kind and name, whatever file they are in."""
    found = {}
    for text in config_map["data"].values():
        for document in yaml.safe_load_all(text):
            if document:
                found[" ".join(key(document))] = document
    return found


def comparable(document):
    meta = document["metadata"]
    result = {field: value for field, value in document.items() if field not in ("metadata", "data", "status")}
    result["labels"] = {label: meta.get("labels", {}).get(label) for label in LABELS}
    if key(document) == ("ConfigMap", "gatehouse-documents"):
        result["documents"] = documents_of(document)
    elif "data" in document:
        result["data"] = document["data"]
    return normal(result)


def objects(documents):
    return {
        key(document): comparable(document)
        for document in documents
        if document["kind"] not in LEFT_OUT and not is_hook(document)
    }


def differences(left, right, path=()):
    if isinstance(left, dict) and isinstance(right, dict):
        for field in sorted(left.keys() | right.keys(), key=str):
            if field not in left:
                yield path + (field,), "(absent)", right[field]
            elif field not in right:
                yield path + (field,), left[field], "(absent)"
            else:
                yield from differences(left[field], right[field], path + (field,))
    elif left != right:
        yield path, left, right


def problems(overlay, chart, overlay_name, chart_name):
    left, right = objects(overlay), objects(chart)
    for found in CHART_ONLY - left.keys():
        right.pop(found, None)
    for kind, name in sorted(left.keys() - right.keys()):
        yield f"{kind} {name} is in {overlay_name} and not in {chart_name}"
    for kind, name in sorted(right.keys() - left.keys()):
        yield f"{kind} {name} is in {chart_name} and not in {overlay_name}"
    for both in sorted(left.keys() & right.keys()):
        for path, one, other in differences(left[both], right[both]):
            yield (
                f"{' '.join(both)}: {'.'.join(map(str, path))} is {json.dumps(one)[:200]} in {overlay_name}, "
                f"{json.dumps(other)[:200]} in {chart_name}"
            )
