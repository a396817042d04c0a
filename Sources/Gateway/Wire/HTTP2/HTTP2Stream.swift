import CNghttp2

/// One request and its response on an HTTP/2 connection (RFC 9113 §5). Subclassed by whoever speaks on it.
///
/// The session calls the `open` methods while it reads or writes; they may call any method of the stream, but never free
/// the session. After `closed` nothing more is called, and every method does nothing.
open class HTTP2Stream {
    public internal(set) final var id: Int32 = 0
    /// The session it is open on.
    public internal(set) final var session: HTTP2Session?
    // The heads and queues are unchecked: the session fills them between two calls of the methods below, no access lasts
    // while these run, and a request makes some fifty accesses.

    /// A server's stream: complete when `headReceived` is called.
    public final var request = RequestHead()
    /// A client's stream: complete when `headReceived` is called.
    public final var response = ResponseHead()
    /// Fields that came after the body; complete when `endReceived` is called.
    public final var trailers = HeaderBlock()
    /// The head went over the session's limits; what it holds is not all of it.
    public internal(set) final var isHeadTooLarge = false
    /// The head breaks a rule that nghttp2 does not check: `host` disagrees with `:authority` (RFC 9113 §8.3.1).
    public internal(set) final var isHeadMalformed = false
    /// The request expects something else than 100-continue (RFC 9110 §10.1.1).
    public internal(set) final var hasUnknownExpectation = false

    /// All fields that came, kept or not, counted as RFC 9113 §6.5.2 does.
    final var fieldBytes = 0
    /// Bytes of the body that came and were not answered with `consumed`.
    final var unconsumed = 0
    final var slot = -1
    final var isClosed = false
    /// Of our own accord, or for a fault of the other side that is counted.
    final var isResetByUs = false
    final var headIsComplete = false
    private final var outgoing = ByteQueue()
    private final var outgoingEnds = false
    private final var outgoingTrailers = HeaderBlock()
    private final var isDeferred = false
    private final var endIsUnderWay = false
    private final var endWasProduced = false

    public init() {}

    /// Makes a stream that was closed fit for another request, with the memory it has.
    public final func recycle() {
        precondition(isClosed, "only a closed stream is used again")
        request.reset()
        response.reset()
        trailers.removeAll()
        outgoing.removeAll()
        id = 0
        isHeadTooLarge = false
        isHeadMalformed = false
        hasUnknownExpectation = false
        isClosed = false
        isResetByUs = false
        headIsComplete = false
        outgoingEnds = false
        outgoingTrailers.removeAll()
        isDeferred = false
        endIsUnderWay = false
        endWasProduced = false
        unconsumed = 0
        fieldBytes = 0
    }

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

    /// Bytes of the outgoing body that wait for the window or the transport.
    public final var unsentBytes: Int { outgoing.count }

    /// Whether nothing of the outgoing body waits, and if it was finished, its end was produced as well.
    public final var hasProducedBody: Bool { outgoing.isEmpty && (!outgoingEnds || endWasProduced) }

    /// Queues bytes of the outgoing body, after the head was submitted.
    public final func write(_ bytes: Span<UInt8>) {
        guard !isClosed, !outgoingEnds, let session else { return }
        outgoing.append(bytes, from: session.buffers)
        resume()
    }

    /// Ends the outgoing body.
    public final func finish() {
        guard !isClosed, !outgoingEnds else { return }
        outgoingEnds = true
        resume()
    }

    /// Ends the outgoing body with these trailers, which the stream takes.
    public final func finish(trailers: inout HeaderBlock) {
        guard !isClosed, !outgoingEnds else { return }
        swap(&outgoingTrailers, &trailers)
        finish()
    }

    /// RST_STREAM with a code of RFC 9113 §7.
    public final func reset(errorCode: UInt32) {
        guard !isClosed else { return }
        session?.reset(self, errorCode: errorCode)
    }

    /// Opens the sender's window again by `count` bytes.
    public final func consumed(_ count: Int) {
        guard count > 0, !isClosed else { return }
        unconsumed -= count
        session?.consumed(self, count)
    }

    /// The stream is over: what was not sent is lost.
    final func dropOutgoing(to buffers: BufferPool) {
        outgoing.removeAll()
        outgoing.returnMemory(to: buffers)
    }

    private func resume() {
        guard isDeferred else { return }
        isDeferred = false
        session?.resume(self)
    }

    // MARK: - nghttp2 asks for the outgoing body

    /// What a DATA frame of at most `limit` bytes may carry (nghttp2_data_source_read_callback).
    final func nextData(limit: Int, flags: inout UInt32) -> Int {
        if outgoing.isEmpty && !outgoingEnds {
            isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        let count = min(limit, outgoing.count)
        flags |= UInt32(NGHTTP2_DATA_FLAG_NO_COPY.rawValue)
        guard outgoingEnds && count == outgoing.count else { return count }
        endIsUnderWay = true
        flags |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
        if !outgoingTrailers.isEmpty, let session, session.submitTrailers(outgoingTrailers, on: self) {
            outgoingTrailers.removeAll()
            flags |= UInt32(NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue)
        }
        return count
    }

    final func takeData(_ count: Int, into output: inout [UInt8]) {
        outgoing.withFront(count) { bytes in bytes.withUnsafeBufferPointer { output.append(contentsOf: $0) } }
        if let session { outgoing.removeFirst(count, into: session.buffers) } else { outgoing.removeFirst(count) }
        if endIsUnderWay && outgoing.isEmpty { endWasProduced = true }
        bodySent(count)
    }
}
