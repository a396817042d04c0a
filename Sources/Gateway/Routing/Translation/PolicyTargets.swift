/// What a policy is attached to. `section` is nil for the whole object.
struct PolicyTarget: Hashable {
    let kind: String
    let key: String
    let section: String?
}

/// The policies of one kind by what they are attached to, at most one for each target.
struct PolicyTargets<Policy> {
    private var policies: [PolicyTarget: (policy: Policy, name: String)] = [:]

    /// - Parameter kind: how the error names the policies.
    mutating func attach(
        _ policy: Policy, named name: String, kind: String, to target: PolicyTarget, at place: Place,
        _ sink: DiagnosticSink
    ) {
        if let other = policies[target] {
            sink.error(at: place, reason: .conflicted, "\(kind) \(other.name) has the same target")
            return
        }
        policies[target] = (policy, name)
    }

    subscript(kind: String, key: String, section: String? = nil) -> Policy? {
        policies[PolicyTarget(kind: kind, key: key, section: section)]?.policy
    }
}

extension Documents {
    /// Whether there is the Service, and the port of it, that a policy names. Reports what is missing.
    ///
    /// - Returns: the port's name or number as the policy gives it, made the port's number as text.
    func servicePort(
        of service: ObjectReference, section: Located<String>?, _ settings: TranslationSettings, _ sink: DiagnosticSink
    ) -> (exists: Bool, section: String?) {
        guard let found = services.first(where: { $0.metadata.key == service.key }) else {
            if settings.knownServices.contains(service.key) { return (true, section?.value) }
            sink.report(
                settings.missingReference, at: service.place, reason: .targetNotFound,
                "there is no Service \(service.key)")
            return (false, nil)
        }
        guard let section else { return (true, nil) }
        guard let port = found.ports.first(where: { $0.isNamed(section.value) }) else {
            sink.error(at: section.place, "Service \(service.key) has no port \"\(section.value)\"")
            return (false, nil)
        }
        return (true, String(port.port))
    }
}
