import Glibc

extension Transport {
    /// How much of what is still coming is read and dropped after we said goodbye, so that the last response is not
    /// reset away (RFC 9112 §9.6): for so long after the last byte, for so long at all, and so many bytes (more than the
    /// largest body, because a client that writes its whole request first reads the refusal only then).
    private static let lingerPauseMilliseconds = 2_000
    private static let lingerNanoseconds: UInt64 = 30_000_000_000
    private static let lingerBytes = 16 << 20

    /// Sends what is written, says goodbye (close_notify, FIN), and closes. Nothing more is delivered.
    ///
    /// - Parameter lingering: the other side may still be sending: what comes is read and dropped for a moment first.
    public func closeAfterFlush(lingering: Bool = true) {
        guard state == .open else { return close() }
        lingers = lingering
        pauseReading()
        closesAfterFlush = true
        markDirty()
    }

    /// Sends what is written, then says that no more follows (close_notify, FIN); reading goes on.
    public func endOutput() {
        guard state == .open, !finishesAfterFlush, !saidGoodbye else { return }
        finishesAfterFlush = true
        markDirty()
    }

    func finishWriting() {
        if let tls, !saidGoodbye {
            saidGoodbye = true
            tls.close()
            sendCipher()
            // What the kernel did not take brings us here again.
            guard state == .open, unsentBytes == 0 else { return }
        }
        finishesAfterFlush = false
        shutdown(fd, Int32(SHUT_WR))
    }

    /// Closes at once; what was not sent is lost.
    public func close() { fail(.closed) }

    /// Closes at once, and in such a way that the other side cannot take it for a regular end (RST instead of FIN).
    public func closeWithReset() {
        if state != .ended { Syscalls.resetOnClose(fd) }
        close()
    }

    func finishClosing() {
        if let tls, !saidGoodbye {
            saidGoodbye = true
            tls.close()
            sendCipher()
            guard state == .open, unsentBytes == 0 else { return }
        }
        guard lingers else { return close() }
        shutdown(fd, Int32(SHUT_WR))
        state = .lingering
        isReadingPaused = false
        updateInterest()
        lingersUntil = loop.now + Self.lingerNanoseconds
        discard()
    }

    func discard() {
        do throws(ReactorError) {
            while let count = try Syscalls.receive(fd, loop.readBuffer) {
                lingered += count
                let isEnough = lingered > Self.lingerBytes || loop.now > lingersUntil
                if count == 0 || isEnough { return fail(.closed) }
            }
            loop.schedule(lingerTimer, afterMilliseconds: Self.lingerPauseMilliseconds)
        } catch {
            fail(.closed)
        }
    }

    public func timerFired() {
        if state == .lingering { fail(.closed) }
    }

    func fail(_ reason: TransportEnd) {
        guard state != .ended else { return }
        state = .ended
        end = reason
        if let registration { loop.free(registration) }
        registration = nil
        loop.releaseLater(self)
    }

    /// The turn is over: nothing of this transport is on the stack any more.
    func release() {
        lingerTimer.cancel()
        tls = nil
        preamble = nil
        socket = nil
        output = []
        backlog = []
        let last = delegate
        delegate = nil
        if let end { last?.transportEnded(end) }
    }
}
