"""What every Pod must hold to (the restricted Pod Security Standard and a little more), and what must fit together."""

from render import name

WORKLOADS = ("Deployment", "StatefulSet", "Job", "Pod")
# A Job and a Pod of a test run to an end and serve nobody.
SERVING = ("Deployment", "StatefulSet")


def pod_of(document):
    return document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]


def labels_of(document):
    meta = document["metadata"] if document["kind"] == "Pod" else document["spec"]["template"]["metadata"]
    return meta.get("labels", {})


def container_problems(container, serving):
    security = container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges (allowPrivilegeEscalation)"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "may write its root (readOnlyRootFilesystem)"
    if security.get("capabilities", {}).get("drop") != ["ALL"] or security["capabilities"].get("add"):
        yield "keeps capabilities"
    if security.get("privileged"):
        yield "is privileged"
    image = container.get("image", "")
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    if "@sha256:" not in image and tag in ("", "latest"):
        yield f"has the image {image}, which is not the same tomorrow"
    for bound in ("requests", "limits"):
        for resource in ("cpu", "memory"):
            if resource not in container.get("resources", {}).get(bound, {}):
                yield f"has no {bound}.{resource}"
    if serving:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe not in container:
                yield f"has no {probe}"
    names = [entry["name"] for entry in container.get("env", [])]
    for double in {entry for entry in names if names.count(entry) > 1}:
        yield f"has {double} twice"


def pod_problems(document):
    pod = pod_of(document)
    security = pod.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield "may run as root (runAsNonRoot, runAsUser)"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    if pod.get("automountServiceAccountToken") is not False:
        yield "gets a token of the cluster that it does not need"
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield f"has {field}"
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    volumes |= {claim["metadata"]["name"] for claim in document["spec"].get("volumeClaimTemplates", [])}
    for volume in pod.get("volumes", []):
        if "hostPath" in volume:
            yield f"mounts the node's {volume['hostPath']['path']}"
    for container in pod.get("initContainers", []) + pod["containers"]:
        for problem in container_problems(container, document["kind"] in SERVING):
            yield f"container {container['name']} {problem}"
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                yield f"container {container['name']} mounts {mount['name']}, which is no volume"
    if document["kind"] == "Deployment":
        rolling = document["spec"].get("strategy", {}).get("rollingUpdate", {})
        if rolling.get("maxUnavailable") != 0:
            yield "loses a replica while it is rolled out (maxUnavailable)"
        grace = pod.get("terminationGracePeriodSeconds", 30)
        for container in pod["containers"]:
            pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            if not 0 < pause < grace:
                yield f"container {container['name']} has no preStop, or one as long as its grace"


def matches(selector, labels):
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", selector).items())


def fit_problems(documents):
    """What names something that is not there."""
    workloads = [document for document in documents if document["kind"] in WORKLOADS]
    pods = [labels_of(document) for document in workloads]
    accounts = {document["metadata"]["name"] for document in documents if document["kind"] == "ServiceAccount"}
    deployments = {document["metadata"]["name"] for document in documents if document["kind"] == "Deployment"}
    for document in documents:
        spec = document.get("spec", {})
        if document["kind"] in ("Deployment", "StatefulSet"):
            if not matches(spec["selector"], labels_of(document)):
                yield f"{name(document)} does not select its own Pods"
            account = pod_of(document).get("serviceAccountName")
            if account is not None and account not in accounts:
                yield f"{name(document)} runs as {account}, which is no ServiceAccount here"
        elif document["kind"] == "Service":
            yield from service_problems(document, workloads)
        elif document["kind"] == "HorizontalPodAutoscaler" and spec["scaleTargetRef"]["name"] not in deployments:
            yield f"{name(document)} scales {spec['scaleTargetRef']['name']}, which is not here"
        elif document["kind"] == "PodDisruptionBudget" and not any(matches(spec["selector"], pod) for pod in pods):
            yield f"{name(document)} protects no Pod"
        elif document["kind"] == "NetworkPolicy":
            for selector in peers(spec):
                if selector.get("matchLabels") and not any(matches(selector, pod) for pod in pods):
                    # Test and migration Pods exist only now and then.
                    yield f"{name(document)} speaks of Pods {selector['matchLabels']}, which are not here"


def peers(spec):
    yield spec["podSelector"]
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for rule in spec.get(direction, []):
            for peer in rule.get(side, []):
                if "podSelector" in peer:
                    yield peer["podSelector"]


def service_problems(service, workloads):
    selected = [document for document in workloads if matches(service["spec"]["selector"], labels_of(document))]
    if len(selected) != 1:
        yield f"{name(service)} selects {len(selected)} workloads, not one"
        return
    ports = [port for container in pod_of(selected[0])["containers"] for port in container.get("ports", [])]
    known = {port["name"] for port in ports} | {port["containerPort"] for port in ports}
    for port in service["spec"]["ports"]:
        target = port.get("targetPort", port["port"])
        if target not in known:
            yield f"{name(service)} leads to port {target}, which {name(selected[0])} does not have"


def problems(documents):
    for document in documents:
        if document["kind"] in WORKLOADS:
            for problem in pod_problems(document):
                yield f"{name(document)} {problem}"
    yield from fit_problems(documents)
