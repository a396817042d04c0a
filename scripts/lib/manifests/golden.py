"""Golden renderings of the chart: what a change of a template changes is to be seen in review."""

import copy

import yaml

from render import REPOSITORY, name

FOLDER = REPOSITORY / "helm/golden"


class Plain(yaml.SafeDumper):
    """Writes texts of several lines as such."""

    def ignore_aliases(self, data):
        return True


Plain.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def masked(document):
    """Without what is made anew by every rendering (keys, certificates, passwords), and without the gateway's documents,
    which change for their own reasons: drift.py and tokens.py look at those."""
    document = copy.deepcopy(document)
    for field in ("data", "stringData"):
        if document["kind"] == "Secret" and field in document:
            document[field] = {key: "(made)" for key in document[field]}
    if name(document) == "ConfigMap gatehouse-documents":
        own = {file.name for file in (REPOSITORY / "k8s/base/gateway").glob("*.yaml")}
        document["data"] = {key: "(a document)" if key in own else text for key, text in document["data"].items()}
    return document


def text(documents):
    ordered = sorted(map(masked, documents), key=lambda document: (document["kind"], document["metadata"]["name"]))
    return yaml.dump_all(ordered, Dumper=Plain, sort_keys=True, width=120, explicit_start=True)


def problems(case, documents, update):
    file = FOLDER / f"{case}.yaml"
    found = text(documents)
    if update:
        FOLDER.mkdir(exist_ok=True)
        file.write_text(found, encoding="utf-8")
    elif not file.exists() or file.read_text(encoding="utf-8") != found:
        yield f"the chart renders {case} otherwise than {file.relative_to(REPOSITORY)} (look with --update and git diff)"
