import Testing

@testable import Postgres

/// The pool's decisions, without any connection.
struct PoolStateTests {
    typealias State = PoolState<String>

    private let start = ContinuousClock.now

    /// `#expect` does not take what changes a variable.
    private func ask<Answer>(_ state: inout State, _ question: (inout State) -> Answer) -> Answer {
        question(&state)
    }

    private func makeState(size: Int = 2, depth: Int = 2, waiters: Int = 10) -> State {
        State(
            limits: .init(
                size: size, pipelineDepth: depth, maximumWaiters: waiters, acquireTimeout: .seconds(2),
                idleTimeout: .seconds(60)))
    }

    private func after(_ duration: Duration) -> ContinuousClock.Instant { start.advanced(by: duration) }

    /// What becomes of a request, in a word.
    private func take(
        _ name: String, _ kind: State.Kind, _ state: inout State, at now: ContinuousClock.Instant? = nil
    ) -> String {
        let now = now ?? start
        let (decision, _) = state.take(name, kind: kind, deadline: now.advanced(by: .seconds(2)), now: now)
        return switch decision {
        case .assigned(let number): "on \(number)"
        case .waits: "waits"
        case .refused(let error): error.code.description
        }
    }

    private func take(_ name: String, _ state: inout State, at now: ContinuousClock.Instant? = nil) -> String {
        take(name, .statement, &state, at: now)
    }

    private func open(_ count: Int, _ state: inout State) {
        for _ in 0..<count {
            _ = take("opener", .lease, &state)
            for number in state.connectionsToOpen(now: start) {
                for assignment in state.opened(number, now: start).assignments {
                    #expect(assignment.request == "opener")
                }
            }
        }
        for number in 1...count { _ = state.released(number, isReusable: true, now: start) }
    }

    private func names(_ work: State.Work) -> [String] {
        work.assignments.map { "\($0.request) on \($0.connection)" }
    }

    @Test func `opens a connection for the first request and hands it over`() {
        var state = makeState()
        #expect(take("a", &state) == "waits")
        #expect(ask(&state, { $0.connectionsToOpen(now: start) }) == [1])
        #expect(ask(&state, { $0.connectionsToOpen(now: start) }) == [])
        #expect(names(ask(&state, { $0.opened(1, now: start) })) == ["a on 1"])
        #expect(state.counts == .init(connecting: 0, idle: 0, busy: 1, waiting: 0))
        _ = state.finished(1, count: 1, now: start)
        #expect(state.counts == .init(connecting: 0, idle: 1, busy: 0, waiting: 0))
    }

    @Test func `opens as many as wait, but no more than allowed`() {
        var state = makeState(size: 3)
        for name in ["a", "b", "c", "d", "e"] { #expect(take(name, &state) == "waits") }
        #expect(ask(&state, { $0.connectionsToOpen(now: start) }) == [1, 2, 3])
        #expect(names(ask(&state, { $0.opened(2, now: start) })) == ["a on 2", "b on 2"])
        #expect(names(ask(&state, { $0.opened(1, now: start) })) == ["c on 1", "d on 1"])
        #expect(names(ask(&state, { $0.opened(3, now: start) })) == ["e on 3"])
    }

    @Test func `prefers an idle connection, then the one with the least in flight, then waiting`() {
        var state = makeState()
        open(2, &state)
        #expect(take("a", &state) == "on 1")
        #expect(take("b", &state) == "on 2")
        #expect(take("c", &state) == "on 1")
        #expect(take("d", &state) == "on 2")
        #expect(take("e", &state) == "waits")
        #expect(names(ask(&state, { $0.finished(2, count: 1, now: start) })) == ["e on 2"])
    }

    @Test func `does not put a statement behind a slow one`() {
        var state = makeState(size: 1)
        open(1, &state)
        #expect(take("slow", &state) == "on 1")
        #expect(take("soon after", &state) == "on 1")
        #expect(take("late", &state, at: after(.milliseconds(20))) == "waits")
        #expect(names(ask(&state, { $0.finished(1, count: 1, now: after(.milliseconds(30))) })) == ["late on 1"])
    }

    @Test func `a lease has its connection alone, and holds back what came later`() {
        var state = makeState(size: 1, depth: 4)
        open(1, &state)
        #expect(take("a", &state) == "on 1")
        #expect(take("transaction", .lease, &state) == "waits")
        #expect(take("b", &state) == "waits")
        #expect(names(ask(&state, { $0.finished(1, count: 1, now: start) })) == ["transaction on 1"])
        #expect(names(ask(&state, { $0.released(1, isReusable: true, now: start) })) == ["b on 1"])
    }

    @Test func `a connection that is not fit for reuse is closed and replaced`() {
        var state = makeState(size: 1)
        open(1, &state)
        #expect(take("transaction", .lease, &state) == "on 1")
        #expect(take("a", &state) == "waits")
        let work = state.released(1, isReusable: false, now: start)
        #expect(work.closes == [1] && work.assignments.isEmpty)
        #expect(ask(&state, { $0.connectionsToOpen(now: start) }) == [2])
        #expect(names(ask(&state, { $0.opened(2, now: start) })) == ["a on 2"])
    }

    @Test func `a request that waits too long fails, and its successor does not`() {
        var state = makeState(size: 1)
        open(1, &state)
        #expect(take("transaction", .lease, &state) == "on 1")
        #expect(take("a", &state) == "waits")
        #expect(take("b", &state, at: after(.seconds(1))) == "waits")
        #expect(state.nextDeadline == after(.seconds(2)))
        let failures = state.expire(now: after(.seconds(2))).failures
        #expect(failures.map(\.request) == ["a"] && failures.first?.error.code == .poolTimeout)
        #expect(state.nextDeadline == after(.seconds(3)))
    }

    @Test func `refuses a request when too many wait`() {
        var state = makeState(size: 1, waiters: 2)
        #expect(take("a", &state) == "waits")
        #expect(take("b", &state) == "waits")
        #expect(take("c", &state) == "poolTimeout")
    }

    @Test func `a withdrawn request is passed over`() {
        var state = makeState(size: 1)
        let (_, id) = state.take("a", kind: .lease, deadline: after(.seconds(2)), now: start)
        #expect(take("b", &state) == "waits")
        #expect(ask(&state, { $0.withdraw(id) }))
        #expect(!ask(&state, { $0.withdraw(id) }))
        _ = state.connectionsToOpen(now: start)
        #expect(names(ask(&state, { $0.opened(1, now: start) })) == ["b on 1"])
    }

    @Test func `an outage is probed one attempt at a time, with growing delays`() {
        var state = makeState(size: 4)
        for name in ["a", "b", "c"] { _ = take(name, &state) }
        #expect(ask(&state, { $0.connectionsToOpen(now: start) }) == [1, 2, 3])
        let error = PostgresError(.connectionFailure, "refused")
        for number in 1...3 {
            #expect(ask(&state, { $0.openFailed(number, error: error, random: 0, now: start) }).failures.isEmpty)
        }
        // Three failures of one moment: 50, 100, 200 ms.
        #expect(ask(&state, { $0.connectionsToOpen(now: after(.milliseconds(199))) }) == [])
        #expect(state.nextDeadline == after(.milliseconds(200)))
        #expect(ask(&state, { $0.connectionsToOpen(now: after(.milliseconds(200))) }) == [4])
        #expect(ask(&state, { $0.connectionsToOpen(now: after(.milliseconds(200))) }) == [])
        #expect(state.nextDeadline == after(.seconds(2)))
        #expect(names(ask(&state, { $0.opened(4, now: after(.milliseconds(300))) })) == ["a on 4", "b on 4"])
        #expect(ask(&state, { $0.connectionsToOpen(now: after(.milliseconds(300))) }) == [5])
    }

    @Test func `a short outage is waited out, a long one fails at once`() {
        var state = makeState(size: 1)
        let error = PostgresError(.connectionFailure, "refused")
        #expect(take("a", &state) == "waits")
        #expect(ask(&state, { $0.connectionsToOpen(now: start) }) == [1])
        #expect(ask(&state, { $0.openFailed(1, error: error, random: 0, now: start) }).failures.isEmpty)
        #expect(take("b", &state, at: after(.seconds(1))) == "waits")
        #expect(ask(&state, { $0.expire(now: after(.seconds(2))) }).failures.map(\.error.code) == [.connectionFailure])
        #expect(take("c", &state, at: after(.milliseconds(2_100))) == "waits")
        let work = state.openFailed(2, error: error, random: 0, now: after(.milliseconds(2_200)))
        // The attempt began at 2 s: before that came b, after it c, who waits for the next, 100 ms later.
        #expect(work.failures.map(\.request) == ["b"])
        #expect(state.nextDeadline == after(.milliseconds(2_100)))
        #expect(ask(&state, { $0.connectionsToOpen(now: after(.milliseconds(2_200))) }) == [3])
        let last = state.openFailed(3, error: error, random: 0, now: after(.milliseconds(2_201)))
        #expect(last.failures.map(\.request) == ["c"])
        // Without any request, the probing goes on, with its growing delay.
        #expect(state.nextDeadline == after(.milliseconds(2_401)))
        #expect(ask(&state, { $0.connectionsToOpen(now: after(.seconds(5))) }) == [4])
        _ = state.opened(4, now: after(.seconds(5)))
        #expect(take("d", &state, at: after(.seconds(5))) == "on 4")
    }

    @Test func `a lost connection is replaced, and is no outage`() {
        var state = makeState(size: 2)
        open(1, &state)
        #expect(take("a", &state) == "on 1")
        #expect(ask(&state, { $0.closed(1, now: start) }).opens == [2])
        #expect(take("b", &state) == "waits")
        #expect(names(ask(&state, { $0.opened(2, now: start) })) == ["b on 2"])
    }

    @Test func `a failed attempt beside open connections fails nobody and is repeated only when wanted`() {
        var state = makeState(size: 2, depth: 1)
        open(1, &state)
        #expect(take("a", &state) == "on 1")
        #expect(take("b", &state) == "waits")
        #expect(ask(&state, { $0.connectionsToOpen(now: start) }) == [2])
        let error = PostgresError(.resourceExhausted, "too many clients")
        #expect(ask(&state, { $0.openFailed(2, error: error, random: 0, now: start) }).failures.isEmpty)
        #expect(names(ask(&state, { $0.finished(1, count: 1, now: start) })) == ["b on 1"])
        _ = state.finished(1, count: 1, now: start)
        #expect(ask(&state, { $0.expire(now: after(.seconds(1))) }).opens == [])
        #expect(state.nextDeadline == nil)
    }

    @Test func `idle connections beyond the first are closed in time`() {
        var state = makeState()
        open(2, &state)
        #expect(state.nextDeadline == after(.seconds(60)))
        #expect(ask(&state, { $0.expire(now: after(.seconds(59))) }).closes == [])
        #expect(ask(&state, { $0.expire(now: after(.seconds(60))) }).closes == [2])
        #expect(state.nextDeadline == nil)
        #expect(take("a", &state, at: after(.seconds(61))) == "on 1")
    }

    @Test func `closing lets what is busy finish`() {
        var state = makeState()
        open(2, &state)
        #expect(take("a", &state) == "on 1")
        let work = state.close()
        #expect(work.closes == [2])
        #expect(take("b", &state) == "poolClosed")
        _ = state.closed(2, now: start)
        #expect(!state.isDrained)
        #expect(ask(&state, { $0.finished(1, count: 1, now: start) }).closes == [1])
        #expect(ask(&state, { $0.closed(1, now: start) }).opens == [])
        #expect(state.isDrained)
    }

    @Test func `closing fails those who wait`() {
        var state = makeState(size: 1)
        #expect(take("a", &state) == "waits")
        _ = state.connectionsToOpen(now: start)
        let work = state.close()
        #expect(work.failures.map(\.error.code) == [.poolClosed] && work.closes == [1])
    }

    @Test func `the backoff doubles up to its limit, and chance takes away up to half`() {
        var backoff = Backoff()
        let delays = (0..<8).map { _ in backoff.next(random: 0) }
        #expect(delays == [50, 100, 200, 400, 800, 1_000, 1_000, 1_000].map { .milliseconds($0) })
        #expect(backoff.next(random: 1) == .milliseconds(500))
        backoff.reset()
        #expect(backoff.next(random: 1) == .milliseconds(25))
    }
}
