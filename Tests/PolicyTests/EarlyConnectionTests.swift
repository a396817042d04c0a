import Policy
import Testing

@Suite struct EarlyConnectionTests {
    struct Pool: CustomTestStringConvertible {
        var requests = 2
        var idle = 0
        var opening = 0
        var open = 2
        var maximum = 10
        var isWanted = true
        var testDescription: String { "\(requests) requests, \(idle) idle, \(opening) opening, \(open) of \(maximum)" }
    }

    @Test(arguments: [
        Pool(),
        Pool(requests: 9, open: 9),
        // The limit holds.
        Pool(requests: 10, open: 10, isWanted: false),
        // One after the other.
        Pool(opening: 1, open: 3, isWanted: false),
        // One is there already.
        Pool(idle: 1, open: 3, isWanted: false),
        // A client that asks one thing at a time is no rise.
        Pool(requests: 1, open: 1, isWanted: false),
        Pool(requests: 0, open: 0, isWanted: false),
    ])
    func `a connection is opened ahead when all are busy`(pool: Pool) {
        #expect(
            EarlyConnection.isWanted(
                requests: pool.requests, idle: pool.idle, opening: pool.opening, open: pool.open, maximum: pool.maximum)
                == pool.isWanted)
    }
}
