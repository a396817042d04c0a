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
    /// Backends whose name another one has.
    private var unnamed: [BackendState] = []
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
            // A name is a backend's identity over reloads. A second one of that name works, but begins anew each time.
            let isFirst = byName[backend.name] == nil
            let state = (isFirst ? previous?.byName[backend.name] : nil) ?? BackendState(worker: worker)
            if isFirst { byName[backend.name] = state } else { unnamed.append(state) }
            backends.append(state)
            pools.append(try state.makePools(for: backend, tls: snapshot.upstreamTLS[backend.index]))
        }
        for backend in snapshot.routes.backends { backends[backend.index].use(backend, pools: pools[backend.index]) }
        guard let previous else { return }
        for (name, state) in previous.byName where byName[name] == nil { state.retireAll() }
        for state in previous.unnamed { state.retireAll() }
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
        unnamed = []
    }
}
