public import Reactor
import Synchronization

/// The running data plane: one worker a thread, each with its own listening sockets on the same addresses.
///
/// Made, it is bound; `start()` begins to serve; `drain` ends it for good. Every method may be called from any thread.
public final class Gateway: Sendable {
    /// A worker on its way to its thread.
    private struct Handover: @unchecked Sendable {
        // Sendable: handed over once, before the thread starts; the maker does not touch it again.
        let worker: Worker
    }

    private struct State {
        var handovers: [Handover]
        var threads: [WorkerThread] = []
        var running = 0
        var isDraining = false
        var waiters: [CheckedContinuation<Void, Never>] = []
        /// By the listener's name.
        var ports: [String: UInt16]
        var listeners: Set<ListenerKey>
    }

    private let state: Mutex<State>
    private let mailboxes: [Mailbox<WorkerMessage>]
    private let counters: [WorkerCounters]
    private let accessLog: AccessLog
    /// The port that each listener is bound to, by the listener's name; another than configured only where that was 0.
    public var ports: [String: UInt16] { state.withLock { $0.ports } }

    /// Binds the listeners of `snapshot`.
    ///
    /// - Parameter workers: threads; `WorkerThread.usableProcessors` is a good number.
    /// - Throws: `cannotListen`, naming the address, or a failed system call.
    public init(snapshot: Snapshot, workers: Int, accessLog: AccessLog) throws(ReactorError) {
        self.accessLog = accessLog
        var made: [Worker] = []
        var ports: [String: UInt16] = [:]
        let count = max(1, workers)
        let descriptors = DescriptorLimit.raise()
        for _ in 0..<count {
            let worker = try Worker(
                snapshot: snapshot, accessLog: accessLog, descriptors: descriptors, workers: count,
                checksHealth: made.isEmpty)
            for listener in snapshot.listeners {
                // The second worker takes the ephemeral port that the first one got.
                let bound = try BoundSocket(address: listener.address, port: ports[listener.name] ?? listener.port)
                ports[listener.name] = bound.port
                try worker.listen(on: listener, bound)
            }
            made.append(worker)
        }
        made.first?.others = made.dropFirst().map { $0.mailbox }
        mailboxes = made.map { $0.mailbox }
        counters = made.map { $0.counters }
        let handovers = made.map { Handover(worker: $0) }
        let keys = Set(snapshot.listeners.map { ListenerKey($0) })
        state = Mutex(State(handovers: handovers, ports: ports, listeners: keys))
    }

    /// Starts the workers' threads. Once.
    public func start() throws(ReactorError) {
        let handovers = state.withLock { state in
            let handovers = state.handovers
            state.handovers = []
            state.running += handovers.count
            return handovers
        }
        for (index, handover) in handovers.enumerated() {
            let thread = try WorkerThread(name: "gatehouse-\(index)") { [self] in
                handover.worker.run()
                workerEnded()
            }
            state.withLock { $0.threads.append(thread) }
        }
    }

    /// Puts a new configuration in force; requests under way end with the one they began with.
    ///
    /// Listeners are known by address and port. Those that are new are bound before anything changes; those that
    /// `snapshot` does not name any more close, and their connections end when they are idle.
    ///
    /// - Throws: `cannotListen`, naming the address; then everything stays as it was.
    public func replace(_ snapshot: Snapshot) throws(ReactorError) {
        let known = state.withLock { $0.listeners }
        var sockets: [[ListenerKey: BoundSocket]] = Array(repeating: [:], count: mailboxes.count)
        var ports: [String: UInt16] = [:]
        for listener in snapshot.listeners {
            let key = ListenerKey(listener)
            guard !known.contains(key) else { continue }
            for worker in mailboxes.indices {
                let bound = try BoundSocket(address: listener.address, port: ports[listener.name] ?? listener.port)
                ports[listener.name] = bound.port
                sockets[worker][key] = bound
            }
        }
        state.withLock { state in
            let old = state.ports
            state.listeners = Set(snapshot.listeners.map { ListenerKey($0) })
            state.ports = [:]
            for listener in snapshot.listeners {
                let port = listener.port == 0 ? ports[listener.name] ?? old[listener.name] : listener.port
                state.ports[listener.name] = port
            }
        }
        for (mailbox, sockets) in zip(mailboxes, sockets) { mailbox.post(.replace(snapshot, sockets)) }
    }

    /// Stops accepting, lets what is under way end, and returns when everything has, or the deadline passed.
    public func drain(deadlineSeconds: Int) async {
        let isFirst = state.withLock { state in
            defer { state.isDraining = true }
            return !state.isDraining
        }
        if isFirst {
            for mailbox in mailboxes { mailbox.post(.drain(deadlineMilliseconds: deadlineSeconds * 1000)) }
        }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.running > 0 { state.waiters.append(continuation) }
                return state.running == 0
            }
            if isOver { continuation.resume() }
        }
        let threads = state.withLock { state in
            let threads = state.threads
            state.threads = []
            return threads
        }
        for thread in threads { thread.join() }
    }

    public var statistics: GatewayStatistics {
        var total = GatewayStatistics()
        for worker in counters { worker.add(to: &total) }
        total.accessLogLinesDropped = UInt64(accessLog.droppedLines)
        return total
    }

    /// What is known of every endpoint that the configuration names, in no order.
    public var endpoints: [EndpointStatistics] {
        struct Key: Hashable { let backend, endpoint: String }
        var totals: [Key: EndpointStatistics] = [:]
        for known in counters.flatMap({ $0.endpoints.all }) {
            let key = Key(backend: known.backend, endpoint: known.endpoint)
            known.add(to: &totals[key, default: EndpointStatistics(backend: key.backend, endpoint: key.endpoint)])
        }
        return Array(totals.values)
    }

    /// The clients with the most connections, and how many clients there are. Asks every worker; one that does not answer
    /// within a second is left out.
    public func clients(atMost limit: Int) async -> (count: Int, busiest: [(client: ClientNetwork, connections: Int)]) {
        let (answers, continuation) = AsyncStream.makeStream(of: [ClientNetwork: Int].self)
        for mailbox in mailboxes { mailbox.post(.countClients { continuation.yield($0) }) }
        let deadline = Task {
            // Cancelled when all have answered.
            try? await Task.sleep(for: .seconds(1))
            continuation.finish()
        }
        defer { deadline.cancel() }
        var total: [ClientNetwork: Int] = [:]
        var missing = mailboxes.count
        for await answer in answers {
            total.merge(answer, uniquingKeysWith: +)
            missing -= 1
            if missing == 0 { break }
        }
        let sorted = total.filter { $0.value > 0 }.sorted {
            ($1.value, $0.key.description) < ($0.value, $1.key.description)
        }
        return (sorted.count, sorted.prefix(limit).map { (client: $0.key, connections: $0.value) })
    }

    private func workerEnded() {
        let waiters = state.withLock { state in
            state.running -= 1
            guard state.running == 0 else { return [CheckedContinuation<Void, Never>]() }
            let waiters = state.waiters
            state.waiters = []
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
