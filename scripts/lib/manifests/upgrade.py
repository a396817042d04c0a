"""Whether an upgrade keeps what the chart made at the installation: it asks the cluster (Helm's `lookup`), for which a few
answers of the Kubernetes API, made of the first rendering, stand in here."""

import copy
import json
import os
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

import render

NAMESPACE = "gatehouse"
KINDS = {"Secret": "secrets", "ConfigMap": "configmaps", "Service": "services"}
MISSING = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


def answers(installed):
    """What is asked for, by path: version, discovery, and the objects."""
    kinds = [{"name": plural, "namespaced": True, "kind": kind, "verbs": ["get"]} for kind, plural in KINDS.items()]
    found = {
        "/version": {"major": "1", "minor": "36", "gitVersion": "v1.36.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": kinds},
    }
    for document in installed:
        if document["kind"] in KINDS:
            kept = copy.deepcopy(document)
            kept["metadata"]["namespace"] = NAMESPACE
            found[f"/api/v1/namespaces/{NAMESPACE}/{KINDS[document['kind']]}/{kept['metadata']['name']}"] = kept
    return found


def server(found):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer = found.get(self.path.partition("?")[0])
            body = json.dumps(MISSING if answer is None else answer).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def upgraded(installed, *settings):
    """The chart as an upgrade of `installed` renders it."""
    with server(answers(installed)) as api, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=api.serve_forever, daemon=True).start()
        cluster = {"server": f"http://127.0.0.1:{api.server_address[1]}"}
        configuration = {
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        }  # fmt: skip
        file = Path(folder) / "kubeconfig"
        file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
        before = os.environ.get("KUBECONFIG")
        os.environ["KUBECONFIG"] = str(file)
        try:
            text = render.run(
                render.helm(), "template", "gatehouse", str(render.CHART), "--namespace", NAMESPACE,
                "--dry-run=server", "--is-upgrade", *settings)  # fmt: skip
        finally:
            if before is None:
                del os.environ["KUBECONFIG"]
            else:
                os.environ["KUBECONFIG"] = before
            api.shutdown()
    return render.parse(text, "the upgrade")


def by_name(documents):
    return {render.name(document): document for document in documents}


def problems(installed):
    first, same = by_name(installed), by_name(upgraded(installed))
    for name in sorted(first.keys() | same.keys()):
        if first.get(name) != same.get(name):
            yield f"an upgrade to the same version changes {name}"
    newer = by_name(upgraded(installed, "--set", "image.tag=9.9.9"))
    for name, document in sorted(first.items()):
        if document["kind"] in ("Secret", "ConfigMap", "StatefulSet", "Service") and newer.get(name) != document:
            yield f"an upgrade of the images changes {name}"
    # The migration of a service that is new has no database before the upgrade.
    older = [document for document in installed if "identity" not in document["metadata"]["name"]]
    if any(render.name(document).endswith("identity-migration") for document in upgraded(older)):
        yield "an upgrade that brings identity migrates its database before there is one"
    if not any(render.name(document).endswith("identity-migration") for document in upgraded(installed)):
        yield "an upgrade does not migrate identity's database"
