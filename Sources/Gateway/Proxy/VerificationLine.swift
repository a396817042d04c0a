/// The tokens of one connection that are being verified, and its requests that wait until fewer are.
///
/// What is not authenticated must not cost much, and a connection of HTTP/2 brings up to a hundred requests at once. Mostly
/// these carry one token: the first few are verified, and when the others have their turn it is known. Those that come with a
/// hundred different ones take their turns, too, and leave the verifier to other connections meanwhile.
///
/// A lower limit of streams before the first authenticated request would not do: clients open their first streams before
/// they have seen our SETTINGS, as many as a hundred (RFC 9113 §6.5.2), and not all of them repeat what is refused.
final class VerificationLine {
    private var underWay = 0
    private var waiting = WaitingLine<Exchange>()

    func isFull(_ limits: Limits) -> Bool { underWay >= limits.verificationsPerConnection }

    func began() { underWay += 1 }

    /// - Returns: the ticket to leave with.
    func wait(_ exchange: Exchange) -> Int { waiting.append(exchange) }

    func leave(ticket: Int) { waiting.remove(ticket: ticket) }

    /// The verifier has answered for one of them.
    func ended(_ limits: Limits) {
        underWay -= 1
        // Those whose token is known by now pass all at once.
        while !isFull(limits), let next = waiting.popFirst() { next.identifyAgain() }
    }
}
