/// One request and its response on an HTTP/2 connection (RFC 9113 §5). Subclassed by whoever speaks on it.
///
/// The session calls the `open` methods while it reads or writes; they may call any method of the stream, but never free
/// the session. After `closed` nothing more is called, and every method does nothing.
open class HTTP2Stream {
    public internal(set) final var id: UInt32 = 0
    /// The session it is open on.
    public internal(set) final var session: HTTP2Session?
    /// A server's stream: complete when `headReceived` is called.
    public final var request = RequestHead()
    /// A client's stream: complete when `headReceived` is called.
    public final var response = ResponseHead()
    /// Fields that came after the body; complete when `endReceived` is called.
    public final var trailers = HeaderBlock()
    /// The head went over the session's limits; what it holds is not all of it.
    public internal(set) final var isHeadTooLarge = false
    /// The head is wrong in a way that is worth an answer: `host` disagrees with `:authority` (RFC 9113 §8.3.1), or the
    /// scheme is not http or https.
    public internal(set) final var isHeadMalformed = false
    /// The request expects something else than 100-continue (RFC 9110 §10.1.1).
    public internal(set) final var hasUnknownExpectation = false
    /// When it closed, bytes of the outgoing body that were lost with it.
    public private(set) final var droppedBytes = 0

    // MARK: - State, for the session

    final var rules = HeadRules()
    /// All fields that came, kept or not, counted as RFC 9113 §6.5.2 does.
    final var fieldBytes = 0
    final var headIsComplete = false
    /// The other side sent END_STREAM.
    final var remoteHasEnded = false
    /// Our END_STREAM was produced.
    final var localHasEnded = false
    /// RST_STREAM with this code was written: nothing else is sent or heard any more.
    final var resetCode: HTTP2ErrorCode?
    final var isClosed = false
    /// Client: no content follows the response's head, whatever it says.
    final var asksForHead = false
    /// Client: CONNECT, whose response's content-length means nothing.
    final var asksForTunnel = false

    final var sendWindow = SendWindow()
    final var receiveWindow = ReceiveWindow()
    /// Bytes of the body that came and were not answered with `consumed`.
    final var unconsumed = 0
    /// What content-length allows to come yet; nil: no such bound.
    final var expectedBytes: UInt64?

    /// Stands in the session's queue of streams with data.
    final var isQueued = false
    final var outgoing = ByteQueue()
    /// Nothing is written any more: END_STREAM follows what is queued, or stands in the head.
    final var outgoingEnds = false
    final var endsWithHead = false
    final var outgoingTrailers = HeaderBlock()

    public init() {}

    /// Makes a stream that was closed fit for another request, with the memory it has.
    public final func recycle() {
        precondition(isClosed, "only a closed stream is used again")
        request.reset()
        response.reset()
        trailers.removeAll()
        outgoing.removeAll()
        outgoingTrailers.removeAll()
        id = 0
        isHeadTooLarge = false
        isHeadMalformed = false
        hasUnknownExpectation = false
        droppedBytes = 0
        rules = HeadRules()
        fieldBytes = 0
        headIsComplete = false
        remoteHasEnded = false
        localHasEnded = false
        resetCode = nil
        isClosed = false
        asksForHead = false
        asksForTunnel = false
        unconsumed = 0
        expectedBytes = nil
        isQueued = false
        outgoingEnds = false
        endsWithHead = false
    }

    // MARK: - What happens on it

    /// The head is complete. `endStream`: no body follows.
    open func headReceived(endStream: Bool) {}
    /// Bytes of the body; valid during the call. Answer with `consumed`, now or later, or the sender's window closes.
    open func bodyReceived(_ bytes: Span<UInt8>) {}
    /// The other side ended the stream regularly; `trailers` are complete.
    open func endReceived() {}
    /// Some of the outgoing body left.
    open func bodySent(_ count: Int) {}
    /// The stream is over; `errorCode` is RFC 9113 §7's (0: both sides ended regularly).
    open func closed(errorCode: UInt32) {}

    // MARK: - What is done with it

    /// Bytes of the outgoing body that wait for the window or the transport.
    public final var unsentBytes: Int { outgoing.count }

    /// Whether nothing of the outgoing body waits, and if it was finished, its end was produced as well.
    public final var hasProducedBody: Bool { outgoing.isEmpty && (!outgoingEnds || endsWithHead || localHasEnded) }

    /// Queues bytes of the outgoing body, after the head was submitted.
    public final func write(_ bytes: Span<UInt8>) {
        guard takesOutput, !bytes.isEmpty, let session else { return }
        outgoing.append(bytes, from: session.buffers)
        session.queueData(of: self)
    }

    /// Ends the outgoing body.
    public final func finish() {
        guard takesOutput, let session else { return }
        outgoingEnds = true
        if outgoing.isEmpty { session.queueEnd(of: self) } else { session.queueData(of: self) }
    }

    /// Ends the outgoing body with these trailers, which the stream takes.
    public final func finish(trailers: inout HeaderBlock) {
        guard takesOutput else { return }
        swap(&outgoingTrailers, &trailers)
        finish()
    }

    /// RST_STREAM with a code of RFC 9113 §7.
    public final func reset(errorCode: UInt32) {
        session?.reset(self, HTTP2ErrorCode(rawValue: errorCode))
    }

    /// Opens the sender's window again by `count` bytes.
    public final func consumed(_ count: Int) {
        guard count > 0, let session else { return }
        unconsumed -= count
        session.consumed(count, of: self)
    }

    private var takesOutput: Bool { !isClosed && !outgoingEnds && resetCode == nil }

    /// The stream is over: what was not sent is lost.
    final func dropOutgoing(to buffers: BufferPool) {
        droppedBytes = outgoing.count
        outgoing.removeAll()
        outgoing.returnMemory(to: buffers)
    }
}
