import CPostgres
import Glibc
import Synchronization

extension PipelinedConnection {
    enum Sending: Sendable {
        case sent
        /// Nobody waits for it any more: nothing was sent.
        case abandoned
        /// The connection cannot send (any more): nothing of it was executed.
        case unusable
    }

    /// Sends a statement, or leaves in libpq's buffer what the socket does not take now.
    ///
    /// - Parameter prelude: goes before it in the same group: the BEGIN of a transaction.
    func send(_ submission: Submission, prelude: Statement? = nil) -> Sending {
        let deadline = submission.deadline(sentAt: .now)
        let (sending, broken) = core.withLock { core -> (Sending, PostgresError?) in
            guard core.phase == .open, let handle = core.handle, !core.pipeline.hasScript else {
                return (.unusable, nil)
            }
            // First attached, then asked: a cancellation either is seen here, or finds the connection.
            submission.attach(to: self)
            guard !submission.promise.isFinished else { return (.abandoned, nil) }
            guard isStillThere(&core, handle) else { return (.unusable, handle.error) }
            let ticket = Sent(submission: submission, deadline: deadline)
            let isQueued =
                switch submission.work {
                case .statement(let statement, let binds):
                    queue(statement, binds, after: prelude, for: ticket, &core, handle)
                case .script(let text): queue(script: text, for: ticket, &core, handle)
                }
            guard isQueued else {
                core.phase = .broken
                return (.unusable, handle.error)
            }
            let isFlushed = flush(&core, handle)
            if !isFlushed { core.phase = .broken }
            return (.sent, isFlushed ? nil : handle.error)
        }
        if let broken { close(broken) }
        if sending == .sent, let deadline { poller.wake(at: deadline) }
        return sending
    }

    /// Whether the connection may be given to somebody; if the server has closed it, it ends now.
    func verify() -> Bool {
        let (isThere, broken) = core.withLock { core -> (Bool, PostgresError?) in
            guard core.phase == .open, let handle = core.handle else { return (false, nil) }
            return isStillThere(&core, handle) ? (true, nil) : (false, handle.error)
        }
        if let broken { close(broken) }
        return isThere
    }

    /// After how long without a word the socket is looked at before it is used.
    private static let checkAfter = Duration.milliseconds(100)

    /// Reads what the server may have said to a connection at rest: that it shuts down, for one. The poller would read
    /// it too, but perhaps only after a statement has been sent, whose outcome would then be unknown. Under the lock.
    private func isStillThere(_ core: inout Core, _ handle: ConnectionHandle) -> Bool {
        guard core.pipeline.inFlight == 0, core.lastSign.advanced(by: Self.checkAfter) < .now else { return true }
        // The last words and the end of the stream are two readings.
        for _ in 0..<3 {
            var descriptor = pollfd(fd: handle.descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, 0) > 0 else { return true }
            guard PQconsumeInput(handle.raw) == 1 else {
                core.phase = .broken
                return false
            }
            _ = PQisBusy(handle.raw)
        }
        return true
    }

    /// Writes what is buffered; what the socket does not take is written when it is writable. Under the lock.
    func flush(_ core: inout Core, _ handle: ConnectionHandle) -> Bool {
        let rest = PQflush(handle.raw)
        guard rest >= 0 else { return false }
        guard (rest == 1) != core.watchesWrites else { return true }
        core.watchesWrites = rest == 1
        return poller.watch(handle.descriptor, for: pollerToken, writable: rest == 1) == 0
    }

    private func queue(
        _ statement: Statement, _ binds: EncodedBinds, after prelude: Statement?, for sent: Sent,
        _ core: inout Core, _ handle: ConnectionHandle
    ) -> Bool {
        var plan = PipelineState<Sent, PostgresResult>.Plan()
        if let prelude {
            plan.hasPrelude = true
            guard PQsendQueryParams(handle.raw, prelude.cString, 0, nil, nil, nil, nil, 1) == 1 else { return false }
        }
        let count = Int32(binds.types.count)
        let preparation = core.statements.plan(for: statement, types: binds.types)
        let isQueued = binds.withPointers { values, lengths, formats in
            switch preparation {
            case .use(let prepared):
                return prepared.name.withUnsafeBufferPointer {
                    PQsendQueryPrepared(handle.raw, $0.baseAddress, count, values, lengths, formats, 1) == 1
                }
            case .prepare(let prepared):
                plan.prepares = true
                return prepared.name.withUnsafeBufferPointer {
                    PQsendPrepare(handle.raw, $0.baseAddress, statement.cString, count, prepared.types) == 1
                        && PQsendQueryPrepared(handle.raw, $0.baseAddress, count, values, lengths, formats, 1) == 1
                }
            case .unnamed:
                return PQsendQueryParams(
                    handle.raw, statement.cString, count, binds.types, values, lengths, formats, 1) == 1
            }
        }
        guard isQueued else { return false }
        var ticket = sent
        switch preparation {
        case .use(let prepared), .prepare(let prepared): ticket.prepared = prepared
        case .unnamed: break
        }
        core.pipeline.sent(ticket, plan: plan, deadline: ticket.deadline)
        // The sync is the point of no return: from here on the statement counts as sent, and a failure ends the
        // connection, which tells it so.
        return PQpipelineSync(handle.raw) == 1 || handle.isBroken
    }

    /// Several statements in one text are only possible in the simple protocol, outside of pipeline mode (ch. 34.5.1).
    private func queue(
        script: String, for ticket: Sent, _ core: inout Core, _ handle: ConnectionHandle
    ) -> Bool {
        guard core.pipeline.inFlight == 0, PQexitPipelineMode(handle.raw) == 1,
            PQsendQuery(handle.raw, script) == 1
        else { return false }
        core.pipeline.sent(ticket, plan: .init(isScript: true), deadline: ticket.deadline)
        return true
    }
}

extension EncodedBinds {
    typealias Values = UnsafePointer<UnsafePointer<CChar>?>
    typealias Numbers = UnsafePointer<Int32>

    /// The arrays that libpq wants: pointers (nil is NULL), lengths, and formats (1 is binary).
    func withPointers<Result>(_ body: (Values?, Numbers?, Numbers?) -> Result) -> Result {
        let count = places.count
        guard count > 0 else { return body(nil, nil, nil) }
        return buffer.bytes.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { values in
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * count) { numbers in
                    for (index, place) in places.enumerated() {
                        let value = bytes.baseAddress.map { $0 + place.offset } ?? Self.emptyValue
                        let isNull = place.length < 0
                        values.initializeElement(
                            at: index, to: isNull ? nil : value.assumingMemoryBound(to: CChar.self))
                        numbers.initializeElement(at: index, to: max(place.length, 0))
                        numbers.initializeElement(at: count + index, to: 1)
                    }
                    let lengths = numbers.baseAddress.map { UnsafePointer($0) }
                    return body(values.baseAddress.map { UnsafePointer($0) }, lengths, lengths.map { $0 + count })
                }
            }
        }
    }

    /// Something to point to for values of no bytes: libpq takes a null pointer for NULL.
    private static var emptyValue: UnsafeRawPointer {
        let empty: StaticString = ""
        return UnsafeRawPointer(empty.utf8Start)
    }
}
