extension Translator {
    mutating func report(_ gatewayClass: GatewayClassDocument) {
        let key = ObjectKey(kind: "GatewayClass", key: gatewayClass.metadata.key)
        let error = documents.errors(of: key).first
        let told = error ?? documents.kept[key]?.first
        var object = ObjectStatus(kind: "GatewayClass", name: gatewayClass.metadata.name)
        object.conditions = [
            Condition(
                .accepted, error == nil ? .accepted : .invalidParameters,
                told.map { $0.brief } ?? "", is: error == nil)
        ]
        status.append(object)
    }

    /// The status of every Gateway, once the routes are attached.
    mutating func reportGateways() {
        let found = documents.gateways.map { status(of: $0) }
        let classes = status.prefix { $0.kind == "GatewayClass" }.count
        status.insert(contentsOf: found, at: classes)
        for gateway in documents.gateways where refusal(of: gateway)?.reason == .noGatewayClass {
            let name = gateway.className
            sink.error(at: name.place, refusal(of: gateway)?.message ?? "")
        }
        guard settings.missingReference != .error else { return }
        for gateway in documents.gateways {
            let name = gateway.className
            if !documents.gatewayClasses.contains(where: { $0.metadata.name == name.value }) {
                sink.report(settings.missingReference, at: name.place, "there is no GatewayClass \"\(name.value)\"")
            }
        }
    }

    private func status(of gateway: GatewayDocument) -> ObjectStatus {
        let own = attachments.filter { $0.gateway.metadata.key == gateway.metadata.key }
        let refusal = refusal(of: gateway)
        let isWhole = own.count > 0 && own.allSatisfy { $0.refusal == nil && $0.conflict == nil }
        let serves = own.contains { $0.index != nil }
        var object = ObjectStatus(kind: "Gateway", name: gateway.metadata.key)
        let kept = documents.kept[ObjectKey(kind: "Gateway", key: gateway.metadata.key)]?.first?.brief
        let isAccepted = refusal == nil && own.contains { $0.refusal == nil && $0.conflict == nil }
        object.conditions = [
            Condition(
                .accepted, refusal?.reason ?? (isWhole ? .accepted : .listenersNotValid),
                refusal?.message ?? kept ?? "",
                is: isAccepted),
            Condition(
                .programmed, serves ? .programmed : .invalid, serves ? "" : "no listener of it serves", is: serves),
        ]
        object.listeners = own.map { Self.status(of: $0) }
        return object
    }

    private static func status(of attachment: Attachment) -> ObjectStatus.Listener {
        let (refusal, conflict, unresolved) = (attachment.refusal, attachment.conflict, attachment.unresolved)
        let serves = attachment.index != nil
        let why = refusal?.message ?? conflict?.message ?? unresolved?.message ?? "its Gateway is not accepted"
        let problem = refusal ?? conflict
        return ObjectStatus.Listener(
            name: attachment.listener.name, attachedRoutes: attachment.attachedRoutes,
            supportedKinds: attachment.listener.allowedKinds.map(\.rawValue),
            conditions: [
                Condition(.accepted, problem?.reason ?? .accepted, problem?.message ?? "", is: problem == nil),
                Condition(
                    .conflicted, conflict?.reason ?? .noConflicts, conflict?.message ?? "", is: conflict != nil),
                Condition(
                    .resolvedRefs, unresolved?.reason ?? .resolvedRefs, unresolved?.message ?? "",
                    is: unresolved == nil),
                Condition(.programmed, serves ? .programmed : .invalid, serves ? "" : why, is: serves),
            ])
    }
}

/// Of policies the diagnostics tell what became of them.
struct PolicyStatuses {
    struct Target {
        let reference: ObjectStatus.Reference
        let place: Place
    }

    let diagnostics: [Diagnostic]

    func status(of kind: String, _ metadata: Metadata, at targets: [Target]) -> ObjectStatus {
        var object = ObjectStatus(kind: kind, name: metadata.key)
        let own = diagnostics.filter { $0.severity == .error && $0.place.subject == metadata.place.subject }
        object.ancestors = targets.map { target in
            let isElsewhere: (Diagnostic) -> Bool = { error in
                targets.contains { $0.place.field != target.place.field && error.place.isWithin($0.place.field) }
            }
            let error = own.first { !isElsewhere($0) }
            let reason = error.map { $0.reason ?? .invalid } ?? .accepted
            return ObjectStatus.Relation(
                to: target.reference,
                conditions: [
                    Condition(
                        .accepted, reason, error.map { $0.brief } ?? "", is: error == nil)
                ])
        }
        return object
    }
}
