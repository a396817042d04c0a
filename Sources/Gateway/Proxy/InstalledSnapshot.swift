import Reactor
import Routing
import Wire

/// A snapshot as one worker uses it: with the worker's state of each backend.
///
/// Backends that the previous snapshot named too keep their state, connections and all.
final class InstalledSnapshot {
    let snapshot: Snapshot
    let http1Limits: HTTP1Limits
    /// By `Backend.index`.
    private(set) var backends: [BackendState] = []
    private var byName: [String: BackendState] = [:]
    /// By `RouteRule.index`; nil before a rule's first request.
    private var ruleRecords: [RuleRecord?]

    init(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        ruleRecords = Array(repeating: nil, count: snapshot.routes.rules.count)
        http1Limits = HTTP1Limits(
            maxStartLineBytes: snapshot.limits.requestLineBytes, maxHeaderBytes: snapshot.limits.headerBytes,
            maxFieldCount: snapshot.limits.headerFields)
    }

    func record(of rule: RouteRule, _ counters: WorkerCounters) -> RuleRecord {
        if let known = ruleRecords[rule.index] { return known }
        let made = RuleRecord(rule, counters)
        ruleRecords[rule.index] = made
        return made
    }

    /// Takes over from `previous`, which stays as it is when this throws.
    ///
    /// - Throws: when an endpoint's address is not numeric; Control resolves names before.
    func install(worker: Worker, previous: InstalledSnapshot?) throws(ReactorError) {
        var pools: [[EndpointPool]] = []
        for backend in snapshot.routes.backends {
            precondition(byName[backend.name] == nil, "a backend's name is its identity over reloads")
            let state = previous?.byName[backend.name] ?? BackendState(worker: worker)
            byName[backend.name] = state
            backends.append(state)
            pools.append(try state.makePools(for: backend, tls: snapshot.upstreamTLS[backend.index]))
        }
        for backend in snapshot.routes.backends { backends[backend.index].use(backend, pools: pools[backend.index]) }
        guard let previous else { return }
        for (name, state) in previous.byName where byName[name] == nil { state.retireAll() }
    }

    func state(named name: String) -> BackendState? { byName[name] }

    func retireAll() {
        for state in backends { state.retireAll() }
    }

    /// The worker has ended: pools refer to it, and it to them by this.
    func letGo() {
        for state in backends { state.letGo() }
        backends = []
        byName = [:]
    }
}
