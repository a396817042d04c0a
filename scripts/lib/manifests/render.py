"""Renders what would be sent to a cluster: kustomize overlays, and the chart with the values of each case."""

import shutil
import subprocess
import sys
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
CHART = REPOSITORY / "helm/gatehouse"
OVERLAYS = REPOSITORY / "k8s/overlays"


class Failure(Exception):
    """A command failed; its text is for people."""


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    # Helm tells of every link it follows, and that the chart has no picture.
    complaints = [line for line in done.stderr.splitlines() if "found symbolic link in path" not in line]
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}:\n{done.stdout}" + "\n".join(complaints))
    return done.stdout


def kustomize():
    """The command that renders an overlay, or None: kubectl has it built in since 1.21."""
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    return None


def helm():
    """Helm of the PATH, or else the one of this environment."""
    return shutil.which("helm") or str(Path(sys.prefix) / "bin/helm")


def parse(text, source):
    try:
        return [document for document in yaml.safe_load_all(text) if document]
    except yaml.YAMLError as error:
        raise Failure(f"{source} renders to what is not YAML: {error}") from error


def overlay(folder):
    command = kustomize()
    return parse(run(*command, str(folder)), folder)


def optional_components():
    """A folder with an overlay of what no overlay of ours takes."""
    folder = REPOSITORY / ".local/manifests/components"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kustomization.yaml").write_text(
        "resources: [../../../k8s/overlays/local]\n"
        "components: [../../../k8s/components/gateway-api-objects, ../../../k8s/components/persistence]\n",
        encoding="utf-8",
    )
    return folder


def cases():
    return sorted((CHART / "ci").glob("*-values.yaml"))


def chart(values, version="1.36.0"):
    text = run(
        helm(), "template", "gatehouse", str(CHART), "--namespace", "gatehouse", "--values", str(values),
        "--kube-version", version)  # fmt: skip
    return parse(text, values.name)


def lint(values):
    run(helm(), "lint", "--strict", "--quiet", str(CHART), "--values", str(values))


def name(document):
    """How messages call an object."""
    return f"{document.get('kind')} {document.get('metadata', {}).get('name')}"
