import CPostgres
import Synchronization

extension PipelinedConnection {
    /// The socket is readable, writable or broken: on the poller's thread.
    func ready() {
        var turn = core.withLock { core in
            var turn = Turn()
            switch core.phase {
            case .connecting: connect(&core, &turn)
            case .open: read(&core, &turn)
            case .resolving, .broken, .closed: break
            }
            return turn
        }
        if turn.opened, turn.broken == nil { owner.connectionOpened(self) }
        // First the owner, so that the server has work again while those who waited go on.
        if turn.finished > 0 { owner.connection(self, finished: turn.finished) }
        for submission in turn.resend { owner.resend(submission, on: self) }
        for (submission, outcome) in turn.answered { submission.promise.finish(outcome) }
        if let canceller = turn.cancel.take() { send(canceller) }
        if let error = turn.broken { close(error) }
    }

    /// Reads what has come, and gives it to whom it belongs. Under the lock.
    private func read(_ core: inout Core, _ turn: inout Turn) {
        guard let handle = core.handle else { return }
        // What comes without having been asked for may be a farewell: it is no sign of life.
        if core.pipeline.inFlight > 0 { core.lastSign = .now }
        let isAlive = PQconsumeInput(handle.raw) == 1
        // What was read before the connection broke still counts.
        drain(&core, handle, &turn)
        if turn.broken == nil, !isAlive || handle.isBroken {
            turn.broken = handle.error
        } else if turn.broken == nil, core.watchesWrites, !flush(&core, handle) {
            turn.broken = handle.error
        }
        if turn.broken != nil { core.phase = .broken }
        if core.pipeline.cancelToSend(now: .now) { turn.cancel = core.canceller }
        turn.finished = turn.answered.count + turn.resend.count
        if core.pipeline.isCancelInProgress, core.pipeline.inFlight == 0, turn.finished > 0 {
            core.heldBack += 1
            turn.finished -= 1
        }
    }

    private func drain(_ core: inout Core, _ handle: ConnectionHandle, _ turn: inout Turn) {
        while turn.broken == nil, core.pipeline.inFlight > 0, PQisBusy(handle.raw) == 0 {
            let isScript = core.pipeline.hasScript
            let result = PQgetResult(handle.raw)
            guard !isCopy(result) else {
                // The data of a COPY would have to be read or sent now: the connection is given up instead.
                PQclear(result)
                _ = core.pipeline.received(.failure(PostgresError(.invalidStatement, "COPY is not supported")))
                turn.broken = PostgresError(.connectionFailure, "the connection was closed because of a COPY")
                return
            }
            guard !isRemark(result) else {
                PQclear(result)
                turn.broken = handle.error
                return
            }
            switch core.pipeline.received(reply(result, core.pipeline.current)) {
            case .none: break
            case .prepared(let sent): sent.prepared?.isReady = true
            case .prepareFailed(let sent): forget(sent, &core)
            case .violation(let text):
                turn.broken = PostgresError(.protocolViolation, text)
            case .finished(let finished):
                settle(finished, &core, &turn)
                if isScript, PQenterPipelineMode(handle.raw) != 1 { turn.broken = handle.error }
            }
        }
    }

    private func isCopy(_ result: OpaquePointer?) -> Bool {
        [PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH].contains(PQresultStatus(result))
    }

    /// A failure without SQLSTATE is not the server's answer to anything: libpq says that the connection is gone, or that
    /// it has no memory. What was in flight may have run.
    private func isRemark(_ result: OpaquePointer?) -> Bool {
        result != nil && PQresultStatus(result) == PGRES_FATAL_ERROR
            && PQresultErrorField(result, Int32(UInt8(ascii: "C"))) == nil
    }

    /// What libpq's result means to the state machine; the result is kept or freed here.
    private func reply(_ result: OpaquePointer?, _ sent: Sent?) -> PipelineState<Sent, PostgresResult>.Reply {
        guard let result else { return .endOfCommand }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY, PGRES_SINGLE_TUPLE:
            return .output(PostgresResult(owning: result, columns: columns(of: result, sent)))
        case PGRES_PIPELINE_SYNC:
            PQclear(result)
            return .sync
        case PGRES_PIPELINE_ABORTED:
            PQclear(result)
            return .aborted
        default:
            defer { PQclear(result) }
            return .failure(PostgresError(result: result))
        }
    }

    /// The columns, looked up once for a prepared statement.
    private func columns(of result: OpaquePointer, _ sent: Sent?) -> ResultColumns {
        let count = Int(PQnfields(result))
        guard count > 0 else { return .none }
        if let known = sent?.prepared?.columns, known.names.count == count { return known }
        let columns = ResultColumns(of: result)
        sent?.prepared?.columns = columns
        return columns
    }

    private func settle(
        _ finished: PipelineState<Sent, PostgresResult>.Finished, _ core: inout Core, _ turn: inout Turn
    ) {
        let submission = finished.ticket.submission
        guard case .failure(var error) = finished.outcome else {
            turn.answered.append((submission, finished.outcome))
            return
        }
        if error.isStalePlan { forget(finished.ticket, &core) }
        let isMisdirected = finished.wasExposed && error.code == .cancelled
        if isMisdirected || error.isStalePlan, submission.takeResend() {
            turn.resend.append(submission)
            return
        }
        if error.code == .cancelled, let deadline = finished.ticket.deadline, isDue(deadline) {
            error.code = .queryTimeout
        }
        turn.answered.append((submission, .failure(error)))
    }

    /// The server's own timeout is half a second earlier than ours.
    private func isDue(_ deadline: Instant) -> Bool {
        deadline <= .now.advanced(by: PostgresConfiguration.timeoutMargin)
    }

    private func forget(_ sent: Sent, _ core: inout Core) {
        guard let prepared = sent.prepared, case .statement(let statement, _) = sent.submission.work else { return }
        core.statements.forget(prepared, of: statement)
    }
}
