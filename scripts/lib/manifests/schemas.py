"""Objects against schemas: those of Kubernetes, and those of our own CRDs. Unknown fields are errors."""

import copy

import jsonschema
import kubernetes_validate
import yaml

from render import REPOSITORY, name

# The oldest that is promised, and the one that the system is tried on.
VERSIONS = ("1.31", "1.36")
# Of others' CRDs. The Gateway API's are checked by the gateway's own tests (ConfigurationCheckTests).
FOREIGN = ("gateway.networking.k8s.io/", "monitoring.coreos.com/")


def crds():
    found = {}
    for file in sorted((REPOSITORY / "k8s/crds").glob("*.gatehouse.dev.yaml")):
        definition = yaml.safe_load(file.read_text(encoding="utf-8"))
        for version in definition["spec"]["versions"]:
            key = (f"{definition['spec']['group']}/{version['name']}", definition["spec"]["names"]["kind"])
            found[key] = closed(version["schema"]["openAPIV3Schema"])
    return found


def closed(schema):
    """The schema with unknown fields as errors, as the API server's strict field validation has them."""
    schema = copy.deepcopy(schema)

    def close(part, is_root=False):
        if isinstance(part, dict):
            if "properties" in part and "additionalProperties" not in part and not is_root:
                part["additionalProperties"] = bool(part.get("x-kubernetes-preserve-unknown-fields"))
            for value in part.values():
                close(value)
        elif isinstance(part, list):
            for value in part:
                close(value)

    for part in schema.get("properties", {}).values():
        close(part)
    return schema


def problems(documents):
    own = crds()
    for document in documents:
        version, kind = document.get("apiVersion", ""), document.get("kind", "")
        if (version, kind) in own:
            validator = jsonschema.Draft7Validator(own[version, kind])
            for error in validator.iter_errors(document):
                yield f"{name(document)}: {'.'.join(map(str, error.absolute_path))}: {error.message}"
        elif not version.startswith(FOREIGN):
            for kubernetes in VERSIONS:
                try:
                    kubernetes_validate.validate(document, kubernetes, strict=True)
                except kubernetes_validate.ValidationError as error:
                    where = ".".join(map(str, error.path))
                    yield f"{name(document)} (Kubernetes {kubernetes}): {where}: {error.message}"
                except kubernetes_validate.SchemaNotFoundError:
                    yield f"{name(document)}: Kubernetes {kubernetes} has no {version} {kind}"
