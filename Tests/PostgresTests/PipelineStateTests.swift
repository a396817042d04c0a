import Testing

@testable import Postgres

/// What answers mean, without any connection.
struct PipelineStateTests {
    typealias State = PipelineState<String, Int>

    private let start = ContinuousClock.now

    /// `#expect` does not take what changes a variable.
    private func ask<Answer>(_ state: inout State, _ question: (inout State) -> Answer) -> Answer {
        question(&state)
    }
    private let failed = PostgresError(.uniqueViolation, "duplicate")

    /// Feeds replies and gives what is decided, in words.
    private func feed(_ replies: [State.Reply], to state: inout State) -> [String] {
        replies.compactMap { reply in
            switch state.received(reply) {
            case .none: nil
            case .prepared(let ticket): "\(ticket) prepared"
            case .prepareFailed(let ticket): "\(ticket) not prepared"
            case .violation: "violation"
            case .finished(let finished):
                switch finished.outcome {
                case .success(let output): "\(finished.ticket) = \(output)"
                case .failure(let error): "\(finished.ticket) ! \(error.code)\(finished.wasExposed ? " exposed" : "")"
                }
            }
        }
    }

    @Test func `gives each statement its own answer, in order`() {
        var state = State()
        state.sent("a", plan: .init(), deadline: nil)
        state.sent("b", plan: .init(prepares: true), deadline: nil)
        state.sent("c", plan: .init(hasPrelude: true, prepares: true), deadline: nil)
        #expect(state.inFlight == 3 && state.current == "a")
        #expect(feed([.output(1), .endOfCommand, .sync], to: &state) == ["a = 1"])
        #expect(
            feed([.output(0), .endOfCommand, .output(2), .endOfCommand, .sync], to: &state) == ["b prepared", "b = 2"])
        let three: [State.Reply] = [
            .output(0), .endOfCommand, .output(0), .endOfCommand, .output(3), .endOfCommand, .sync,
        ]
        #expect(feed(three, to: &state) == ["c prepared", "c = 3"])
        #expect(state.inFlight == 0 && state.current == nil)
    }

    @Test func `a failure ends its own group only`() {
        var state = State()
        state.sent("a", plan: .init(prepares: true), deadline: nil)
        state.sent("b", plan: .init(), deadline: nil)
        let first: [State.Reply] = [.failure(failed), .endOfCommand, .aborted, .endOfCommand, .sync]
        #expect(feed(first, to: &state) == ["a not prepared", "a ! uniqueViolation"])
        #expect(feed([.output(2), .endOfCommand, .sync], to: &state) == ["b = 2"])
    }

    @Test func `a statement whose BEGIN fails is not prepared`() {
        var state = State()
        state.sent("a", plan: .init(hasPrelude: true, prepares: true), deadline: nil)
        let replies: [State.Reply] = [
            .failure(failed), .endOfCommand, .aborted, .endOfCommand, .aborted, .endOfCommand, .sync,
        ]
        #expect(feed(replies, to: &state) == ["a not prepared", "a ! uniqueViolation"])
    }

    @Test func `a failure at the sync is the statement's own`() {
        var state = State()
        state.sent("a", plan: .init(), deadline: nil)
        let replies: [State.Reply] = [.output(1), .endOfCommand, .failure(failed), .endOfCommand, .sync]
        #expect(feed(replies, to: &state) == ["a ! uniqueViolation"])
    }

    @Test func `a script ends without a sync, with its last result or its first failure`() {
        var state = State()
        state.sent("a", plan: .init(isScript: true), deadline: nil)
        #expect(state.hasScript)
        #expect(feed([.output(1), .output(2), .endOfCommand], to: &state) == ["a = 2"])
        state.sent("b", plan: .init(isScript: true), deadline: nil)
        #expect(feed([.output(1), .failure(failed), .endOfCommand], to: &state) == ["b ! uniqueViolation"])
    }

    @Test func `what cannot be is a violation`() {
        let impossible: [[State.Reply]] = [
            [.sync], [.endOfCommand, .endOfCommand], [.aborted], [.output(1), .endOfCommand, .output(2)],
            [.output(1), .endOfCommand, .endOfCommand],
            [.output(1), .output(2)], [.failure(failed), .failure(failed)], [.failure(failed), .aborted],
        ]
        for replies in impossible {
            var state = State()
            state.sent("a", plan: .init(), deadline: nil)
            #expect(feed(replies, to: &state).last == "violation")
        }
        var empty = State()
        #expect(feed([.sync], to: &empty) == ["violation"])
    }

    @Test func `a cancel request waits until its statement is the oldest`() {
        var state = State()
        state.sent("a", plan: .init(), deadline: nil)
        state.sent("b", plan: .init(), deadline: nil)
        #expect(ask(&state, { $0.cancel("b") }))
        #expect(!ask(&state, { $0.cancelToSend(now: start) }))
        _ = feed([.output(1), .endOfCommand, .sync], to: &state)
        #expect(ask(&state, { $0.cancelToSend(now: start) }))
        #expect(!ask(&state, { $0.cancelToSend(now: start) }), "one at a time")
        let cancelled = PostgresError(.cancelled, "")
        #expect(feed([.failure(cancelled), .endOfCommand, .sync], to: &state) == ["b ! cancelled"])
        #expect(!ask(&state, { $0.cancel("b") }))
    }

    @Test func `neighbours of a cancelled statement are marked as exposed until the request has returned`() {
        var state = State()
        let cancelled = PostgresError(.cancelled, "")
        for name in ["a", "b"] { state.sent(name, plan: .init(), deadline: nil) }
        #expect(ask(&state, { $0.cancel("a") }))
        #expect(ask(&state, { $0.cancelToSend(now: start) }))
        state.sent("c", plan: .init(), deadline: nil)
        state.cancelReturned()
        state.sent("d", plan: .init(), deadline: nil)
        let replies: [State.Reply] = [.failure(cancelled), .endOfCommand, .sync]
        #expect(feed(replies, to: &state) == ["a ! cancelled"])
        #expect(feed(replies, to: &state) == ["b ! cancelled exposed"])
        #expect(feed(replies, to: &state) == ["c ! cancelled exposed"])
        #expect(feed(replies, to: &state) == ["d ! cancelled"])
    }

    @Test func `a cancel request without effect is repeated, and in the end the connection is dropped`() {
        var state = State()
        state.sent("a", plan: .init(), deadline: nil)
        #expect(ask(&state, { $0.cancel("a") }))
        #expect(ask(&state, { $0.cancelToSend(now: start) }))
        #expect(state.nextDeadline == start.advanced(by: PipelineTiming.cancelGrace))
        state.cancelReturned()
        #expect(state.nextDeadline == start.advanced(by: PipelineTiming.cancelRepeat))
        #expect(!ask(&state, { $0.expire(now: start.advanced(by: .milliseconds(100))) }).sendsCancel)
        #expect(ask(&state, { $0.expire(now: start.advanced(by: PipelineTiming.cancelRepeat)) }).sendsCancel)
        state.cancelReturned()
        #expect(ask(&state, { $0.expire(now: start.advanced(by: PipelineTiming.cancelGrace)) }).dropsConnection)
    }

    @Test func `a statement past its deadline is given up, and cancelled when it is the oldest`() {
        var state = State()
        let deadline = start.advanced(by: .seconds(1))
        state.sent("a", plan: .init(), deadline: nil)
        state.sent("b", plan: .init(), deadline: deadline)
        #expect(state.nextDeadline == deadline)
        let expiry = state.expire(now: deadline)
        #expect(expiry.timedOut == ["b"] && !expiry.sendsCancel && expiry.next == nil)
        #expect(ask(&state, { $0.expire(now: deadline) }).timedOut == [])
        _ = feed([.output(1), .endOfCommand, .sync], to: &state)
        #expect(ask(&state, { $0.expire(now: deadline) }).sendsCancel)
    }

    @Test func `a lost connection leaves open what may have run, unless the server ended the session`() {
        var silent = State()
        for name in ["a", "b"] { silent.sent(name, plan: .init(), deadline: nil) }
        #expect(ask(&silent, { $0.fail() }).map(\.mayHaveRun) == [true, true])

        var told = State()
        for name in ["a", "b"] { told.sent(name, plan: .init(), deadline: nil) }
        var terminated = PostgresError(.connectionFailure, "terminated")
        terminated.endsSession = true
        _ = told.received(.failure(terminated))
        let lost = told.fail()
        #expect(lost.map(\.mayHaveRun) == [false, false] && lost.first?.error?.message == "terminated")

        // An ordinary failure says nothing about what was sent behind it.
        var cut = State()
        for name in ["a", "b"] { cut.sent(name, plan: .init(), deadline: nil) }
        _ = feed([.failure(failed), .endOfCommand], to: &cut)
        #expect(ask(&cut, { $0.fail() }).map(\.mayHaveRun) == [false, true])

        var committing = State()
        for name in ["a", "b"] { committing.sent(name, plan: .init(), deadline: nil) }
        _ = feed([.output(1), .endOfCommand, .failure(terminated)], to: &committing)
        #expect(ask(&committing, { $0.fail() }).map(\.mayHaveRun) == [true, false])
    }
}
