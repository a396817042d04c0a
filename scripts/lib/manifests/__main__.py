"""Checks the manifests and the chart; see scripts/check-manifests."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import yaml

import drift
import golden
import policy
import render
import schemas
import tokens
import upgrade

REPOSITORY = render.REPOSITORY
# The pairs that are to be the same system.
PAIRS = (("production", "production-values.yaml"), ("local", "local-values.yaml"))


class Report:
    def __init__(self):
        self.count = 0

    def check(self, title, problems):
        print(f"    {title}", flush=True)
        try:
            for problem in problems:
                self.count += 1
                print(f"error: {title}: {problem}", flush=True)
        except render.Failure as error:
            self.count += 1
            print(f"error: {title}: {error}", flush=True)


def version_problems():
    version = (REPOSITORY / "VERSION").read_text(encoding="utf-8").strip()
    if not re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", version):
        yield f"VERSION is {version}, which is not SemVer"
    chart = yaml.safe_load((render.CHART / "Chart.yaml").read_text(encoding="utf-8"))
    if chart["appVersion"] != version:
        yield f"Chart.yaml has appVersion {chart['appVersion']}, VERSION has {version}"
    source = (REPOSITORY / "Sources/Gateway/Control/Lifecycle/GatewayProcess.swift").read_text(encoding="utf-8")
    if f'static let version = "{version}"' not in source:
        yield f"GatewayProcess.version is not {version}"
    for folder in sorted(render.OVERLAYS.iterdir()):
        text = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
        for image in text.get("images", []):
            if image["newTag"] != version:
                yield f"{folder.name} has {image['name']}:{image['newTag']}, VERSION has {version}"
    for image in ("gatehouse", "warehouse", "accounting", "sales", "identity"):
        if f"gatehouse/{image}:${{GATEHOUSE_TAG:-{version}}}" not in (REPOSITORY / "compose.yaml").read_text(encoding="utf-8"):
            yield f"compose.yaml does not default to gatehouse/{image}:{version}"
    log = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    if f"## {version}" not in log and "## Unreleased" not in log:
        yield f"CHANGELOG.md speaks of neither {version} nor what is unreleased"


def image_problems():
    done = subprocess.run(
        [str(Path(sys.prefix) / "bin/hadolint"), "Dockerfile"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    yield from done.stdout.splitlines()
    if done.returncode != 0 and not done.stdout:
        yield done.stderr.strip() or "hadolint failed"


def refusal_problems():
    """Values that the chart's schema must refuse."""
    for setting in (
        "gateway.workerz=1", "image.tag=latest", "services.stock.image.tag=1", "gateway.drainSeconds=-1",
        "services.warehouse.port=80", "gateway.logLevel=loud", "services.warehouse.database.kind=mysql",
        "gateway.image.digest=sha256:12", "postgres.persistence.size=lots", "gateway.tls.hosts=null", "services.identity=null",
    ):  # fmt: skip
        try:
            render.run(render.helm(), "template", "gatehouse", str(render.CHART), "--set", setting)
        except render.Failure:
            continue
        yield f"the chart takes {setting}"


def changed(documents, kind, name, change):
    """The documents with one object changed."""
    result = copy.deepcopy(documents)
    for document in result:
        if (document["kind"], document["metadata"]["name"]) == (kind, name):
            change(document)
    return result


def container(document):
    return document["spec"]["template"]["spec"]["containers"][0]


def blindness_problems(overlay, chart):
    """The comparison compares: each of these changes, made to one side, must be found."""
    changes = {
        "a name": ("Service", "sales", lambda found: found["metadata"].update(name="orders")),
        "a port": ("Service", "sales", lambda found: found["spec"]["ports"][0].update(port=81)),
        "a probe": ("Deployment", "sales", lambda found: container(found)["livenessProbe"].update(periodSeconds=11)),
        "a variable": ("Deployment", "sales", lambda found: container(found)["env"].pop()),
        "a limit": ("Deployment", "gatehouse", lambda found: container(found)["resources"]["limits"].update(cpu="3")),
        "a security context": (
            "Deployment", "gatehouse", lambda found: container(found)["securityContext"].pop("readOnlyRootFilesystem")),
        "a policy": ("NetworkPolicy", "warehouse", lambda found: found["spec"]["ingress"][0]["from"].pop()),
        "a route": ("ConfigMap", "gatehouse-documents", lambda found: found["data"].pop("routes.yaml")),
    }  # fmt: skip
    for what, (kind, name, change) in changes.items():
        if not list(drift.problems(changed(overlay, kind, name, change), chart, "overlay", "chart")):
            yield f"{what} can be changed without being found"
    loose = changed(overlay, "Deployment", "gatehouse", lambda found: container(found).pop("securityContext"))
    if not list(policy.problems(loose)):
        yield "a container without a security context passes the policy"
    unknown = changed(overlay, "Deployment", "gatehouse", lambda found: found["spec"].update(replica=2))
    if not list(schemas.problems(unknown)):
        yield "an unknown field passes the schemas"


def main(arguments):
    update = "--update" in arguments
    report = Report()
    report.check("versions agree", version_problems())
    report.check("Dockerfile (hadolint)", image_problems())
    charts, overlays = {}, {}
    for values in render.cases():
        case = values.name.removesuffix("-values.yaml")
        try:
            render.lint(values)
            charts[values.name] = render.chart(values)
        except render.Failure as error:
            report.check(f"chart, {case}", [str(error)])
            continue
        documents = charts[values.name]
        report.check(f"chart, {case}: schemas", schemas.problems(documents))
        report.check(f"chart, {case}: policy", policy.problems(documents))
        report.check(f"chart, {case}: tokens", tokens.problems(documents))
        report.check(f"chart, {case}: golden", golden.problems(case, documents, update))
    report.check("chart: values that must be refused", refusal_problems())
    if "default-values.yaml" in charts:
        report.check("chart: an upgrade keeps what was made", upgrade.problems(charts["default-values.yaml"]))
    if render.kustomize() is None:
        print("warning: neither kubectl nor kustomize is on the PATH: overlays are NOT rendered and NOT compared")
    else:
        for folder in sorted(render.OVERLAYS.iterdir()) + [render.optional_components()]:
            try:
                overlays[folder.name] = render.overlay(folder)
            except render.Failure as error:
                report.check(folder.name, [str(error)])
                continue
            report.check(f"k8s, {folder.name}: schemas", schemas.problems(overlays[folder.name]))
            report.check(f"k8s, {folder.name}: policy", policy.problems(overlays[folder.name]))
            if folder.parent == render.OVERLAYS:
                report.check(f"k8s, {folder.name}: tokens", tokens.problems(overlays[folder.name]))
        for overlay, case in PAIRS:
            if overlay in overlays and case in charts:
                found = drift.problems(overlays[overlay], charts[case], f"k8s/overlays/{overlay}", f"ci/{case}")
                report.check(f"{overlay}: k8s and chart are the same system", found)
        if "production" in overlays and "production-values.yaml" in charts:
            found = blindness_problems(overlays["production"], charts["production-values.yaml"])
            report.check("changes are found", found)
    if report.count:
        print(f"{report.count} problems", file=sys.stderr)
    return 1 if report.count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
